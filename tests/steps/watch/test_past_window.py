"""Looking back on a deployment's log: the past is judged at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from shipway.edges.vercel.log_history import VercelHistory
from shipway.errors import Refused
from shipway.steps.watch.database_log import NotAsked
from shipway.steps.watch.past_window import look_back
from shipway.values.logs import Verdict
from tests.steps.watch.test_watch import planned

if TYPE_CHECKING:
    from shipway.values.hosting import Deployment
    from shipway.values.logs import Watched
    from tests.fixtures.hosting_fixtures import Hosted


def looked_back(
    hosted: Hosted, live: Deployment, *, team: str | None = None, **changes: Any
) -> Watched:
    history = VercelHistory(
        hosted.api,
        project_id=hosted.facts["vercel_project_id"],
        team_id=hosted.facts["vercel_team_id"] if team is None else team,
        clock=hosted.clock,
    )
    return look_back(
        planned(hosted, live, **{"window_s": 1800.0, **changes}),
        history,
        hosted.watch_powers(NotAsked("nobody asks here")),
    )


def rows(hosted: Hosted, live: Deployment, count: int, *, ago_s: float, **row: Any) -> None:
    for number in range(count):
        moment = int((time.time() - ago_s - number) * 1000)
        hosted.control.log_row(deployment=live.deployment_id, timestampInMs=moment, **row)


def test_the_past_is_judged_without_waiting(hosted: Hosted) -> None:
    live = hosted.promoted()
    rows(hosted, live, 40, ago_s=60)
    rows(hosted, live, 30, ago_s=7200, level="error", responseStatusCode=500, message="long ago")
    good = looked_back(hosted, live)
    assert (good.verdict, good.errors) == (Verdict.GOOD, 0)
    assert good.requests >= 40
    assert good.probes == 1

    failure = {"level": "error", "responseStatusCode": 500, "message": "Error: no users"}
    rows(hosted, live, 20, ago_s=100, **failure)
    bad = looked_back(hosted, live)
    assert (bad.verdict, bad.errors) == (Verdict.BAD, 20)
    assert bad.worst[0].message == "Error: no users"
    assert bad.worst[0].status == 500

    rows(hosted, live, 20, ago_s=100, **failure | {"message": "no user ada@example.test"})
    for shows_rows in (True, False):
        told = [row.message for row in looked_back(hosted, live, shows_rows=shows_rows).worst]
        assert ("no user ada@example.test" in told) is shows_rows


def test_a_long_past_comes_in_pages_and_smaller_ones_where_they_are_too_large(
    hosted: Hosted,
) -> None:
    live = hosted.promoted()
    rows(hosted, live, 30, ago_s=60)
    too_large = {"error": {"code": "result_too_large", "message": "Too large"}}
    hosted.control.fault(
        "status", path="/observability/events", status=413, body=too_large, times=6, after=1
    )
    found = looked_back(hosted, live)
    assert found.requests >= 30
    assert hosted.calls("POST", "/observability/events") > 8


@pytest.mark.parametrize(("team", "status"), [("", 0), (None, 402), (None, 404)])
def test_a_past_that_is_not_told_is_refused(hosted: Hosted, team: str | None, status: int) -> None:
    live = hosted.promoted()
    if status:
        hosted.control.fault(
            "status", path="/observability/events", status=status, body={}, times=None
        )
    with pytest.raises(Refused, match="past of") as caught:
        looked_back(hosted, live, team=team)
    assert "--since" in caught.value.next_step
