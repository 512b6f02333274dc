"""The Vercel stand-in: how production moves, and in which ways it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.conftest import visit

if TYPE_CHECKING:
    import httpx

    from shipway.sandbox.control import Control
    from tests.sandbox.conftest import Releases, Standins


def page(text: str) -> list[dict[str, str]]:
    return [{"file": "index.html", "data": text}]


def live(running: Standins) -> httpx.Response:
    return visit(running.facts["production_url"])


def two_live(releases: Releases) -> tuple[str, str]:
    """Return two deployments that have served production; the second does."""
    ids = [releases.deployed(files=page(text))["id"] for text in ("one", "two")]
    for one in ids:
        releases.promoted(one)
    return ids[0], ids[1]


def test_production_is_not_found_before_the_first_promotion(
    running: Standins, vercel: httpx.Client
) -> None:
    del vercel
    answer = live(running)
    assert answer.status_code == 404
    assert answer.headers["x-vercel-error"] == "DEPLOYMENT_NOT_FOUND"


def test_a_promotion_moves_the_job_and_then_production(
    running: Standins, vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    first, second = (releases.deployed(files=page(text))["id"] for text in ("one", "two"))
    releases.promoted(first)
    vercel_control.settings(alias_s=0.6)
    answer = releases.promote(second)
    assert (answer.status_code, answer.content) == (201, b"")
    assert live(running).text == "one"
    seen = []
    while "succeeded" not in seen:
        job = releases.project()["lastAliasRequest"]
        assert (job["type"], job["fromDeploymentId"], job["toDeploymentId"]) == (
            "promote",
            first,
            second,
        )
        if job["jobStatus"] not in seen:
            seen.append(job["jobStatus"])
    assert seen == ["pending", "in-progress", "succeeded"]
    assert live(running).text == "two"
    assert releases.project()["targets"]["production"]["id"] == second
    host = running.facts["production_url"].removeprefix("http://")
    assert vercel.get(f"/v4/aliases/{host}").json()["deploymentId"] == second
    assert releases.settled(second)["readySubstate"] == "PROMOTED"
    assert releases.settled(second)["alias"] == [host]


def test_the_current_deployment_cannot_be_promoted_again(releases: Releases) -> None:
    shown = releases.deployed()
    releases.promoted(shown["id"])
    answer = releases.promote(shown["id"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_a_second_promotion_waits_for_the_first(
    releases: Releases, vercel_control: Control
) -> None:
    first, second = releases.deployed()["id"], releases.deployed()["id"]
    vercel_control.fault("never", on="alias")
    assert releases.promote(first).status_code == 201
    assert releases.promote(second).status_code == 409


@pytest.mark.parametrize("target", [None, "production"])
def test_what_is_not_ready_for_production_cannot_be_promoted(
    releases: Releases, vercel_control: Control, target: str | None
) -> None:
    if target:
        vercel_control.fault("ERROR", on="build")
    shown = releases.deployed(target=target)
    assert releases.promote(shown["id"]).status_code == 422
    assert releases.project()["targets"] == {}


def test_an_unknown_deployment_cannot_be_promoted(releases: Releases) -> None:
    assert releases.promote("dpl_unknown").status_code == 404


@pytest.mark.parametrize("version", ["v1", "v9"])
def test_a_rollback_goes_back_and_pins(
    running: Standins, vercel: httpx.Client, releases: Releases, version: str
) -> None:
    first, second = two_live(releases)
    path = f"/{version}/projects/sandbox-app/rollback/{first}"
    params = {**vercel.params, "description": "the logs were bad"}
    assert vercel.post(path, json={}, params=params).status_code == 201
    project = releases.job_ended()
    assert project["lastAliasRequest"]["type"] == "rollback"
    assert project["targets"]["production"]["id"] == first
    assert live(running).text == "one"
    assert project["autoAssignCustomDomains"] is False
    assert project["rollbackDescription"]["description"] == "the logs were bad"
    # From now on even a deployment that is not staged stays staged ...
    third = releases.deployed(autoAssignCustomDomains=True)
    assert third["readySubstate"] == "STAGED"
    assert live(running).text == "one"
    # ... until an explicit promotion.
    assert releases.promoted(second)["autoAssignCustomDomains"] is True


def test_a_rollback_needs_a_deployment_that_has_served(
    vercel: httpx.Client, releases: Releases
) -> None:
    first, second = two_live(releases)
    third = releases.deployed()["id"]
    answers = [
        vercel.post(f"/v1/projects/sandbox-app/rollback/{one}", json={}).status_code
        for one in (third, second, "dpl_unknown")
    ]
    assert answers == [422, 409, 404]
    assert releases.project()["targets"]["production"]["id"] == second
    candidates = vercel.get(
        "/v7/deployments", params={**vercel.params, "rollbackCandidate": "true"}
    ).json()["deployments"]
    assert [one["uid"] for one in candidates] == [first]


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_promotion_job_can_end_without_moving_anything(
    running: Standins,
    vercel: httpx.Client,
    releases: Releases,
    vercel_control: Control,
    outcome: str,
) -> None:
    two_live(releases)
    vercel_control.fault(outcome, on="alias")
    third = releases.deployed(files=page("three"))["id"]
    assert releases.promoted(third)["lastAliasRequest"]["jobStatus"] == outcome
    assert live(running).text == "two"
    failed = vercel.get(
        "/v1/projects/sandbox-app/promote/aliases", params={**vercel.params, "failedOnly": "true"}
    ).json()["aliases"]
    assert [one["status"] for one in failed] == (["failed"] if outcome == "failed" else [])


def test_a_queued_promotion_is_accepted_and_comes_later_or_never(
    running: Standins, releases: Releases, vercel_control: Control
) -> None:
    _, second = two_live(releases)
    before = releases.project()["lastAliasRequest"]
    third = releases.deployed(files=page("three"))["id"]
    vercel_control.fault("queued", on="alias", seconds=0.3)
    assert releases.promote(third).status_code == 202
    assert releases.project()["lastAliasRequest"] == before
    while releases.project()["lastAliasRequest"]["toDeploymentId"] == second:
        assert live(running).text == "two"
    releases.job_ended()
    assert live(running).text == "three"
    vercel_control.fault("queued", on="alias")
    assert releases.promote(second).status_code == 202
    assert releases.project()["lastAliasRequest"]["toDeploymentId"] == third


def test_the_project_can_go_on_telling_of_the_job_before(
    running: Standins, releases: Releases, vercel_control: Control
) -> None:
    _, second = two_live(releases)
    third = releases.deployed(files=page("three"))["id"]
    vercel_control.fault("stale", on="alias")
    assert releases.promote(third).status_code == 201
    while live(running).text != "three":
        assert releases.project()["lastAliasRequest"]["toDeploymentId"] == second
    assert releases.project()["lastAliasRequest"]["toDeploymentId"] == second


def test_the_time_of_a_request_can_be_off(releases: Releases, vercel_control: Control) -> None:
    shown = releases.deployed()
    vercel_control.fault("shifted", on="alias", shift_ms=-600_000)
    job = releases.promoted(shown["id"])["lastAliasRequest"]
    assert job["requestedAt"] < shown["createdAt"] - 500_000


def test_a_deployment_that_is_deleted_takes_its_promotion_and_its_aliases_along(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    shown = releases.deployed()
    vercel.post(f"/v2/deployments/{shown['id']}/aliases", json={"alias": "next.example.com"})
    vercel_control.fault("slow", on="alias", seconds=60)
    assert releases.promote(shown["id"]).status_code == 201
    vercel.delete(f"/v13/deployments/{shown['id']}")
    assert releases.job_ended()["lastAliasRequest"]["jobStatus"] == "failed"
    assert vercel.get("/v4/aliases/next.example.com").status_code == 404
    assert releases.project()["targets"] == {}


def test_the_projects_switches_show_on_its_wire(
    releases: Releases, vercel_control: Control
) -> None:
    link = {"type": "github", "repo": "acme/app", "productionBranch": "main"}
    vercel_control.settings(git_link=link, pinned_by_rollback=True)
    project = releases.project()
    assert project["link"] == link
    assert project["autoAssignCustomDomains"] is False


def test_aliases_of_ones_own_point_where_they_were_put(
    running: Standins, vercel: httpx.Client, releases: Releases
) -> None:
    first, second = releases.deployed()["id"], releases.deployed()["id"]
    for one in (first, second):
        path = f"/v2/deployments/{one}/aliases"
        answer = vercel.post(path, json={"alias": "next.example.com"}).json()
    assert answer["oldDeploymentId"] == first
    listed = vercel.get(f"/v2/deployments/{second}/aliases").json()["aliases"]
    assert [one["alias"] for one in listed] == ["next.example.com"]
    assert vercel.get("/v4/aliases/next.example.com").json()["deploymentId"] == second
    domains = vercel.get("/v9/projects/sandbox-app/domains").json()["domains"]
    host = running.facts["production_url"].removeprefix("http://")
    assert [one["name"] for one in domains] == [host]
