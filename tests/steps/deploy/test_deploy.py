"""Deploying, against the stand-in of Vercel: each end, and what production is after it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from shipway.errors import DeploymentFailed, OutcomeUnknown
from shipway.steps.deploy.deploy import deploy
from shipway.steps.deploy.plan import DeployPlan, in_the_way, plan_deploy
from shipway.steps.deploy.smoke import ROOT_PAGE, SmokePage
from shipway.steps.journal.effects import unannounced
from shipway.values.basics import Unproven
from shipway.values.checks import Verified
from tests.fixtures.hosting_fixtures import BriskClock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shipway.steps.journal.effects import Piece
    from shipway.values.hosting import Deployed
    from tests.fixtures.hosting_fixtures import Hosted

VERIFIED = Verified(at=datetime(2026, 11, 22, tzinfo=UTC), ledger_version=7, results=())


def planned(hosted: Hosted, release_id: str = "r1", **changes: Any) -> DeployPlan:
    return plan_deploy(
        **{
            "release_id": release_id,
            "hosting": hosted.vercel.hosting(),
            "source": hosted.source(),
            "source_why": "it is asked for",
            "pages": (ROOT_PAGE,),
            "commit": "0" * 40,
            "ledger_version": 7,
            "build_timeout_s": 10.0,
            "promote_timeout_s": 5.0,
            **changes,
        }
    )


def deployed(
    hosted: Hosted,
    plan: DeployPlan,
    proof: Verified | Unproven = VERIFIED,
    piece: Piece = unannounced,
) -> Deployed:
    return deploy(
        plan,
        proof,
        replace(hosted.powers, piece=piece),
    )


def second_version(hosted: Hosted, **changes: Any) -> tuple[str, DeployPlan]:
    """Let a first version serve production; return its id and the plan of a second one."""
    first = deployed(hosted, planned(hosted, "r1")).deployment.deployment_id
    hosted.write("index.html", "<h1>Version two</h1>")
    return first, planned(hosted, "r2", **changes)


def assert_first_still_serves(hosted: Hosted, first: str, failure: DeploymentFailed) -> None:
    assert failure.exit_code == 6
    assert failure.unchanged == f"Production is still {first}, as Vercel says."
    assert failure.next_step
    assert hosted.production() == first
    assert "Version one" in hosted.live().text


def test_a_deployment_is_staged_tested_promoted_and_seen_by_the_public(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    result = deployed(hosted, plan)
    assert hosted.production() == result.deployment.deployment_id != first
    assert "Version two" in hosted.live().text
    assert result.previous_id == first
    assert result.production_url == hosted.facts["production_url"]
    assert len(result.smoke) == 2
    meta = hosted.raw(f"/v13/deployments/{result.deployment.deployment_id}")["meta"]
    assert meta == {
        "shipwayRelease": "r2",
        "shipwayPrevious": first,
        "gitCommit": "0" * 40,
        "ledgerVersion": "7",
    }
    assert "is production" in hosted.says.notes[-1]


def test_the_first_deployment_of_a_project_has_no_previous_one(hosted: Hosted) -> None:
    result = deployed(hosted, planned(hosted))
    assert result.previous_id is None
    assert "Version one" in hosted.live().text


def test_a_plan_changes_nothing_and_warns_of_what_could_surprise(hosted: Hosted) -> None:
    link = {"type": "github", "org": "acme", "repo": "shop"}
    hosted.control.settings(git_link=link, rolling_release={"stages": []})
    plan = planned(hosted, commit="0" * 40 + "+changes")
    assert len(plan.warnings) == 3
    assert "Pushes to acme/shop are deployed by Vercel itself" in plan.warnings[0]
    assert hosted.deployments() == []


def test_what_gets_past_a_release_or_surprises_it_is_told_all_at_once(hosted: Hosted) -> None:
    first = deployed(hosted, planned(hosted, "r1")).deployment.deployment_id
    hosted.write("index.html", "<h1>Version two</h1>")
    deployed(hosted, planned(hosted, "r2"))
    assert in_the_way(hosted.vercel.hosting()) == ()
    hosted.vercel.roll_back(first, why="a test")
    while hosted.production() != first:
        hosted.clock.sleep(0.1)
    link = {"type": "github", "org": "acme", "repo": "shop"}
    hosted.control.settings(git_link=link, rolling_release={"stages": []})
    told = [what for what, _ in in_the_way(hosted.vercel.hosting())]
    assert [
        words in one
        for words, one in zip(
            (f"pinned to {first} by a rollback", "acme/shop", "in stages"), told, strict=True
        )
    ] == [True, True, True]
    hosted.control.fault("slow", on="alias", seconds=60)
    hosted.vercel.promote(hosted.deployments()[0]["uid"])
    told = [what for what, _ in in_the_way(hosted.vercel.hosting())]
    assert any("is under way" in one for one in told)


def test_without_a_verification_it_says_so_and_goes_on(hosted: Hosted) -> None:
    missing = Unproven(missing="The database was not verified.", command="invoke db.verify")
    deployed(hosted, planned(hosted), missing)
    assert hosted.says.warnings == ["The database was not verified. Make it with: invoke db.verify"]


def test_a_second_run_of_one_release_deploys_nothing_twice(hosted: Hosted) -> None:
    first = deployed(hosted, planned(hosted))
    again = deployed(hosted, planned(hosted))
    assert again.deployment.deployment_id == first.deployment.deployment_id
    assert len(hosted.deployments()) == 1
    assert hosted.calls("POST", "/promote/") == 1


def test_a_crash_after_staging_goes_on_with_the_same_deployment(hosted: Hosted) -> None:
    staged = hosted.staged("r1")
    result = deployed(hosted, planned(hosted, "r1"))
    assert result.deployment.deployment_id == staged.deployment_id
    assert len(hosted.deployments()) == 1


def test_a_release_whose_build_failed_is_built_anew_on_the_next_run(hosted: Hosted) -> None:
    hosted.control.fault("ERROR", on="build")
    with pytest.raises(DeploymentFailed):
        deployed(hosted, planned(hosted))
    assert deployed(hosted, planned(hosted)).deployment.ready_state == "READY"
    assert len(hosted.deployments()) == 2


@pytest.mark.parametrize("passed_before", [0, 1], ids=["missing files", "created"])
def test_a_lost_answer_to_the_creation_leads_to_one_deployment(
    hosted: Hosted, passed_before: int
) -> None:
    first, plan = second_version(hosted)
    hosted.control.fault(
        "reset_after", method="POST", path="/v13/deployments$", after=passed_before
    )
    deployed(hosted, plan)
    assert hosted.production() != first
    assert len(hosted.deployments()) == 2


def test_a_creation_whose_answers_are_all_lost_is_unknown(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    hosted.control.fault("reset_before", method="POST", path="/v13/deployments$", times=None)
    with pytest.raises(OutcomeUnknown, match="answer to the new deployment was lost"):
        deployed(hosted, plan)
    assert hosted.production() == first
    assert len(hosted.deployments()) == 1


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("ERROR", "npm run build exited with 1"),
        ("CANCELED", "was canceled on Vercel"),
        ("BLOCKED", "TEAM_ACCESS_REQUIRED"),
        ("alias_error", "cert_missing"),
        ("checks_failed", "checks on Vercel failed"),
    ],
)
def test_a_build_that_does_not_end_well_leaves_production_alone(
    hosted: Hosted, outcome: str, words: str
) -> None:
    first, plan = second_version(hosted)
    details: dict[str, Any] = (
        {"message": "npm run build exited with 1"} if outcome == "ERROR" else {}
    )
    hosted.control.fault(outcome, on="build", **details)
    with pytest.raises(DeploymentFailed) as caught:
        deployed(hosted, plan)
    assert words in caught.value.what
    assert_first_still_serves(hosted, first, caught.value)


def test_a_build_that_never_ends_is_canceled_at_the_deadline(hosted: Hosted) -> None:
    first, plan = second_version(hosted, build_timeout_s=0.3)
    hosted.control.fault("never", on="build")
    with pytest.raises(DeploymentFailed, match=r"after 0\.3 s: it was canceled") as caught:
        deployed(hosted, plan)
    assert_first_still_serves(hosted, first, caught.value)
    assert hosted.deployments()[0]["readyState"] == "CANCELED"


def test_a_deployment_that_would_take_the_domains_by_itself_is_canceled(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    hosted.control.settings(build_s=5)
    hosted.control.fault("flag_ignored", on="build")
    with pytest.raises(DeploymentFailed, match="says the contrary: it was canceled") as caught:
        deployed(hosted, plan)
    assert_first_still_serves(hosted, first, caught.value)


def test_a_state_that_nobody_has_heard_of_is_told_and_waited_out(hosted: Hosted) -> None:
    staged = hosted.staged("r1")
    body = hosted.raw(f"/v13/deployments/{staged.deployment_id}") | {"readyState": "PONDERING"}
    hosted.control.fault("status", path=f"{staged.deployment_id}$", times=3, status=200, body=body)
    assert deployed(hosted, planned(hosted)).deployment.deployment_id == staged.deployment_id
    assert [one for one in hosted.says.warnings if "PONDERING" in one] == [
        "Vercel calls the state 'PONDERING', which is new to shipway: waiting on."
    ]


def test_a_page_that_fails_the_smoke_test_keeps_the_deployment_from_the_public(
    hosted: Hosted,
) -> None:
    pages = (ROOT_PAGE, SmokePage(path="/about", contains="Not there"))
    first, plan = second_version(hosted, pages=pages)
    with pytest.raises(DeploymentFailed, match="without the text 'Not there'") as caught:
        deployed(hosted, plan)
    assert_first_still_serves(hosted, first, caught.value)
    assert hosted.calls("POST", "/promote/") == 1


def test_a_login_wall_is_no_pass_and_names_its_cure(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    hosted.control.settings(protection="all_except_custom_domains")
    with pytest.raises(DeploymentFailed, match="login wall") as caught:
        deployed(hosted, plan)
    assert "VERCEL_AUTOMATION_BYPASS_SECRET" in caught.value.next_step
    assert_first_still_serves(hosted, first, caught.value)


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_promotion_that_vercel_calls_failed_is_a_failure(hosted: Hosted, outcome: str) -> None:
    first, plan = second_version(hosted)
    hosted.control.fault(outcome, on="alias")
    with pytest.raises(DeploymentFailed, match=outcome) as caught:
        deployed(hosted, plan)
    assert_first_still_serves(hosted, first, caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "stale", "on": "alias"},
        {"what": "shifted", "on": "alias", "shift_ms": -600_000},
        {"what": "shifted", "on": "alias", "shift_ms": 600_000},
        {"what": "slow", "on": "alias", "seconds": 1},
        {"what": "queued", "on": "alias", "seconds": 0.5},
        {"what": "reset_after", "path": "/promote/"},
        {"what": "reset_before", "path": "/promote/"},
        {"what": "status", "path": "/promote/", "status": 500},
        {"what": "truncated", "path": "/promote/"},
        {"what": "status", "path": "/promote/", "status": 429, "headers": {"Retry-After": "0"}},
        {"what": "status", "path": "/v9/projects", "status": 503, "times": 2, "after": 3},
    ],
    ids=lambda fault: f"{fault['what']}-{fault.get('status', fault.get('shift_ms', ''))}",
)
def test_a_promotion_is_proven_whatever_happens_on_the_way(
    hosted: Hosted, fault: dict[str, Any]
) -> None:
    first, plan = second_version(hosted)
    hosted.control.fault(**fault)
    result = deployed(hosted, plan)
    assert hosted.production() == result.deployment.deployment_id != first
    assert "Version two" in hosted.live().text


def test_a_refused_promotion_is_a_failure_with_vercels_words(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    body = {"error": {"code": "payment_required", "message": "Upgrade your plan"}}
    hosted.control.fault("status", path="/promote/", status=402, body=body)
    with pytest.raises(DeploymentFailed, match="Upgrade your plan") as caught:
        deployed(hosted, plan)
    assert_first_still_serves(hosted, first, caught.value)


def test_a_conflict_that_does_not_end_is_a_failure(hosted: Hosted) -> None:
    first, plan = second_version(hosted, promote_timeout_s=30.0)
    body = {"error": {"code": "conflict", "message": "Not now"}}
    hosted.control.fault("status", path="/promote/", status=409, times=None, body=body)
    with pytest.raises(DeploymentFailed, match=r"goes on refusing.*Not now") as caught:
        deployed(hosted, plan)
    assert_first_still_serves(hosted, first, caught.value)


@pytest.mark.parametrize(
    "fault", [{"what": "never", "on": "alias"}, {"what": "queued", "on": "alias"}]
)
def test_a_promotion_that_does_not_show_in_time_is_unknown_and_names_the_command_that_tells(
    hosted: Hosted, fault: dict[str, Any]
) -> None:
    first, plan = second_version(hosted, promote_timeout_s=0.5)
    hosted.control.fault(**fault)
    with pytest.raises(OutcomeUnknown) as caught:
        deployed(hosted, plan)
    assert f"production was {first}" in caught.value.unchanged
    assert "invoke deploy.status" in caught.value.next_step
    assert hosted.production() == first


def test_production_that_changed_since_the_plan_is_not_overwritten(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    third = hosted.promoted("someone else's")
    announced: list[str] = []

    def heard(effect: str) -> AbstractContextManager[None]:
        announced.append(effect)
        return nullcontext()

    with pytest.raises(DeploymentFailed, match=f"planned when it was {first}") as caught:
        deployed(hosted, plan, piece=heard)
    # What was never asked for is not announced: the way on would take it for under way.
    assert not any(effect.startswith("promote") for effect in announced)
    assert caught.value.unchanged == f"Production is still {third.deployment_id}, as Vercel says."
    assert hosted.production() == third.deployment_id


class ClockOfAnother(BriskClock):
    """In the first pause in which our promotion waits, someone else takes production."""

    def __init__(self, hosted: Hosted, deployment_id: str) -> None:
        self._hosted = hosted
        self._deployment_id = deployment_id

    def sleep(self, seconds: float) -> None:
        if self._hosted.calls("POST", "/promote/") == 2:
            self._hosted.assign_production(self._deployment_id)
        super().sleep(seconds)


def test_another_deployment_that_takes_production_meanwhile_is_noticed(hosted: Hosted) -> None:
    third = hosted.staged("someone else's").deployment_id
    first, plan = second_version(hosted)
    hosted.control.fault("queued", on="alias")
    hosted.clock = ClockOfAnother(hosted, third)
    with pytest.raises(DeploymentFailed, match=f"production became {third}") as caught:
        deployed(hosted, plan)
    assert caught.value.unchanged == f"Vercel says that production is {third} now."
    assert hosted.production() == third != first


def test_a_new_version_that_breaks_only_in_public_is_told_with_the_way_back(
    hosted: Hosted,
) -> None:
    first, plan = second_version(hosted, promote_timeout_s=1.0)
    # The stage answers once; what comes after it fails.
    hosted.control.fault("status", on="serve", times=None, after=1, status=500)
    with pytest.raises(DeploymentFailed, match="was promoted, but") as caught:
        deployed(hosted, plan)
    assert "Production IS dpl_" in caught.value.unchanged
    assert f"deploy.rollback --to {first}" in caught.value.next_step


def test_an_unreachable_vercel_after_the_failure_is_said_and_not_guessed(hosted: Hosted) -> None:
    first, plan = second_version(hosted)
    hosted.control.fault("ERROR", on="build")
    hosted.control.fault("status", path="/v9/projects", status=403, times=None, body={})
    with pytest.raises(DeploymentFailed) as caught:
        deployed(hosted, plan)
    assert caught.value.unchanged == (
        f"Nothing was promoted: production was {first} before, and Vercel could not be asked again."
    )
