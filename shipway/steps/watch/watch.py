"""Watch: follow a deployment's log, probe its pages, and give a verdict with numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from shipway.cleanup import afterwards
from shipway.steps.deploy.smoke import probe
from shipway.steps.watch.counts import Tally
from shipway.steps.watch.error_kinds import DatabaseTally
from shipway.steps.watch.sequential_test import SURE
from shipway.steps.watch.verdict import as_watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.steps.watch.database_log import DatabaseLog
    from shipway.steps.watch.plan import WatchPlan
    from shipway.steps.watch.powers import WatchPowers
    from shipway.values.basics import Progress
    from shipway.values.logs import LogRow, Watched

__all__ = ["Logs", "Tail", "watch"]

_TELL_EVERY_S = 5.0
_LOOK_EVERY_S = 0.5
_CATCH_UP_S = 5.0
_BAR = 24
_OPENS_WITHIN_S = 5.0
_SAMPLES = 60
"""In a window, at most: enough to draw its course."""


class Tail(Protocol):
    """A deployment's log, followed live."""

    def connected(self, wait_s: float) -> bool:
        """Wait until the stream is open; False when it is not by then."""

    def take(self, wait_s: float) -> Sequence[LogRow]:
        """Return the next rows; none when none came in time."""

    def unseen(self) -> str:
        """Return what could not be seen; empty when nothing was missed."""

    def close(self) -> None:
        """Stop following."""


class Logs(Protocol):
    """Where tails come from."""

    def open(self, deployment_id: str) -> Tail:
        """Begin to follow a deployment's rows from now on."""


def watch(plan: WatchPlan, logs: Logs, powers: WatchPowers) -> Watched:
    """Follow the logs and probe the pages, then say what was seen.

    The whole window is watched before anything is called good; what is bad is told at once.
    """
    clock, say = powers.clock, powers.say
    tail, errors = logs.open(plan.deployment_id), powers.database.open()
    tally = Tally(
        measure=plan.measure,
        database=DatabaseTally(
            since=plan.database_since or clock.now(), moment_s=plan.measure.moment_s
        ),
    )
    began = clock.monotonic()
    with afterwards(tail.close, errors.close):
        if not tail.connected(min(_OPENS_WITHIN_S, plan.window_s)):
            say.warn(f"The log cannot be read yet: {tail.unseen()}.")
        with say.progress(f"watching {plan.deployment_id}", log_every_s=_TELL_EVERY_S) as line:
            _follow(plan, tally, (tail, errors), powers, line)
        watched_s = clock.monotonic() - began
        if not tally.bad():
            # The database's rows come late, and a look is owed to the window's last seconds.
            errors.catch_up(min(_CATCH_UP_S, plan.window_s))
            tally.count_database(errors.take())
        unseen = "; ".join(text for text in (tail.unseen(), errors.unseen()) if text)
    return as_watched(tally, plan, took_s=watched_s, unseen=unseen)


def _follow(
    plan: WatchPlan,
    tally: Tally,
    logs: tuple[Tail, DatabaseLog],
    powers: WatchPowers,
    line: Progress,
) -> None:
    """Count what happens within the window."""
    tail, errors = logs
    clock = powers.clock
    began = clock.monotonic()
    ends = began + plan.window_s
    next_probe = next_look = next_sample = began
    turn = 0
    while (now := clock.monotonic()) < ends and not tally.bad():
        if now >= next_probe:
            page = plan.pages[turn % len(plan.pages)]
            turn += 1
            tally.count_probe(probe(plan.base_url, page, web=powers.web))
            # Counted from now: a slow page must not be followed by a burst of probes.
            next_probe = clock.monotonic() + plan.probe_every_s
        for row in tail.take(min(next_probe, ends, next_look) - clock.monotonic()):
            tally.count(row)
        if clock.monotonic() >= next_sample:
            tally.sample(clock.monotonic() - began)
            next_sample += plan.window_s / _SAMPLES
        if clock.monotonic() >= next_look:
            tally.count_database(errors.take())
            line.at(*_so_far(plan, tally, ends - clock.monotonic()))
            next_look = clock.monotonic() + _LOOK_EVERY_S
    tally.sample(clock.monotonic() - began)


def _so_far(plan: WatchPlan, tally: Tally, left_s: float) -> tuple[str, ...]:
    """Return how it stands: in one line, then in more for who has a terminal."""
    left = f"{max(0.0, left_s):.0f} s left"
    share = f" ({tally.errors / tally.requests:.1%})" if tally.requests else ""
    evidence = _bar(math.log(max(1.0, tally.e_value), SURE))
    counted = (
        f"{left}: {tally.requests} requests, {tally.errors} errors, e-value {tally.e_value:.2g}; "
        f"{tally.probes} probes, {tally.probes_failed} failed; "
        f"database: {tally.database.errors} errors"
    )
    return (
        counted,
        f"time      {_bar(1 - left_s / plan.window_s)} {left}",
        f"requests  {tally.requests}, {plan.min_requests} are wanted",
        f"errors    {tally.errors}{share}, {plan.measure.acceptable:.1%} is let pass",
        f"e-value   {evidence} {tally.e_value:.2g} of {SURE:g}",
        f"probes    {tally.probes}, {tally.probes_failed} failed",
        f"database  {tally.database.errors} errors, {len(tally.database.kinds)} new kinds",
    )


def _bar(share: float) -> str:
    full = round(_BAR * min(1.0, max(0.0, share)))
    return "#" * full + "." * (_BAR - full)
