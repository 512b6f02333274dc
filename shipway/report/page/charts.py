"""The geometry of the page's charts: what lies where, in thousandths of the width and height."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.steps.journal.course import StepRecord
    from shipway.steps.release.record import ReleaseRecord
    from shipway.values.logs import Watched
    from shipway.values.rehearsal import RehearsedStatement, Seal

__all__ = ["Bar", "Curve", "LockBar", "locks", "plot", "timeline"]

_WHOLE: Final = 1000.0
_LEAST: Final = 4.0
"""So that the shortest is still seen."""
_MOST_STATEMENTS: Final = 20
_LONG_MS: Final = 100.0
_HEADROOM: Final = 1.25
_BLOCKS_ALL: Final = ("AccessExclusiveLock",)
_BLOCKS_WRITES: Final = ("ExclusiveLock", "ShareRowExclusiveLock", "ShareLock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step on the common scale of time."""

    step: StepRecord
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LockBar:
    """One statement: how long it ran, and how long its locks were held."""

    statement: RehearsedStatement
    ran: float
    held: float
    weight: str
    """all, writes or little: what has to wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The share of failed requests over the window; y grows downwards, as in SVG."""

    top: float
    """The share at the upper edge."""
    path: str
    area: str
    threshold: float
    """Its y."""
    before: float | None
    """The y of the share before the release; None without a baseline."""
    bars: tuple[tuple[float, float, float], ...]
    """Requests of each interval: x, width and height."""
    ends_s: float


def timeline(record: ReleaseRecord) -> list[Bar]:
    """Return the steps on one scale, each from where the one before it ends."""
    whole_s = max(record.took_s, 0.001)
    ends = accumulate(step.duration_s for step in record.steps)
    bars = []
    for step, ends_s in zip(record.steps, ends, strict=True):
        x = (ends_s - step.duration_s) / whole_s * _WHOLE
        width = max(step.duration_s / whole_s * _WHOLE, _LEAST)
        bars.append(Bar(step=step, x=round(min(x, _WHOLE - _LEAST), 1), width=round(width, 1)))
    return bars


def locks(seal: Seal) -> list[LockBar]:
    """Return the statements that touched what was there or took long, longest held first."""
    touching = [
        one
        for one in seal.statements
        if one.locks or one.rewritten or one.rows_changed or one.duration_ms >= _LONG_MS
    ]
    touching.sort(key=lambda one: -max(one.held_ms if one.locks else 0, one.duration_ms))
    longest = max((max(one.held_ms, one.duration_ms) for one in touching), default=1) or 1
    return [
        LockBar(
            statement=one,
            ran=round(max(one.duration_ms / longest * _WHOLE, _LEAST), 1),
            held=round(max(one.held_ms / longest * _WHOLE, _LEAST), 1) if one.locks else 0.0,
            weight="all" if one.rewritten else _weight(one.locks),
        )
        for one in touching[:_MOST_STATEMENTS]
    ]


def _weight(taken: Sequence[str]) -> str:
    modes = {lock.partition(" on ")[0] for lock in taken}
    if modes & {*_BLOCKS_ALL}:
        return "all"
    return "writes" if modes & {*_BLOCKS_WRITES} else "little"


def plot(watched: Watched) -> Curve | None:
    """Return the curve of a watch; None when it kept no samples."""
    samples = watched.samples
    if not samples:
        return None
    ends_s = max(samples[-1].at_s, 0.001)
    shares = [one.errors / one.requests if one.requests else 0.0 for one in samples]
    known = watched.baseline
    before = known.errors / known.requests if known.requests else None
    top = max(*shares, watched.acceptable_share, before or 0.0, 0.001) * _HEADROOM

    def y(share: float) -> float:
        return round(_WHOLE * (1 - share / top), 1)

    points = [
        (round(one.at_s / ends_s * _WHOLE, 1), y(share))
        for one, share in zip(samples, shares, strict=True)
    ]
    path = "M" + " L".join(f"{x},{at}" for x, at in points)
    return Curve(
        top=top,
        path=path,
        area=f"{path} L{points[-1][0]},{_WHOLE:g} L{points[0][0]},{_WHOLE:g} Z",
        threshold=y(watched.acceptable_share),
        before=None if before is None else y(before),
        bars=_bars(watched, ends_s),
        ends_s=ends_s,
    )


def _bars(watched: Watched, ends_s: float) -> tuple[tuple[float, float, float], ...]:
    """Return how many requests came in each interval, the busiest a third of the height."""
    pairs = list(zip(watched.samples, watched.samples[1:], strict=False))
    most = max((later.requests - one.requests for one, later in pairs), default=0)
    if not most:
        return ()
    return tuple(
        (
            round(one.at_s / ends_s * _WHOLE, 1),
            round((later.at_s - one.at_s) / ends_s * _WHOLE * 0.8, 1),
            round((later.requests - one.requests) / most * _WHOLE / 3, 1),
        )
        for one, later in pairs
    )
