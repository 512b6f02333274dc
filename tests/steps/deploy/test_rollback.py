"""Going back to an earlier deployment, promoting a chosen one, and telling what serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shipway.errors import DeploymentFailed, OutcomeUnknown, Refused
from shipway.steps.deploy.plan import LiveTerms
from shipway.steps.deploy.production import choose, production_status
from shipway.steps.deploy.rollback import BackPlan, go_back, plan_back
from shipway.steps.deploy.smoke import ROOT_PAGE, SmokePage
from shipway.values.hosting import PREVIOUS_META, RELEASE_META, WentBack

if TYPE_CHECKING:
    from tests.fixtures.hosting_fixtures import Hosted

TERMS = LiveTerms(target="production", previous_id=None, pages=(ROOT_PAGE,), promote_timeout_s=3.0)


def live_after(hosted: Hosted, **meta: str) -> tuple[str, str]:
    """Let a first and then a second version serve; return both ids."""
    first = hosted.promoted("r1").deployment_id
    hosted.write("index.html", "<h1>Version two</h1>")
    made = hosted.vercel.create_staged(
        name="app", source=hosted.source(), meta={RELEASE_META: "r2", PREVIOUS_META: first, **meta}
    )
    assert made is not None
    hosted.until_ready(made.deployment_id)
    hosted.promote(made.deployment_id)
    return first, made.deployment_id


def planned(hosted: Hosted, **changes: Any) -> BackPlan:
    now = production_status(hosted.vercel)
    return plan_back(TERMS, **{"hosting": now.hosting, "current": now.current, **changes})


def went_back(hosted: Hosted, plan: BackPlan) -> WentBack:
    return go_back(plan, hosted.powers)


def test_production_returns_to_the_deployment_that_the_release_recorded(hosted: Hosted) -> None:
    first, second = live_after(hosted)
    plan = planned(hosted)
    assert (plan.from_id, plan.to_id) == (second, first)
    result = went_back(hosted, plan)
    assert (result.from_id, result.to_id) == (second, first)
    assert hosted.production() == first
    assert "Version one" in hosted.live().text
    assert any("stay staged" in one for one in hosted.says.warnings)


def test_a_named_deployment_comes_before_the_recorded_one(hosted: Hosted) -> None:
    first, second = live_after(hosted)
    third = hosted.promoted("r3").deployment_id
    assert planned(hosted, to=first).to_id == first
    went_back(hosted, planned(hosted, to=second))
    assert hosted.production() == second != third


def test_where_nothing_is_recorded_the_deployment_has_to_be_named(hosted: Hosted) -> None:
    hosted.promoted("r1")
    with pytest.raises(Refused, match="does not say which") as caught:
        planned(hosted)
    assert "invoke deploy.rollback --target production --to" in caught.value.next_step


def test_there_is_no_way_back_from_nothing_or_to_itself(hosted: Hosted) -> None:
    with pytest.raises(Refused, match="Nothing serves production"):
        planned(hosted)
    live = hosted.promoted("r1").deployment_id
    with pytest.raises(Refused, match="serves production already"):
        planned(hosted, to=live)


def test_a_deployment_that_never_served_cannot_be_gone_back_to(hosted: Hosted) -> None:
    staged = hosted.staged("other").deployment_id
    _, second = live_after(hosted)
    with pytest.raises(DeploymentFailed, match="never served production") as caught:
        went_back(hosted, planned(hosted, to=staged))
    assert caught.value.unchanged == f"Production is still {second}, as Vercel says."
    assert hosted.production() == second


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"what": "failed", "on": "alias"}, DeploymentFailed),
        ({"what": "never", "on": "alias"}, OutcomeUnknown),
        ({"what": "status", "path": "/rollback/", "status": 402}, DeploymentFailed),
    ],
)
def test_a_rollback_that_is_not_proven_is_not_told_as_done(
    hosted: Hosted, fault: dict[str, Any], error: type[Exception]
) -> None:
    _, second = live_after(hosted)
    hosted.control.fault(**fault)
    with pytest.raises(error):
        went_back(hosted, planned(hosted))
    assert hosted.production() == second
    assert hosted.says.notes == []


def test_a_lost_answer_to_a_rollback_ends_in_the_proven_state(hosted: Hosted) -> None:
    first, _ = live_after(hosted)
    hosted.control.fault("reset_after", path="/rollback/")
    assert went_back(hosted, planned(hosted)).to_id == first
    assert hosted.calls("POST", "/rollback/") == 1


def test_a_page_that_the_old_version_lacks_is_told_and_no_failure(hosted: Hosted) -> None:
    first, _ = live_after(hosted)
    now = production_status(hosted.vercel)
    terms = LiveTerms(
        target="default",
        previous_id=None,
        pages=(ROOT_PAGE, SmokePage(path="/new-page")),
        promote_timeout_s=0.5,
    )
    plan = plan_back(terms, hosting=now.hosting, current=now.current)
    assert went_back(hosted, plan).to_id == first
    assert any("/new-page" in one for one in hosted.says.warnings)


def test_the_status_tells_release_way_back_and_domains(hosted: Hosted) -> None:
    assert production_status(hosted.vercel).current is None
    first, second = live_after(hosted)
    found = production_status(hosted.vercel)
    assert found.current is not None
    assert found.current.deployment_id == second
    assert (found.release_id, found.previous_id, found.elsewhere) == ("r2", first, ())


def test_only_a_ready_production_build_can_be_chosen(hosted: Hosted) -> None:
    staged = hosted.staged("r1")
    assert choose(hosted.vercel, staged.deployment_id).deployment_id == staged.deployment_id
    assert choose(hosted.vercel, staged.url.removeprefix("http://")) == staged
    hosted.control.fault("ERROR", on="build")
    made = hosted.vercel.create_staged(name="app", source=hosted.source(), meta={})
    assert made is not None
    hosted.control.settings(build_s=0)
    with pytest.raises(Refused, match="cannot be promoted"):
        choose(hosted.vercel, made.deployment_id)
    with pytest.raises(Refused, match="404"):
        choose(hosted.vercel, "dpl_unknown")
