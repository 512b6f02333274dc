"""Faults on command: which calls go wrong, how often, and what had been done by then."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shipway.sandbox.control import Control
from tests.sandbox.conftest import visit

if TYPE_CHECKING:
    from tests.sandbox.conftest import Releases, Standins


def listed(vercel: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = vercel.get("/v7/deployments").json()["deployments"]
    return found


def test_a_call_answers_what_it_was_told_as_often_as_it_was_told(
    vercel: httpx.Client, vercel_control: Control
) -> None:
    body = {"error": {"code": "internal_server_error", "message": "try later"}}
    vercel_control.fault("status", path="/v2/user", status=500, body=body, times=2, after=1)
    assert vercel.get("/v7/deployments").status_code == 200
    answers = [vercel.get("/v2/user") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 500, 500, 200]
    assert answers[1].json() == body


def test_a_429_says_when_to_come_back(management: httpx.Client, supabase_control: Control) -> None:
    supabase_control.fault("status", status=429, headers={"Retry-After": "1"})
    answer = management.get("/readonly")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.headers["x-ratelimit-limit"] == "120"
    assert management.get("/readonly").status_code == 200


def test_a_fault_can_last_for_ever_until_it_is_cleared(
    vercel: httpx.Client, vercel_control: Control
) -> None:
    vercel_control.fault("status", method="GET", status=503, times=None)
    assert [vercel.get("/v2/user").status_code for _ in range(5)] == [503] * 5
    assert vercel_control.faults()[0]["what"] == "status"
    vercel_control.clear()
    assert vercel.get("/v2/user").status_code == 200


def test_a_reset_before_leaves_nothing_done(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault("reset_before", method="POST", path="/v13/deployments")
    with pytest.raises(httpx.ReadError):
        releases.create()
    assert listed(vercel) == []


@pytest.mark.parametrize("what", ["reset_after", "truncated"])
def test_an_answer_can_be_lost_after_all_was_done(
    vercel: httpx.Client, releases: Releases, vercel_control: Control, what: str
) -> None:
    vercel_control.fault(what, method="POST", path="/v13/deployments")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        releases.create()
    assert len(listed(vercel)) == 1


def test_a_success_can_come_with_a_broken_body(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault("invalid_json", method="POST", path="/v13/deployments")
    answer = releases.create()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Unterminated"):
        answer.json()
    assert len(listed(vercel)) == 1


def test_a_stall_is_silent_does_nothing_and_hangs_up(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault("stall", method="POST", path="/v13/deployments", seconds=0.3)
    with pytest.raises(httpx.RemoteProtocolError):
        releases.create()
    vercel_control.fault("stall", path="/v2/user", seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        vercel.get("/v2/user", timeout=0.2)
    assert listed(vercel) == []


def test_a_delay_is_a_late_but_whole_answer(vercel: httpx.Client, vercel_control: Control) -> None:
    vercel_control.fault("delay", path="/v2/user", seconds=0.3)
    began = time.monotonic()
    assert vercel.get("/v2/user").status_code == 200
    assert time.monotonic() - began >= 0.3


def test_the_record_tells_what_was_called_and_what_came_of_it(
    vercel: httpx.Client, vercel_control: Control
) -> None:
    vercel_control.fault("reset_after", method="POST", path="/v2/files")
    content = b"a file"
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    with pytest.raises(httpx.ReadError):
        vercel.post("/v2/files", content=content, headers={"x-vercel-digest": sha1})
    vercel.get("/v9/projects/unknown")
    upload, project = vercel_control.requests()
    assert (upload.method, upload.path, upload.status, upload.lost) == (
        "POST",
        "/v2/files",
        200,
        True,
    )
    assert upload.fault == "reset_after"
    assert upload.body_sha256 == hashlib.sha256(content).hexdigest()
    assert (project.status, project.lost, project.fault) == (404, False, None)
    assert project.query["teamId"].startswith("team_")
    vercel_control.forget_requests()
    assert vercel_control.requests() == []


def test_a_rule_that_says_nothing_is_refused(vercel_control: Control) -> None:
    for what, path in (("explode", ""), ("status", "(")):
        with pytest.raises(httpx.HTTPStatusError, match="400"):
            vercel_control.fault(what, path=path)
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        vercel_control.settings(no_such_switch=True)
    assert vercel_control.faults() == []


def test_the_control_endpoint_wants_its_token(running: Standins) -> None:
    control = Control(running.facts["vercel_api_url"], "guessed")
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        control.fault("status", status=500)
    control.close()


def test_a_reset_leaves_nothing_behind(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    shown = releases.deployed()
    releases.promoted(shown["id"])
    vercel_control.settings(protection="all")
    vercel_control.fault("status", status=500, times=None)
    vercel_control.reset()
    assert listed(vercel) == []
    project = releases.project()
    assert (project["targets"], project["ssoProtection"], project["lastAliasRequest"]) == (
        {},
        None,
        None,
    )
    with pytest.raises(httpx.ConnectError):
        visit(f"http://{shown['url']}/")
