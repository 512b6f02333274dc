"""Watching a deployment on the stand-in: what leads to which verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shipway.errors import LogsBad, LogsSilent
from shipway.steps.deploy.smoke import ROOT_PAGE
from shipway.steps.watch.database_log import NotAsked
from shipway.steps.watch.log_stream import Listening
from shipway.steps.watch.plan import WatchPlan
from shipway.steps.watch.verdict import refuse_bad, weigh_silence
from shipway.steps.watch.watch import watch
from shipway.values.logs import Baseline, Verdict, Watched

if TYPE_CHECKING:
    from shipway.values.hosting import Deployment
    from tests.fixtures.hosting_fixtures import Hosted


def planned(hosted: Hosted, deployment: Deployment, **changes: Any) -> WatchPlan:
    return WatchPlan(
        **{
            "deployment_id": deployment.deployment_id,
            "base_url": hosted.facts["production_url"],
            "pages": (ROOT_PAGE,),
            "window_s": 1.0,
            "probe_every_s": 0.02,
            "min_requests": 5,
            "max_error_rate": 0.02,
            "baseline": Baseline(),
            **changes,
        }
    )


def watched(hosted: Hosted, plan: WatchPlan) -> Watched:
    return watch(
        plan,
        hosted.logs,
        hosted.watch_powers(NotAsked("nobody asks here")),
    )


def test_a_healthy_deployment_is_good_with_its_numbers(hosted: Hosted) -> None:
    found = watched(hosted, planned(hosted, hosted.promoted()))
    assert found.verdict is Verdict.GOOD
    assert found.requests >= 5
    assert found.probes >= 5
    assert (found.errors, found.probes_failed, found.worst) == (0, 0, ())
    refuse_bad(found, next_step="")


def test_a_deployment_that_answers_500_is_bad_and_its_lines_are_kept(hosted: Hosted) -> None:
    live = hosted.promoted()
    hosted.control.fault("status", on="serve", times=None, status=500, message="Error: no users")
    found = watched(hosted, planned(hosted, live))
    assert found.verdict is Verdict.BAD
    assert found.errors >= 3
    assert found.worst[0].message == "Error: no users"
    assert found.worst[0].status == 500
    with pytest.raises(LogsBad, match="Error: no users") as caught:
        refuse_bad(found, next_step="Go back.")
    assert caught.value.exit_code == 7
    assert live.deployment_id in caught.value.unchanged


def test_probes_alone_can_show_that_it_is_bad(hosted: Hosted) -> None:
    live = hosted.promoted()
    wall = planned(hosted, live, base_url="http://127.0.0.1:9")
    found = watched(hosted, wall)
    assert found.verdict is Verdict.BAD
    assert "probes failed" in found.reason
    assert found.requests == 0


def test_a_quiet_site_is_never_called_good(hosted: Hosted) -> None:
    plan = planned(hosted, hosted.promoted(), min_requests=1000, window_s=0.3)
    found = watched(hosted, plan)
    assert found.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert "(1000 in all)" in found.reason
    refuse_bad(found, next_step="")
    weigh_silence(found, fails=False, say=hosted.says)
    assert any("NOT ENOUGH EVIDENCE" in one for one in hosted.says.warnings)
    with pytest.raises(LogsSilent, match="NOT ENOUGH EVIDENCE") as caught:
        weigh_silence(found, fails=True, say=hosted.says)
    assert caught.value.exit_code == 8
    assert "is live" in caught.value.unchanged


def test_a_log_that_cannot_be_read_is_no_evidence_and_says_so(hosted: Hosted) -> None:
    live = hosted.promoted()
    hosted.control.fault("status", path="/runtime-logs", times=None, status=403, body={})
    found = watched(hosted, planned(hosted, live, window_s=0.3))
    assert found.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert "never opened: refused 403" in found.reason
    assert any("cannot be read" in one for one in hosted.says.warnings)


def test_what_is_bad_is_told_at_once_and_not_at_the_windows_end(hosted: Hosted) -> None:
    live = hosted.promoted()
    hosted.control.fault("status", on="serve", times=None, status=500)
    found = watched(hosted, planned(hosted, live, window_s=60.0))
    assert found.verdict is Verdict.BAD
    assert found.window_s < 30


def test_a_tail_that_was_opened_early_knows_what_came_before_the_watch(hosted: Hosted) -> None:
    live = hosted.promoted()
    with Listening(hosted.logs, hosted.clock) as listening:
        assert listening.since(live.deployment_id) is None
        before = hosted.clock.now()
        listening.begin(live.deployment_id)
        since = listening.since(live.deployment_id)
        assert since is not None
        assert before <= since <= hosted.clock.now()
        deadline = hosted.clock.monotonic() + 10
        while not hosted.calls("GET", "/runtime-logs"):
            assert hosted.clock.monotonic() < deadline
        for second in range(4):
            hosted.control.log_row(
                deployment=live.deployment_id,
                level="error",
                message="too early for a watch that begins now",
                timestampInMs=1_790_000_000_000 + 1000 * second,
            )
        found = watch(
            planned(hosted, live),
            listening,
            hosted.watch_powers(NotAsked("nobody asks here")),
        )
    assert found.worst[0].message == "too early for a watch that begins now"
    assert hosted.calls("GET", "/runtime-logs") == 1
