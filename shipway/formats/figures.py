"""Figures as people read them: sizes, durations, times and counts."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["count", "duration", "moment", "number", "size"]

_STEP = 1000
_MINUTE_S = 60
_TENTHS_BELOW = 10


def size(size_bytes: float) -> str:
    """Return a size with three digits or so: `48.2 kB` (1 kB is 1000 bytes)."""
    amount, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < _STEP:
            break
        amount, unit = amount / _STEP, larger
    tenths = unit != "B" and amount < _TENTHS_BELOW * _TENTHS_BELOW
    return f"{amount:.1f} {unit}" if tenths else f"{amount:.0f} {unit}"


def duration(seconds: float) -> str:
    """Return a duration: `12 ms`, `3.4 s`, `2 min 05 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {rest:02d} s"


def moment(at: datetime) -> str:
    """Return a time in UTC to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def number(amount: int) -> str:
    """Return a number in groups of three digits: `3 001 000`."""
    return f"{amount:,}".replace(",", " ")


def count(amount: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 table`, `2 tables`."""
    return f"{number(amount)} {one if amount == 1 else many or one + 's'}"
