"""Look back: judge what a deployment's log tells of the past, at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from shipway.cleanup import afterwards
from shipway.steps.deploy.smoke import probe
from shipway.steps.watch.counts import Tally
from shipway.steps.watch.error_kinds import DatabaseTally
from shipway.steps.watch.verdict import as_watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from shipway.steps.watch.plan import WatchPlan
    from shipway.steps.watch.powers import WatchPowers
    from shipway.values.logs import LogRow, Watched

__all__ = ["History", "look_back"]

_CATCH_UP_S = 10.0


class History(Protocol):
    """A deployment's log of the past."""

    def rows(self, deployment_id: str, since: datetime) -> Iterator[Sequence[LogRow]]:
        """Give its rows since a moment, page by page."""

    def unseen(self) -> str:
        """Return what was left out; empty when nothing was."""


def look_back(plan: WatchPlan, history: History, powers: WatchPowers) -> Watched:
    """Count what the log tells of the window before now, probe each page once, and judge.

    Raises:
        Refused: the past is not told.
    """
    since = powers.clock.now() - timedelta(seconds=plan.window_s)
    moment_s = plan.measure.moment_s
    tally = Tally(measure=plan.measure, database=DatabaseTally(since=since, moment_s=moment_s))
    errors = powers.database.open()
    with afterwards(errors.close):
        with powers.say.progress(f"reading the log of {plan.deployment_id}") as line:
            for rows in history.rows(plan.deployment_id, since):
                for row in rows:
                    tally.count(row)
                line.at(f"{tally.requests} requests, {tally.errors} errors")
        for page in plan.pages:
            tally.count_probe(probe(plan.base_url, page, web=powers.web))
        errors.catch_up(_CATCH_UP_S)
        tally.count_database(errors.take())
        unseen = "; ".join(text for text in (history.unseen(), errors.unseen()) if text)
    return as_watched(tally, plan, took_s=plan.window_s, unseen=unseen)
