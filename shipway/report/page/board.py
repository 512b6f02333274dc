"""The history of releases as one board: how each ended, and how they went overall."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from shipway.report.page.parts import Parts, take_apart
from shipway.steps.release.record import ReleaseEnd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.steps.release.record import ReleaseRecord

__all__ = ["Board", "Row", "take_board"]

_LIVE: Final = frozenset({ReleaseEnd.GOOD, ReleaseEnd.NOT_ENOUGH_EVIDENCE, ReleaseEnd.BAD})
_TONES: Final = {
    ReleaseEnd.GOOD: "good",
    ReleaseEnd.FINISHED: "good",
    ReleaseEnd.NOT_ENOUGH_EVIDENCE: "warn",
    ReleaseEnd.INTERRUPTED: "warn",
}
_COLUMNS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One release on the board."""

    record: ReleaseRecord
    parts: Parts
    tone: str
    took_s: float
    height: float
    """Of its column, in thousandths of the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All releases, newest first."""

    rows: tuple[Row, ...]
    live: int
    """Releases that put a version live that stayed."""
    rolled_back: int
    stopped: int
    """Those that ended before anything went live."""
    median_s: float
    """Of those that went live; 0 when none did."""

    @property
    def columns(self) -> tuple[Row, ...]:
        """The newest ones, oldest first, as the chart shows them."""
        return self.rows[:_COLUMNS][::-1]


def take_board(records: Sequence[ReleaseRecord]) -> Board:
    """Return the board of these records, newest first; pure."""
    took = [one.took_s for one in records]
    longest = max(took[:_COLUMNS], default=0) or 1
    ends = [one.end for one in records]
    live = [seconds for one, seconds in zip(records, took, strict=True) if one.end in _LIVE]
    return Board(
        rows=tuple(
            Row(
                record=one,
                parts=take_apart(one),
                tone=_TONES.get(one.end, "bad"),
                took_s=seconds,
                height=round(max(seconds / longest * 1000, 12), 1),
            )
            for one, seconds in zip(records, took, strict=True)
        ),
        live=len(live),
        rolled_back=ends.count(ReleaseEnd.ROLLED_BACK),
        stopped=ends.count(ReleaseEnd.FAILED) + ends.count(ReleaseEnd.INTERRUPTED),
        median_s=median(live) if live else 0.0,
    )
