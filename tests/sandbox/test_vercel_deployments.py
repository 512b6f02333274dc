"""The Vercel stand-in: what a release tool sees while it deploys."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.sandbox.conftest import NO_TLS, visit

if TYPE_CHECKING:
    from shipway.sandbox.control import Control
    from tests.sandbox.conftest import Releases, Standins

PAGE = b"<h1>first</h1>"


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def test_a_wrong_token_a_missing_token_and_a_wrong_team_are_forbidden(
    running: Standins, vercel: httpx.Client
) -> None:
    wrong = vercel.get("/v2/user", headers={"authorization": "Bearer nobody"})
    assert (wrong.status_code, wrong.json()["error"]["invalidToken"]) == (403, True)
    missing = visit(f"{running.facts['vercel_api_url']}/v2/user")
    assert (missing.status_code, missing.json()["error"]["code"]) == (403, "forbidden")
    other = vercel.get("/v9/projects/sandbox-app", params={"teamId": "team_other"})
    assert (other.status_code, other.json()["error"]["code"]) == (403, "forbidden")


def test_a_project_is_not_found_without_its_team(running: Standins, vercel: httpx.Client) -> None:
    vercel.params = httpx.QueryParams()
    answer = vercel.get(f"/v9/projects/{running.facts['vercel_project_id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_files_that_were_not_uploaded_are_named_and_nothing_is_created(
    vercel: httpx.Client, releases: Releases
) -> None:
    files = [{"file": "index.html", "sha": sha1(PAGE), "size": len(PAGE)}]
    answer = releases.create(files=files)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "missing_files"
    assert answer.json()["error"]["missing"] == [sha1(PAGE)]
    assert vercel.get("/v7/deployments").json()["deployments"] == []


def test_an_upload_with_a_wrong_sha1_is_refused(vercel: httpx.Client) -> None:
    answer = vercel.post("/v2/files", content=PAGE, headers={"x-vercel-digest": sha1(b"other")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("header", ["x-vercel-digest", "x-now-digest"])
def test_uploaded_files_are_served_on_the_deployments_own_address(
    vercel: httpx.Client, releases: Releases, header: str
) -> None:
    assert vercel.post("/v2/files", content=PAGE, headers={header: sha1(PAGE)}).json() == {}
    files = [{"file": "index.html", "sha": sha1(PAGE), "size": len(PAGE)}]
    shown = releases.deployed(files=files)
    page = visit(f"http://{shown['url']}/")
    assert (page.status_code, page.content) == (200, PAGE)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-vercel-id"]


def test_a_page_has_a_clean_address_and_a_missing_one_is_404(releases: Releases) -> None:
    files = [{"file": "about.html", "data": "about"}, {"file": "docs/index.html", "data": "docs"}]
    url = f"http://{releases.deployed(files=files)['url']}"
    with httpx.Client(base_url=url, trust_env=False, verify=NO_TLS) as visitor:
        assert visitor.get("/about").text == "about"
        assert visitor.get("/docs").text == "docs"
        assert visitor.get("/nothing").status_code == 404
        assert visitor.get("/../../etc/passwd").status_code == 404


def test_a_build_goes_through_its_states_and_ends_staged(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.settings(build_s=1.0)
    made = releases.create().json()
    assert made["readyState"] == "QUEUED"
    seen: list[str] = []
    while not seen or seen[-1] != "READY":
        state = vercel.get(f"/v13/deployments/{made['url']}").json()["readyState"]
        if state not in seen[-1:]:
            seen.append(state)
    assert [one for one in seen if one != "QUEUED"] == ["INITIALIZING", "BUILDING", "READY"]
    shown = vercel.get(f"/v13/deployments/{made['id']}").json()
    assert shown["readySubstate"] == "STAGED"
    assert shown["autoAssignCustomDomains"] is False
    assert vercel.get("/v9/projects/sandbox-app").json()["targets"] == {}


def test_a_deployment_that_is_not_staged_goes_live_when_it_is_ready(
    running: Standins, vercel: httpx.Client, releases: Releases
) -> None:
    shown = releases.deployed(autoAssignCustomDomains=True)
    assert shown["readySubstate"] == "PROMOTED"
    target = vercel.get("/v9/projects/sandbox-app").json()["targets"]["production"]
    assert target["id"] == shown["id"]
    assert visit(running.facts["production_url"]).content == PAGE


def test_the_staged_flag_can_be_ignored(releases: Releases, vercel_control: Control) -> None:
    vercel_control.fault("flag_ignored", on="build")
    assert releases.create().json()["autoAssignCustomDomains"] is True


@pytest.mark.parametrize("outcome", ["ERROR", "CANCELED", "BLOCKED"])
def test_a_build_can_end_badly_and_serves_nothing(
    releases: Releases, vercel_control: Control, outcome: str
) -> None:
    vercel_control.fault(outcome, on="build")
    shown = releases.deployed()
    assert shown["readyState"] == outcome
    page = visit(f"http://{shown['url']}/")
    assert page.status_code in {303, 403}
    assert PAGE not in page.content


def test_a_build_error_says_why_in_the_deployment_and_in_the_build_log(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault("ERROR", on="build", message="Module not found: ./missing")
    shown = releases.deployed()
    assert (shown["errorCode"], shown["errorMessage"]) == (
        "BUILD_UTILS_SPAWN_1",
        "Module not found: ./missing",
    )
    events = vercel.get(f"/v3/deployments/{shown['id']}/events").json()
    assert any("Module not found" in event.get("text", "") for event in events)


def test_a_build_that_never_ends_can_be_cancelled_once(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault("never", on="build")
    vercel_control.settings(build_s=0.01)
    made = releases.create().json()
    time.sleep(0.05)
    assert vercel.get(f"/v13/deployments/{made['id']}").json()["readyState"] == "BUILDING"
    cancelled = vercel.patch(f"/v12/deployments/{made['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["readyState"]) == (200, "CANCELED")
    assert vercel.patch(f"/v12/deployments/{made['id']}/cancel").status_code == 400


def test_a_ready_build_can_miss_its_domain_or_its_checks(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault("alias_error", on="build")
    vercel_control.fault("checks_failed", on="build")
    first, second = releases.deployed(), releases.deployed()
    assert (first["readyState"], first["aliasAssigned"]) == ("READY", False)
    assert first["aliasError"]["code"] == "cert_missing"
    assert (second["checksState"], second["checksConclusion"]) == ("completed", "failed")
    checks = vercel.get(f"/v1/deployments/{second['id']}/checks").json()["checks"]
    assert checks[0]["conclusion"] == "failed"


@pytest.mark.parametrize("version", ["v6", "v7"])
def test_the_list_is_filtered_and_paged(
    vercel: httpx.Client, releases: Releases, version: str
) -> None:
    ids = [releases.deployed(meta={"release": str(number)})["id"] for number in range(3)]
    preview = releases.deployed(target=None)["id"]

    def listed(**params: str) -> list[str]:
        answer = vercel.get(f"/{version}/deployments", params={**vercel.params, **params})
        return [one["uid"] for one in answer.json()["deployments"]]

    assert listed() == [preview, *reversed(ids)]
    assert listed(target="production", state="READY") == list(reversed(ids))
    assert listed(target="preview") == [preview]
    assert listed(state="ERROR,CANCELED") == []
    assert listed(**{"meta-release": "1"}) == [ids[1]]
    assert listed(rollbackCandidate="true") == []
    assert listed(projectId="prj_of_somebody_else") == []
    page = vercel.get(f"/{version}/deployments", params={**vercel.params, "limit": "2"}).json()
    assert listed(until=str(page["pagination"]["next"])) == list(reversed(ids[:2]))


def test_the_build_log_can_be_followed_until_the_build_ends(
    vercel: httpx.Client, releases: Releases
) -> None:
    made = releases.create().json()
    params = {**vercel.params, "follow": "1", "format": "lines"}
    path = f"/v3/now/deployments/{made['id']}/events"
    with vercel.stream("GET", path, params=params) as answer:
        assert answer.headers["content-type"] == "application/stream+json"
        events = [json.loads(line) for line in answer.iter_lines()]
    assert events[-1]["type"] == "deployment-state"
    assert events[-1]["info"]["readyState"] == "READY"


def test_a_protected_deployment_shows_the_wall_unless_the_secret_is_right(
    running: Standins, vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    url = f"http://{releases.deployed()['url']}/"
    vercel_control.settings(protection="all_except_custom_domains")
    secret = {"x-vercel-protection-bypass": running.facts["vercel_bypass_secret"]}
    wrong = {"x-vercel-protection-bypass": "guessed"}
    with httpx.Client(trust_env=False, verify=NO_TLS) as visitor:
        for headers in ({}, wrong):
            wall = visitor.get(url, headers=headers)
            assert wall.status_code == 302
            assert wall.headers["location"].startswith("https://vercel.com/sso-api?")
        assert visitor.get(url, headers=secret).content == PAGE
    project = vercel.get("/v9/projects/sandbox-app").json()
    assert project["ssoProtection"] == {"deploymentType": "all_except_custom_domains"}
    assert running.facts["vercel_bypass_secret"] in project["protectionBypass"]


def test_a_bypass_secret_can_be_made(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    url = f"http://{releases.deployed()['url']}/"
    vercel_control.settings(protection="all")
    asked = {"generate": {"secret": "s" * 32}}
    made = vercel.patch("/v1/projects/sandbox-app/protection-bypass", json=asked)
    assert "s" * 32 in made.json()["protectionBypass"]
    headers = {"x-vercel-protection-bypass": "s" * 32}
    assert visit(url, headers=headers).content == PAGE


def test_a_redeployment_is_a_new_deployment_with_the_same_files(
    vercel: httpx.Client, releases: Releases
) -> None:
    old = releases.deployed()
    body = {"name": "sandbox-app", "deploymentId": old["id"], "target": "production"}
    new = releases.settled(vercel.post("/v13/deployments", json=body).json()["id"])
    assert new["id"] != old["id"]
    assert visit(f"http://{new['url']}/").content == PAGE


def test_a_source_archive_in_parts_is_unpacked(releases: Releases) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("./index.html")
        member.size = len(PAGE)
        archive.addfile(member, io.BytesIO(PAGE))
    whole = packed.getvalue()
    files = [
        {
            "file": f".vercel/source.tgz.part{number}",
            "data": base64.b64encode(part).decode(),
            "encoding": "base64",
        }
        for number, part in ((2, whole[40:]), (1, whole[:40]))
    ]
    shown = releases.deployed(files=files)
    assert visit(f"http://{shown['url']}/").content == PAGE
    assert releases.create(files=files[:1]).status_code == 400


def test_the_oldest_deployments_go_and_production_stays(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    live, second = releases.deployed()["id"], releases.deployed()["id"]
    releases.promoted(live)
    vercel_control.settings(deployments_kept=2)
    third = releases.deployed()["id"]
    fourth = releases.deployed()["id"]
    listed = [one["uid"] for one in vercel.get("/v7/deployments").json()["deployments"]]
    assert listed[0] == fourth
    assert live in listed
    assert second not in listed
    assert releases.project()["targets"]["production"]["id"] == live
    assert vercel.get(f"/v13/deployments/{third}").status_code == 404


def test_a_deleted_deployment_is_gone(vercel: httpx.Client, releases: Releases) -> None:
    shown = releases.deployed()
    gone = vercel.delete(f"/v13/deployments/{shown['id']}")
    assert gone.json() == {"state": "DELETED", "uid": shown["id"]}
    assert vercel.get(f"/v13/deployments/{shown['id']}").status_code == 404
    with pytest.raises(httpx.ConnectError):
        visit(f"http://{shown['url']}/")
