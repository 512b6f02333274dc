"""Watch: follow a deployment's log, probe its pages, and give a verdict with numbers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shipway.errors import LogsBad
from shipway.steps.smoke import SmokePage, Web, judge
from shipway.values import LogRow, Outcome, Verdict, Watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values import CheckResult, Clock, Say

__all__ = ["Logs", "Tail", "Tally", "WatchPlan", "reach_verdict", "refuse_bad", "watch"]

_FEWEST_FAILED = 3
"""Fewer failures are never called bad, whatever their share."""
_SERVER_ERROR = 500
_ERROR_LEVELS = frozenset({"error", "fatal"})
_KEPT_ROWS = 10
_TELL_EVERY_S = 10.0
_OPENS_WITHIN_S = 5.0


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
    """A share of failed requests above this is bad, when 3 or more failed."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been counted so far."""

    requests: int = 0
    errors: int = 0
    probes: int = 0
    probes_failed: int = 0
    worst: deque[LogRow] = field(default_factory=lambda: deque(maxlen=_KEPT_ROWS))
    """Rows that failed, the first of them."""

    def count(self, row: LogRow) -> None:
        """Count one row of the log."""
        failed = (row.status or 0) >= _SERVER_ERROR or row.level in _ERROR_LEVELS
        if row.status is not None or failed:
            self.requests += 1
        if failed:
            self.errors += 1
            if len(self.worst) < _KEPT_ROWS:
                self.worst.append(row)

    def count_probe(self, result: CheckResult) -> None:
        """Count one probe."""
        self.probes += 1
        self.probes_failed += result.outcome is Outcome.FAILED


def watch(plan: WatchPlan, *, logs: Logs, web: Web, clock: Clock, say: Say) -> Watched:
    """Follow the log and probe the pages for the whole window, then say what was seen."""
    tail = logs.open(plan.deployment_id)
    try:
        if not tail.connected(_OPENS_WITHIN_S):
            say.warn(f"The log cannot be read yet: {tail.unseen()}.")
        tally, trouble = _followed(plan, tail, web=web, clock=clock, say=say)
        unseen = tail.unseen()
    finally:
        tail.close()
    verdict, reason = reach_verdict(tally, plan, unseen=unseen, trouble=trouble)
    return Watched(
        verdict=verdict,
        reason=reason,
        deployment_id=plan.deployment_id,
        window_s=plan.window_s,
        requests=tally.requests,
        errors=tally.errors,
        probes=tally.probes,
        probes_failed=tally.probes_failed,
        worst=tuple(tally.worst),
    )


def _followed(
    plan: WatchPlan, tail: Tail, *, web: Web, clock: Clock, say: Say
) -> tuple[Tally, str]:
    """Return the counts of the window, and what the last failed probe met."""
    tally = Tally()
    began = clock.monotonic()
    ends = began + plan.window_s
    next_probe = began
    next_word = began + _TELL_EVERY_S
    trouble = ""
    turn = 0
    while (now := clock.monotonic()) < ends:
        if now >= next_probe:
            page = plan.pages[turn % len(plan.pages)]
            turn += 1
            result = judge(page, web.get(plan.base_url.rstrip("/") + page.path))
            tally.count_probe(result)
            if result.outcome is Outcome.FAILED:
                trouble = f"{result.name}: {result.detail}"
            # Counted from now: a slow page must not be followed by a burst of probes.
            next_probe = clock.monotonic() + plan.probe_every_s
        for row in tail.take(min(next_probe, ends, next_word) - clock.monotonic()):
            tally.count(row)
        if clock.monotonic() >= next_word:
            say.note(_progress(tally, ends - clock.monotonic()))
            next_word += _TELL_EVERY_S
    return tally, trouble


def _progress(tally: Tally, left_s: float) -> str:
    return (
        f"{max(0.0, left_s):.0f} s left: {tally.requests} requests, {tally.errors} errors; "
        f"{tally.probes} probes, {tally.probes_failed} failed"
    )


def reach_verdict(
    tally: Tally, plan: WatchPlan, *, unseen: str = "", trouble: str = ""
) -> tuple[Verdict, str]:
    """Judge what was counted; pure.

    The log and the probes are judged apart, since a probe is also a request in the log.

    Returns:
        The verdict and one sentence with the figures that led to it.
    """
    blind = f" Not everything was seen: {unseen}." if unseen else ""
    if _bad(tally.errors, tally.requests, plan):
        share = tally.errors / tally.requests
        return Verdict.BAD, (
            f"{tally.errors} of {tally.requests} requests failed ({share:.1%}; "
            f"at most {plan.max_error_rate:.1%} may).{blind}"
        )
    if _bad(tally.probes_failed, tally.probes, plan):
        return Verdict.BAD, (
            f"{tally.probes_failed} of {tally.probes} probes failed, the last one at "
            f"{trouble}.{blind}"
        )
    if tally.requests < plan.min_requests:
        return Verdict.NOT_ENOUGH_EVIDENCE, (
            f"Only {tally.requests} requests were seen in {plan.window_s:g} s; "
            f"{plan.min_requests} are needed. {tally.errors} failed; "
            f"{tally.probes_failed} of {tally.probes} probes failed.{blind}"
        )
    return Verdict.GOOD, (
        f"{tally.errors} of {tally.requests} requests failed; "
        f"{tally.probes_failed} of {tally.probes} probes failed.{blind}"
    )


def _bad(failed: int, total: int, plan: WatchPlan) -> bool:
    return failed >= _FEWEST_FAILED and failed > plan.max_error_rate * total


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
                *(f"  {_shown(row)}" for row in watched.worst),
            ]
        ),
        unchanged=f"{watched.deployment_id} is live. Nothing was changed by watching it.",
        next_step=next_step,
    )


def _shown(row: LogRow) -> str:
    first_line = row.message.strip().split("\n", 1)[0][:200]
    parts = (row.at.strftime("%H:%M:%S"), row.level, str(row.status or ""), row.path or "")
    return " ".join(part for part in (*parts, first_line) if part)
