"""The Vercel edge against the stand-in, a real server in its own process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shipway.errors import Failed, Refused
from shipway.values.hosting import FilesSource, Reply

if TYPE_CHECKING:
    from tests.fixtures.hosting_fixtures import Hosted


def test_an_empty_project_has_no_production_and_one_public_url(hosted: Hosted) -> None:
    found = hosted.vercel.hosting()
    assert found.production_id is None
    assert found.production_urls == (hosted.facts["production_url"],)
    assert found.project_id == hosted.facts["vercel_project_id"]
    assert (found.last_job, found.git, found.rolled_back) == (None, None, False)


def test_a_staged_deployment_is_built_served_and_public_under_no_domain(hosted: Hosted) -> None:
    staged = hosted.staged()
    assert staged.production
    assert staged.auto_assign_domains is False
    assert hosted.web.get(staged.url + "/").body == "<h1>Version one</h1>"
    assert hosted.production() is None
    assert hosted.live().status_code == 404


def test_only_files_that_vercel_lacks_are_uploaded(hosted: Hosted) -> None:
    hosted.staged("r1")
    assert hosted.calls("POST", "/v2/files") == 2
    hosted.write("index.html", "<h1>Version two</h1>")
    hosted.staged("r2")
    assert hosted.calls("POST", "/v2/files") == 3


def test_a_deployment_is_found_by_the_release_that_made_it(hosted: Hosted) -> None:
    hosted.staged("r1")
    wanted = hosted.staged("r2")
    hosted.staged("r3")
    found = hosted.vercel.find("r2")
    assert found is not None
    assert found.deployment_id == wanted.deployment_id
    assert found.auto_assign_domains is False
    assert hosted.vercel.find("r4") is None


def test_promote_and_rollback_move_production(hosted: Hosted) -> None:
    first = hosted.promoted("r1")
    hosted.write("index.html", "<h1>Version two</h1>")
    second = hosted.promoted("r2")
    found = hosted.vercel.hosting()
    assert found.production_id == second.deployment_id
    assert found.last_job is not None
    assert (found.last_job.kind, found.last_job.to_id) == ("promote", second.deployment_id)
    assert hosted.vercel.serves(hosted.facts["production_url"]) == second.deployment_id
    asked = hosted.vercel.roll_back(first.deployment_id, why="its logs were bad")
    assert asked.reply is Reply.ACCEPTED
    deadline = time.monotonic() + 5
    while not hosted.vercel.hosting().rolled_back:
        assert time.monotonic() < deadline
    after = hosted.vercel.hosting()
    assert after.production_id == first.deployment_id
    assert after.auto_assign_domains is False
    assert "Version one" in hosted.live().text


def test_a_build_that_fails_tells_its_log(hosted: Hosted) -> None:
    hosted.control.fault("ERROR", on="build", message="npm run build exited with 1")
    made = hosted.vercel.create_staged(name="app", source=hosted.source(), meta={})
    assert made is not None
    while (now := hosted.vercel.get(made.deployment_id)).ready_state != "ERROR":
        time.sleep(0.02)
    assert "npm run build exited with 1" in (now.error or "")
    log = hosted.vercel.build_log(made.deployment_id)
    assert any(line.error for line in log)


def test_a_build_can_be_canceled_once(hosted: Hosted) -> None:
    hosted.control.fault("never", on="build")
    made = hosted.vercel.create_staged(name="app", source=hosted.source(), meta={})
    assert made is not None
    assert hosted.vercel.cancel(made.deployment_id)
    assert hosted.vercel.get(made.deployment_id).ready_state == "CANCELED"
    assert not hosted.vercel.cancel(made.deployment_id)


def test_a_token_that_vercel_does_not_know_is_told_apart_from_one_that_may_not(
    hosted: Hosted,
) -> None:
    with pytest.raises(Refused, match="403 forbidden") as unknown:
        hosted.edge(token="not_a_token").hosting()
    assert "make a new one" in unknown.value.next_step
    assert "not_a_token" not in str(unknown.value)
    with pytest.raises(Refused) as elsewhere:
        hosted.edge(team="team_of_others").hosting()
    assert "VERCEL_ORG_ID" in elsewhere.value.next_step
    hosted.control.fault("status", path="/v9/projects", status=401, body={"error": {"code": "x"}})
    with pytest.raises(Refused, match="401") as expired:
        hosted.vercel.hosting()
    assert "make a new one" in expired.value.next_step


def test_a_project_that_is_not_there_is_refused_with_its_id(hosted: Hosted) -> None:
    with pytest.raises(Refused, match="404") as caught:
        hosted.edge(project="prj_unknown").hosting()
    assert "prj_unknown" in caught.value.next_step


def test_preflight_learns_of_git_of_a_pin_and_of_rolling_releases(hosted: Hosted) -> None:
    link = {"type": "github", "org": "acme", "repo": "shop", "productionBranch": "main"}
    hosted.control.settings(git_link=link, pinned_by_rollback=True, rolling_release={"stages": []})
    found = hosted.vercel.hosting()
    assert found.git is not None
    assert found.git.repository == "acme/shop"
    assert found.auto_assign_domains is False
    assert found.rolling_release


@pytest.mark.parametrize("named", ["shop.example", {"alias": "shop.example", "deploymentId": "d"}])
def test_domains_that_were_not_moved_are_read_in_both_of_their_forms(
    hosted: Hosted, named: object
) -> None:
    body = {"aliases": [{"alias": named, "status": "failed"}, None, {"alias": 7}]}
    hosted.control.fault("status", path="/promote/aliases", status=200, body=body)
    assert hosted.vercel.failed_aliases() == ("shop.example",)


@pytest.mark.parametrize("what", ["invalid_json", "truncated"])
def test_a_broken_answer_about_the_project_is_refused(hosted: Hosted, what: str) -> None:
    hosted.control.fault(what, path="/v9/projects", times=None)
    with pytest.raises(Refused, match="did not show the project"):
        hosted.vercel.hosting()


@pytest.mark.parametrize("what", ["reset_after", "truncated", "invalid_json"])
def test_a_lost_answer_to_create_is_no_error_and_is_not_sent_again(
    hosted: Hosted, what: str
) -> None:
    hosted.staged("earlier")
    before = hosted.calls("POST", "/v13/deployments")
    hosted.control.fault(what, method="POST", path="/v13/deployments")
    made = hosted.vercel.create_staged(
        name="app", source=hosted.source(), meta={"shipwayRelease": "lost"}
    )
    assert made is None
    assert hosted.calls("POST", "/v13/deployments") == before + 1
    assert hosted.vercel.find("lost") is not None


def test_create_waits_out_a_429(hosted: Hosted) -> None:
    hosted.control.fault(
        "status",
        method="POST",
        path="/v13/deployments",
        status=429,
        headers={"Retry-After": "0"},
        body={"error": {"code": "rate_limited", "message": "later"}},
    )
    assert hosted.staged("r1").ready_state == "READY"
    assert len(hosted.deployments()) == 1


def test_a_refused_create_says_why(hosted: Hosted) -> None:
    body = {"error": {"code": "payment_required", "message": "Add a card"}}
    hosted.control.fault("status", method="POST", path="/v13/dep", status=402, body=body)
    with pytest.raises(Failed, match="402 payment_required: Add a card"):
        hosted.vercel.create_staged(name="app", source=hosted.source(), meta={})
    assert hosted.deployments() == []


def test_a_file_that_changes_under_the_upload_stops_the_deployment(hosted: Hosted) -> None:
    files = hosted.files()
    hosted.write("index.html", "<h1>Another</h1>")
    with pytest.raises(Failed, match=r"index\.html changed while"):
        hosted.vercel.create_staged(name="app", source=FilesSource(files=files), meta={})
    assert hosted.deployments() == []


def test_an_api_that_asks_for_the_same_files_for_ever_is_left(hosted: Hosted) -> None:
    sha1 = hosted.files()[0].sha1
    body = {"error": {"code": "missing_files", "message": "m", "missing": [sha1]}}
    hosted.control.fault("status", path="/v13/dep", status=400, times=None, body=body)
    with pytest.raises(Failed, match="asks for files"):
        hosted.vercel.create_staged(name="app", source=hosted.source(), meta={})


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        ({"what": "status", "status": 500}, Reply.LOST),
        ({"what": "reset_after"}, Reply.LOST),
        ({"what": "status", "status": 422}, Reply.REJECTED),
        ({"what": "status", "status": 402}, Reply.REJECTED),
        ({"what": "status", "status": 409}, Reply.CONFLICT),
        ({"what": "status", "status": 202}, Reply.QUEUED),
    ],
)
def test_each_answer_to_a_promotion_has_its_meaning(
    hosted: Hosted, fault: dict[str, Any], reply: Reply
) -> None:
    staged = hosted.staged()
    what = str(fault.pop("what"))
    hosted.control.fault(what, path="/promote/", **fault)
    assert hosted.vercel.promote(staged.deployment_id).reply is reply
    assert hosted.calls("POST", "/promote/") == 1


def test_an_api_that_is_down_is_refused_with_its_address(hosted: Hosted) -> None:
    down = hosted.edge(url="http://127.0.0.1:9")
    with pytest.raises(Refused, match=r"127\.0\.0\.1:9"):
        down.hosting()
    assert down.promote("dpl_x").reply is Reply.NOT_SENT


def test_ids_cannot_leave_their_place_in_the_path(hosted: Hosted) -> None:
    with pytest.raises(Refused, match="404"):
        hosted.vercel.get("../../v9/projects/" + hosted.facts["vercel_project_id"])


def test_the_sample_app_of_this_repository_can_be_deployed(hosted: Hosted) -> None:
    hosted.app = Path(__file__).parents[3] / "app"
    assert "Harbour" in hosted.web.get(hosted.staged().url + "/").body
