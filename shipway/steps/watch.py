"""Watch: follow a deployment's log, probe its pages, and give a verdict with numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.errors import LogsBad
from shipway.steps.smoke import SmokePage, Web, probe
from shipway.steps.tally import Measure, Tally
from shipway.values import Verdict, Watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values import Baseline, Clock, LogRow, Say

__all__ = ["Logs", "Tail", "WatchPlan", "line_of", "refuse_bad", "watch"]

_TELL_EVERY_S = 5.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPlan:
    """What is watched, for how long, and what counts as bad."""

    deployment_id: str
    base_url: str
    """Where the probes go: the production URL."""
    pages: tuple[SmokePage, ...]
    window_s: float
    probe_every_s: float
    min_requests: int
    max_error_rate: float
    """A share of failed requests that is always let pass."""
    baseline: Baseline

    @property
    def measure(self) -> Measure:
        """What the counts are held against."""
        return Measure(
            baseline=self.baseline,
            min_requests=self.min_requests,
            tolerance=self.max_error_rate,
            moment_s=min(1.0, self.window_s / 20),
        )


def watch(plan: WatchPlan, *, logs: Logs, web: Web, clock: Clock, say: Say) -> Watched:
    """Follow the log and probe the pages, then say what was seen.

    The whole window is watched before anything is called good; what is bad is told at once.
    """
    tail = logs.open(plan.deployment_id)
    began = clock.monotonic()
    try:
        if not tail.connected(min(_OPENS_WITHIN_S, plan.window_s)):
            say.warn(f"The log cannot be read yet: {tail.unseen()}.")
        tally = _followed(plan, tail, web=web, clock=clock, say=say)
        unseen = tail.unseen()
    finally:
        tail.close()
    watched_s = clock.monotonic() - began
    judged = tally.judged(window_s=plan.window_s)
    blind = f" Not everything was seen: {unseen}." if unseen else ""
    return Watched(
        verdict=judged.verdict,
        reason=f"{judged.reason}{blind}",
        deployment_id=plan.deployment_id,
        window_s=round(watched_s, 3),
        requests=tally.requests,
        errors=tally.errors,
        probes=tally.probes,
        probes_failed=tally.probes_failed,
        worst=tuple(tally.worst),
        baseline=plan.baseline,
        e_value=tally.e_value,
        acceptable_share=plan.measure.acceptable,
        smallest_seen=tally.smallest_seen,
        fingerprints=tuple(tally.kinds),
        new_errors=tally.new_kinds,
        unseen=unseen,
        samples=tuple(tally.samples),
    )


def _followed(plan: WatchPlan, tail: Tail, *, web: Web, clock: Clock, say: Say) -> Tally:
    """Return the counts of the window."""
    tally = Tally(measure=plan.measure)
    began = clock.monotonic()
    ends = began + plan.window_s
    next_probe = began
    next_word = began + _TELL_EVERY_S
    next_sample = began
    turn = 0
    while (now := clock.monotonic()) < ends and not tally.bad():
        if now >= next_probe:
            page = plan.pages[turn % len(plan.pages)]
            turn += 1
            tally.count_probe(probe(plan.base_url, page, web=web))
            # Counted from now: a slow page must not be followed by a burst of probes.
            next_probe = clock.monotonic() + plan.probe_every_s
        for row in tail.take(min(next_probe, ends, next_word) - clock.monotonic()):
            tally.count(row)
        if clock.monotonic() >= next_sample:
            tally.sample(clock.monotonic() - began)
            next_sample += plan.window_s / _SAMPLES
        if clock.monotonic() >= next_word:
            say.note(_progress(tally, ends - clock.monotonic()))
            next_word += _TELL_EVERY_S
    tally.sample(clock.monotonic() - began)
    return tally


def _progress(tally: Tally, left_s: float) -> str:
    return (
        f"{max(0.0, left_s):.0f} s left: {tally.requests} requests, {tally.errors} errors, "
        f"e-value {tally.e_value:.2g}; {tally.probes} probes, {tally.probes_failed} failed"
    )


def refuse_bad(watched: Watched, *, next_step: str) -> None:
    """Raise when the verdict is BAD.

    Raises:
        LogsBad: with the worst lines.
    """
    if watched.verdict is not Verdict.BAD:
        return
    raise LogsBad(
        "\n".join(
            [
                f"The logs of {watched.deployment_id} are BAD: {watched.reason}",
                *(f"  {line_of(row)}" for row in watched.worst),
            ]
        ),
        unchanged=f"{watched.deployment_id} is live. Nothing was changed by watching it.",
        next_step=next_step,
    )


def line_of(row: LogRow) -> str:
    """Return a row of the log as one line."""
    first_line = row.message.strip().split("\n", 1)[0][:200]
    parts = (row.at.strftime("%H:%M:%S"), row.level, str(row.status or ""), row.path or "")
    return " ".join(part for part in (*parts, first_line) if part)
