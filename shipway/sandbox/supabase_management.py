"""The Supabase Management API: the project, its health, backups, advisors, logs and branches."""

from __future__ import annotations

import hmac
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document

FRESH: dict[str, Any] = {"recovery": None, "restore_point": None, "branches": {}, "logs": []}
SETTINGS: dict[str, Any] = {
    "status": "ACTIVE_HEALTHY",
    "unhealthy": {},  # service to what it says is wrong
    "readonly": False,
    "pitr_enabled": False,
    "pitr_days": 7,
    "backups": 7,  # daily ones; 0 as on the Free plan
    "newest_backup_failed": False,
    "restore_s": 0.3,  # how long a restore takes the project down
    "lints": [],
    "logs_error": None,  # what the log query answers inside its 200
    "branch_s": 0.3,  # how long a branch comes up
    "branch_database": None,  # or {"host", "port", "user", "password"} of a real server
    "tus_exact_chunks": True,  # resumable uploads take 6 MB chunks only, as the hosted service
    "file_size_limit": 50 * 1024**3,
}
_SERVICES = {
    "auth",
    "db",
    "db_postgres_user",
    "pooler",
    "realtime",
    "rest",
    "storage",
    "pg_bouncer",
}
_RATE_LIMIT = 120
_MOST_LINTS = 15
_LONGEST_RANGE = timedelta(hours=24)
_REGION = "eu-central-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The one project and who may ask about it; made once and never changed."""

    ref: str
    access_token: str
    secret_key: str
    created_at: str


def failed(status: int, message: str) -> Response:
    """Return an error in the form of API version 1."""
    return json_response({"message": message}, status)


class RateLimit:
    """Counts calls by the minute for the headers; it never refuses (a fault does that)."""

    def __init__(self) -> None:
        self._minute = 0
        self._used = 0

    def headers(self) -> dict[str, str]:
        """Count one call and return the three headers."""
        now = time.time()
        if int(now // 60) != self._minute:
            self._minute, self._used = int(now // 60), 0
        self._used += 1
        return {
            "X-RateLimit-Limit": str(_RATE_LIMIT),
            "X-RateLimit-Remaining": str(max(_RATE_LIMIT - self._used, 0)),
            "X-RateLimit-Reset": str(60 - int(now % 60)),
        }


class ManagementCalls:
    """The calls below `/v1/projects/{ref}`, apart from branches."""

    def __init__(self, *, owner: Project, document: Document, settings: Document) -> None:
        self._owner = owner
        self._document = document
        self._settings = settings
        self._limit = RateLimit()
        root = "/v1/projects/{ref}"
        backups = f"{root}/database/backups"
        logs = f"{root}/analytics/endpoints"
        get, post = "GET", "POST"
        self.routes: tuple[Route, ...] = (
            route(get, "/v1/projects", self._projects),
            route(get, root, self._project),
            route(get, f"{root}/health", self._health),
            route(get, f"{root}/readonly", self._readonly),
            route(post, f"{root}/readonly/temporary-disable", self._disable_readonly),
            route(get, backups, self._backups),
            route(post, f"{backups}/restore-pitr", self._restore_pitr),
            route(post, f"{backups}/restore", self._restore),
            route(get, f"{backups}/restore-point", self._restore_point),
            route(post, f"{backups}/restore-point", self._make_restore_point),
            route(post, f"{backups}/undo", self._undo),
            route(get, f"{root}/advisors/security", self._security),
            route(get, f"{root}/advisors/performance", self._performance),
            route(post, "/v2/projects/{ref}/advisors/run", self._run_advisors),
            route(get, f"{logs}/logs", self._logs),
            route(get, f"{logs}/logs.all", self._old_logs),
            route(get, f"{root}/config/database/pooler", self._pooler),
        )

    def setting(self, name: str) -> Any:
        """Return one of `SETTINGS` as it is set by now."""
        with self._settings.look() as settings:
            return settings[name]

    def headers(self) -> dict[str, str]:
        """Return the headers of every answer."""
        return self._limit.headers()

    def refused(self, request: Request) -> Response | None:
        """Check the token and whose project is asked for."""
        token = request.bearer()
        if token is None or not hmac.compare_digest(
            token.encode(), self._owner.access_token.encode()
        ):
            return failed(401, "Unauthorized")
        named = re.match(r"/v[12]/projects/([^/]+)", request.path)
        if named and named[1] != self._owner.ref:
            return failed(403, "Your account does not have the necessary privileges")
        return None

    # --- the project ---

    def status(self) -> str:
        """Return the project's status; while it is being restored, that."""
        with self._document.look() as data:
            recovery = data["recovery"]
        if recovery and time.time() < recovery["began_at"] + self.setting("restore_s"):
            return "RESTORING"
        return str(self.setting("status"))

    def _shown(self) -> dict[str, Any]:
        return {
            "id": self._owner.ref,
            "ref": self._owner.ref,
            "organization_id": "sandbox-org",
            "organization_slug": "sandbox-org",
            "name": "shipway sandbox",
            "region": _REGION,
            "created_at": self._owner.created_at,
            "status": self.status(),
            "database": {
                "host": f"db.{self._owner.ref}.supabase.co",
                "version": "17.11.0.018",
                "postgres_engine": "17",
                "release_channel": "ga",
            },
        }

    def _projects(self, request: Request) -> Response:
        del request
        return json_response([self._shown()])

    def _project(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response(self._shown())

    def _health(self, request: Request, ref: str) -> Response:
        del ref
        asked = [name for given in request.query.get("services", ()) for name in given.split(",")]
        if not asked or set(asked) - _SERVICES:
            return failed(400, "services: Invalid enum value")
        unhealthy = self.setting("unhealthy")
        found: list[dict[str, Any]] = []
        for name in asked:
            well = name not in unhealthy
            status = "ACTIVE_HEALTHY" if well else "UNHEALTHY"
            one = {"name": name, "healthy": well, "status": status}
            found.append(one if well else one | {"error": unhealthy[name]})
        return json_response(found)

    def _readonly(self, request: Request, ref: str) -> Response:
        del request, ref
        with self._document.look() as data:
            until = data.get("writable_until", 0)
        override = time.time() < until
        shown = datetime.fromtimestamp(until, UTC).isoformat() if override else ""
        return json_response(
            {
                "enabled": bool(self.setting("readonly")) and not override,
                "override_enabled": override,
                "override_active_until": shown,
            }
        )

    def _disable_readonly(self, request: Request, ref: str) -> Response:
        del request, ref
        with self._document.change() as data:
            data["writable_until"] = time.time() + 15 * 60
        return Response(status=201)

    # --- backups ---

    def _backups(self, request: Request, ref: str) -> Response:
        del request, ref
        now = datetime.now(UTC)
        pitr = bool(self.setting("pitr_enabled"))
        newest = now.replace(hour=2, minute=10, second=0, microsecond=0)
        if newest > now:
            newest -= timedelta(days=1)
        days = 0 if pitr else int(self.setting("backups"))
        broken = bool(self.setting("newest_backup_failed"))
        found = [
            {
                "id": newest.toordinal() - ago,
                "is_physical_backup": True,
                "status": "FAILED" if broken and ago == 0 else "COMPLETED",
                "inserted_at": (newest - timedelta(days=ago)).isoformat(),
            }
            for ago in range(days)
        ]
        window = {}
        if pitr:
            earliest = now - timedelta(days=int(self.setting("pitr_days")))
            window = {
                "earliest_physical_backup_date_unix": int(earliest.timestamp()),
                "latest_physical_backup_date_unix": int(now.timestamp()) - 120,
            }
        return json_response(
            {
                "region": _REGION,
                "walg_enabled": True,
                "pitr_enabled": pitr,
                "backups": found,
                "physical_backup_data": window,
            }
        )

    def _restore_pitr(self, request: Request, ref: str) -> Response:
        del ref
        target = request.json().get("recovery_time_target_unix")
        if not isinstance(target, int) or target < 0:
            return failed(400, "recovery_time_target_unix: Expected a number of at least 0")
        if not self.setting("pitr_enabled"):
            return failed(403, "PITR is not enabled for this project")
        return self._recover(target)

    def _restore(self, request: Request, ref: str) -> Response:
        del ref
        backup = request.json().get("id")
        if not isinstance(backup, int):
            return failed(400, "id: Expected number")
        return self._recover(backup)

    def _recover(self, to: int) -> Response:
        with self._document.change() as data:
            data["recovery"] = {"began_at": time.time(), "to": to}
        return Response(status=201)

    def _make_restore_point(self, request: Request, ref: str) -> Response:
        del ref
        name = request.json().get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 20:  # noqa: PLR2004 - the API's limit
            return failed(400, "name: String must contain at most 20 character(s)")
        done = datetime.now(UTC).isoformat()
        point = {"name": name, "status": "AVAILABLE", "completed_on": done}
        with self._document.change() as data:
            data["restore_point"] = point
        return json_response(point, 201)

    def _restore_point(self, request: Request, ref: str) -> Response:
        del ref
        with self._document.look() as data:
            point = data["restore_point"]
        if point is None or request.first("name", point["name"]) != point["name"]:
            return failed(404, "Restore point not found")
        return json_response(point)

    def _undo(self, request: Request, ref: str) -> Response:
        del ref
        with self._document.look() as data:
            point = data["restore_point"]
        if point is None or request.json().get("name") != point["name"]:
            return failed(404, "Restore point not found")
        return self._recover(0)

    # --- advisors ---

    def _lints(self, category: str) -> list[dict[str, Any]]:
        return [lint for lint in self.setting("lints") if category in lint["categories"]]

    def _security(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response({"lints": self._lints("SECURITY")})

    def _performance(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response({"lints": self._lints("PERFORMANCE")})

    def _run_advisors(self, request: Request, ref: str) -> Response:
        del ref
        asked = request.json().get("data", {}).get("attributes", {}).get("lints", [])
        if not 1 <= len(asked) <= _MOST_LINTS:
            return failed(400, f"lints: between 1 and {_MOST_LINTS} names are needed")
        names = {one["name"] for one in asked}
        found = [lint for lint in self.setting("lints") if lint["name"] in names]
        answer = {"type": "project_advisors", "attributes": {"lints": found}}
        return json_response({"data": answer})

    # --- logs ---

    def _old_logs(self, request: Request, ref: str) -> Response:
        del request, ref
        return failed(410, "This endpoint is gone. Use /analytics/endpoints/logs instead.")

    def _logs(self, request: Request, ref: str) -> Response:
        """Answer rows by time, source and LIMIT; the rest of the SQL is not executed."""
        del ref
        said = self.setting("logs_error")
        if said is not None:
            return json_response({"error": said})
        sql = request.first("sql")
        if re.search(r"count\(\s*\*\s*\)|select\s+\*", sql, re.IGNORECASE):
            return json_response({"error": "Wildcards are not supported in this query"})
        now = datetime.now(UTC)
        start = _moment(request.first("iso_timestamp_start"), now - timedelta(minutes=1))
        end = _moment(request.first("iso_timestamp_end"), now)
        if end - start > _LONGEST_RANGE:
            return json_response({"error": "The time range may be at most 24 hours"})
        with self._document.look() as data:
            rows = list(data["logs"])
        named = set(re.findall(r"'(\w+_logs)'", sql))
        wants_errors = re.search(r"ERROR|>=\s*500|'error'", sql) is not None
        found = [
            row
            for row in rows
            if start.timestamp() * 1000 <= row["ts_ms"] <= end.timestamp() * 1000
            and (not named or row["source"] in named)
            and (not wants_errors or row["level"] in {"error", "fatal"})
        ]
        found.sort(key=lambda row: (-row["ts_ms"], row["id"]))
        if re.search(r"\bcount\(\s*\)", sql, re.IGNORECASE):
            return json_response({"result": [{"count": len(found)}]})
        limit = re.search(r"\blimit\s+(\d+)", sql, re.IGNORECASE)
        return json_response({"result": found[: int(limit[1]) if limit else 1000]})

    def add_log(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keep one row of the project's logs; what is not given gets a plain value."""
        with self._document.change() as data:
            row = {
                "id": f"log-{len(data['logs']) + 1:08d}",
                "ts_ms": int(time.time() * 1000),
                "source": "postgres_logs",
                "severity_text": "INFO",
                "level": "info",
                "event_message": "",
                "log_attributes": {},
                **given,
            }
            data["logs"].append(row)
        return row

    def _pooler(self, request: Request, ref: str) -> Response:
        del request, ref
        host = f"aws-1-{_REGION}.pooler.supabase.com"
        user = f"postgres.{self._owner.ref}"
        url = f"postgresql://{user}:[YOUR-PASSWORD]@{host}:6543/postgres"
        return json_response(
            [
                {
                    "identifier": self._owner.ref,
                    "database_type": "PRIMARY",
                    "is_using_scram_auth": True,
                    "db_user": user,
                    "db_host": host,
                    "db_port": 6543,
                    "db_name": "postgres",
                    "connection_string": url,
                    "connectionString": url,
                    "default_pool_size": None,
                    "max_client_conn": None,
                    "pool_mode": "transaction",
                }
            ]
        )


def _moment(text: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise
