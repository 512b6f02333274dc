"""The Supabase stand-in: the Management API, held against the official description."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.sandbox.conftest import visit

if TYPE_CHECKING:
    import httpx

    from shipway.sandbox.control import Control
    from tests.sandbox.conftest import Standins

# The official file where this checkout has it beside itself; else the shapes below, which say less.
_SPEC = Path(__file__).parents[3] / "shared" / "specs" / "supabase-management-v1.openapi.json"
_PROJECT = "/v1/projects/{ref}"


def _object(**properties: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }


_SHAPES: dict[str, dict[str, Any]] = {
    _PROJECT: _object(ref="string", status="string", region="string", database="object"),
    f"{_PROJECT}/health": {
        "type": "array",
        "items": _object(name="string", healthy="boolean", status="string"),
    },
    f"{_PROJECT}/readonly": _object(enabled="boolean", override_enabled="boolean"),
    f"{_PROJECT}/database/backups": _object(
        pitr_enabled="boolean", walg_enabled="boolean", backups="array", region="string"
    ),
    f"{_PROJECT}/database/backups/restore-point": _object(name="string", status="string"),
    f"{_PROJECT}/advisors/security": _object(lints="array"),
    f"{_PROJECT}/advisors/performance": _object(lints="array"),
    f"{_PROJECT}/config/database/pooler": {
        "type": "array",
        "items": _object(db_host="string", db_port="integer", pool_mode="string"),
    },
    f"{_PROJECT}/branches": {"type": "array", "items": _object(id="string", project_ref="string")},
    f"{_PROJECT}/branches/{{name}}": _object(id="string", project_ref="string"),
    f"{_PROJECT}/api-keys": {"type": "array", "items": _object(name="string")},
    "/v1/branches/{branch_id_or_ref}": _object(ref="string", db_host="string", db_port="integer"),
}
_LINT = {
    "name": "rls_disabled_in_public",
    "title": "RLS Disabled in Public",
    "level": "ERROR",
    "facing": "EXTERNAL",
    "categories": ["SECURITY"],
    "description": "A table is open.",
    "detail": "Table `public.notes` is public, but RLS has not been enabled.",
    "remediation": "https://supabase.com/docs/guides/database/database-linter",
    "metadata": {"schema": "public", "name": "notes", "type": "table"},
    "cache_key": "rls_disabled_in_public_public_notes",
}


def _plain(schema: Any, whole: dict[str, Any]) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema: references resolved, nullable spelled out."""
    if isinstance(schema, list):
        return [_plain(one, whole) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _plain(whole["components"]["schemas"][name], whole)
    plain = {key: _plain(value, whole) for key, value in schema.items() if key != "nullable"}
    if isinstance(plain.get("exclusiveMinimum"), bool):
        del plain["exclusiveMinimum"]
    if schema.get("nullable") and "type" in plain:
        plain["type"] = [plain["type"], "null"]
    return plain


def check_shape(answer: httpx.Response, path: str, method: str = "get") -> Any:
    """Hold an answer against the description of its call, and return its JSON."""
    shape = _SHAPES[path]
    if method == "post" and shape.get("type") == "array":
        shape = shape["items"]
    if _SPEC.is_file():
        whole = json.loads(_SPEC.read_text())
        described = whole["paths"][path][method]["responses"][str(answer.status_code)]
        shape = _plain(described["content"]["application/json"]["schema"], whole)
    jsonschema.validate(answer.json(), shape)
    return answer.json()


def test_a_wrong_or_missing_token_and_another_project_are_refused(
    running: Standins, management: httpx.Client
) -> None:
    assert (
        management.get(
            running.project_url, headers={"authorization": "Bearer sbp_wrong"}
        ).status_code
        == 401
    )
    url = f"{running.facts['supabase_api_url']}/v1/projects/{'a' * 20}"
    missing = visit(url)
    assert (missing.status_code, missing.json()) == (401, {"message": "Unauthorized"})
    assert visit(url, headers=running.supabase_headers).status_code == 403


def test_an_unknown_call_is_not_found_in_supabases_words(management: httpx.Client) -> None:
    answer = management.get("/nothing")
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("Cannot GET /v1/projects/")


def test_every_answer_tells_the_rate_limit(management: httpx.Client) -> None:
    for path in ("/health", "/nothing", "/readonly"):
        headers = management.get(path).headers
        assert headers["x-ratelimit-limit"] == "120"
        assert 0 < int(headers["x-ratelimit-reset"]) <= 60
        # Not a countdown: a new minute may begin between two calls.
        assert 0 <= int(headers["x-ratelimit-remaining"]) < 120


def test_the_rate_limit_can_be_kept_for_the_rest_of_the_minute(
    running: Standins, management: httpx.Client, supabase_control: Control
) -> None:
    supabase_control.settings(rate_limit=0, rate_limit_kept=True)
    answer = management.get("/readonly")
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (429, "0")
    url = f"{running.facts['supabase_url']}/storage/v1/bucket"
    storage = visit(url, headers=running.storage_headers)
    assert (storage.status_code, "x-ratelimit-limit" in storage.headers) == (200, False)


def test_the_project_shows_itself_and_its_status(
    running: Standins, management: httpx.Client, supabase_control: Control
) -> None:
    shown = check_shape(management.get(running.project_url), _PROJECT)
    assert (shown["ref"], shown["status"]) == (running.facts["project_ref"], "ACTIVE_HEALTHY")
    supabase_control.settings(status="INACTIVE")
    assert check_shape(management.get(running.project_url), _PROJECT)["status"] == "INACTIVE"


def test_health_tells_of_the_services_that_were_asked_for(
    management: httpx.Client, supabase_control: Control
) -> None:
    path = f"{_PROJECT}/health"
    supabase_control.settings(unhealthy={"storage": "no disk"})
    answer = management.get("/health", params={"services": ["db", "storage"]})
    db, storage = check_shape(answer, path)
    assert (db["status"], storage["status"]) == ("ACTIVE_HEALTHY", "UNHEALTHY")
    assert storage["error"] == "no disk"
    joined = check_shape(management.get("/health", params={"services": "db,auth"}), path)
    assert [one["name"] for one in joined] == ["db", "auth"]
    assert management.get("/health").status_code == 400


def test_read_only_mode_can_be_lifted_for_a_while(
    management: httpx.Client, supabase_control: Control
) -> None:
    path = f"{_PROJECT}/readonly"
    assert check_shape(management.get("/readonly"), path)["enabled"] is False
    supabase_control.settings(readonly=True)
    assert check_shape(management.get("/readonly"), path)["enabled"] is True
    assert management.post("/readonly/temporary-disable").status_code == 201
    lifted = check_shape(management.get("/readonly"), path)
    assert (lifted["enabled"], lifted["override_enabled"]) == (False, True)


def test_daily_backups_are_listed_newest_first(
    management: httpx.Client, supabase_control: Control
) -> None:
    path = f"{_PROJECT}/database/backups"
    shown = check_shape(management.get("/database/backups"), path)
    assert (shown["pitr_enabled"], len(shown["backups"])) == (False, 7)
    times = [datetime.fromisoformat(one["inserted_at"]) for one in shown["backups"]]
    assert times == sorted(times, reverse=True)
    assert datetime.now(UTC) - times[0] < timedelta(days=1)
    supabase_control.settings(newest_backup_failed=True)
    failed = check_shape(management.get("/database/backups"), path)["backups"]
    assert [one["status"] for one in failed[:2]] == ["FAILED", "COMPLETED"]
    supabase_control.settings(backups=0)
    assert check_shape(management.get("/database/backups"), path)["backups"] == []


def test_point_in_time_recovery_shows_its_window_and_takes_the_project_down(
    running: Standins, management: httpx.Client, supabase_control: Control
) -> None:
    target = {"recovery_time_target_unix": int(time.time()) - 600}
    assert management.post("/database/backups/restore-pitr", json=target).status_code == 403
    supabase_control.settings(pitr_enabled=True, pitr_days=14, restore_s=0.4)
    path = f"{_PROJECT}/database/backups"
    shown = check_shape(management.get("/database/backups"), path)
    window = shown["physical_backup_data"]
    newest = window["latest_physical_backup_date_unix"]
    assert shown["backups"] == []
    assert newest - window["earliest_physical_backup_date_unix"] > 13 * 86400
    answer = management.post("/database/backups/restore-pitr", json=target)
    assert (answer.status_code, answer.content) == (201, b"")
    assert management.get(running.project_url).json()["status"] == "RESTORING"
    while management.get(running.project_url).json()["status"] == "RESTORING":
        time.sleep(0.02)
    assert management.get(running.project_url).json()["status"] == "ACTIVE_HEALTHY"
    bad = {"recovery_time_target_unix": "yesterday"}
    assert management.post("/database/backups/restore-pitr", json=bad).status_code == 400


def test_a_restore_point_is_made_once_and_found(management: httpx.Client) -> None:
    path = f"{_PROJECT}/database/backups/restore-point"
    call = "/database/backups/restore-point"
    assert management.get(call).status_code == 404
    made = management.post(call, json={"name": "before-007"})
    assert check_shape(made, path, "post")["status"] == "AVAILABLE"
    assert check_shape(management.get(call), path)["name"] == "before-007"
    assert management.post(call, json={"name": "x" * 21}).status_code == 400
    undone = management.post("/database/backups/undo", json={"name": "before-007"})
    assert undone.status_code == 201


def test_advisors_of_both_versions_tell_the_same(
    running: Standins, management: httpx.Client, supabase_control: Control
) -> None:
    supabase_control.settings(lints=[_LINT])
    security = check_shape(management.get("/advisors/security"), f"{_PROJECT}/advisors/security")
    assert security["lints"] == [_LINT]
    performance = management.get("/advisors/performance")
    assert check_shape(performance, f"{_PROJECT}/advisors/performance")["lints"] == []
    url = f"{running.facts['supabase_api_url']}/v2/projects/{running.facts['project_ref']}"

    def run(*names: str) -> httpx.Response:
        lints = [{"name": name} for name in names]
        body = {"data": {"type": "project_advisors", "attributes": {"lints": lints}}}
        return management.post(f"{url}/advisors/run", json=body)

    assert run(_LINT["name"]).json()["data"]["attributes"]["lints"] == [_LINT]  # type: ignore[arg-type]
    assert run("duplicate_index").json()["data"]["attributes"]["lints"] == []
    assert run().status_code == run(*["x"] * 16).status_code == 400


def test_logs_are_found_by_time_source_and_level(
    management: httpx.Client, supabase_control: Control
) -> None:
    now = datetime.now(UTC)
    hour_ago = int((now - timedelta(hours=1)).timestamp() * 1000)
    supabase_control.log_row(event_message="old", level="error", ts_ms=hour_ago)
    supabase_control.log_row(event_message="fine")
    supabase_control.log_row(event_message="deadlock", level="error", severity_text="ERROR")
    supabase_control.log_row(event_message="edge", source="edge_logs", level="error")

    def ask(sql: str, **range_: str) -> dict[str, Any]:
        params = {"sql": sql, **range_}
        found: dict[str, Any] = management.get("/analytics/endpoints/logs", params=params).json()
        return found

    errors = (
        "select id, event_message from logs where source = 'postgres_logs' and level in ('ERROR')"
    )
    assert [one["event_message"] for one in ask(f"{errors} limit 10")["result"]] == ["deadlock"]
    wide = {
        "iso_timestamp_start": (now - timedelta(hours=2)).isoformat(),
        "iso_timestamp_end": (now + timedelta(minutes=1)).isoformat(),
    }
    found = ask(f"{errors} limit 10", **wide)["result"]
    assert [one["event_message"] for one in found] == ["deadlock", "old"]
    assert ask("select count() from logs limit 1")["result"] == [{"count": 3}]


def test_a_log_query_can_fail_inside_a_200_and_the_old_call_is_gone(
    management: httpx.Client, supabase_control: Control
) -> None:
    path = "/analytics/endpoints/logs"
    for sql in ("select * from logs limit 1", "select count(*) from logs"):
        answer = management.get(path, params={"sql": sql})
        assert (answer.status_code, "result" in answer.json()) == (200, False)
        assert answer.json()["error"]
    days = {
        "iso_timestamp_start": "2026-01-01T00:00:00Z",
        "iso_timestamp_end": "2026-01-03T00:00:00Z",
    }
    assert "24 hours" in management.get(path, params=days).json()["error"]
    supabase_control.settings(logs_error="the warehouse is away")
    assert management.get(path).json() == {"error": "the warehouse is away"}
    assert management.get(f"{path}.all").status_code == 410


def test_the_pooler_tells_everything_but_the_password(management: httpx.Client) -> None:
    shown = check_shape(
        management.get("/config/database/pooler"), f"{_PROJECT}/config/database/pooler"
    )
    assert "[YOUR-PASSWORD]" in shown[0]["connection_string"]


def test_the_secret_key_is_shown_only_when_it_is_asked_for(
    running: Standins, management: httpx.Client
) -> None:
    path = f"{_PROJECT}/api-keys"
    hidden = check_shape(management.get("/api-keys"), path)
    assert running.facts["supabase_secret_key"] not in str(hidden)
    shown = check_shape(management.get("/api-keys", params={"reveal": "true"}), path)
    assert shown[0]["api_key"] == running.facts["supabase_secret_key"]


def test_a_branch_comes_up_gives_its_credentials_and_is_deleted(
    running: Standins, management: httpx.Client, supabase_control: Control
) -> None:
    database = {"host": "127.0.0.1", "port": 6000, "user": "postgres", "password": "p"}
    supabase_control.settings(branch_s=0.3, branch_database=database)
    made = check_shape(
        management.post("/branches", json={"branch_name": "rehearsal", "with_data": True}),
        f"{_PROJECT}/branches",
        "post",
    )
    assert (made["preview_project_status"], made["with_data"]) == ("COMING_UP", True)
    assert check_shape(management.get("/branches"), f"{_PROJECT}/branches")[0]["id"] == made["id"]
    named = check_shape(management.get("/branches/rehearsal"), f"{_PROJECT}/branches/{{name}}")
    assert named["id"] == made["id"]
    assert management.get("/branches/unknown").status_code == 404
    base = f"{running.facts['supabase_api_url']}/v1/branches"
    shape = "/v1/branches/{branch_id_or_ref}"
    for key in (made["id"], made["project_ref"]):
        shown = check_shape(management.get(f"{base}/{key}"), shape)
        assert (shown["db_host"], shown["db_port"], shown["db_pass"]) == ("127.0.0.1", 6000, "p")
    while management.get(f"{base}/{made['id']}").json()["status"] != "ACTIVE_HEALTHY":
        time.sleep(0.02)
    assert management.delete(f"{base}/{made['project_ref']}").json() == {"message": "ok"}
    assert management.get(f"{base}/{made['id']}").status_code == 404
    assert management.get("/branches").json() == []


@pytest.mark.parametrize("attributes", [{"name": "rehearsal"}, {}])
def test_branches_of_version_two_come_in_an_envelope(
    running: Standins, management: httpx.Client, attributes: dict[str, str]
) -> None:
    url = f"{running.facts['supabase_api_url']}/v2/projects/{running.facts['project_ref']}/branches"
    body = {"data": {"type": "branch", "attributes": attributes}}
    answer = management.post(url, json=body)
    if attributes:
        assert answer.status_code == 201
        assert answer.json()["data"]["attributes"]["name"] == "rehearsal"
    else:
        assert answer.status_code == 400
