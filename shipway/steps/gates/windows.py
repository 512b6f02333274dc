"""Low-traffic windows: when a release may begin, in the team's own time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shipway.errors import Misconfigured, Refused
from shipway.steps.gates.preflight import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Window", "in_window", "read_windows"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM = re.compile(r"([A-Za-z]{3})(?:-([A-Za-z]{3}))? +(\d\d:\d\d)-(\d\d:\d\d)\Z")
_UNCHANGED = "Nothing was contacted and nothing was changed."
_MIDNIGHT = time(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One span of the week, by the clock on the wall; over midnight when it ends before it began.

    Daylight saving moves with the wall: 02:00-04:00 is an hour shorter or longer on those days.
    """

    days: frozenset[int]
    """Those on which it begins; 0 is Monday."""
    begins: time
    ends: time

    def holds(self, local: datetime) -> bool:
        """Tell whether a wall-clock time lies in it; its last minute does not."""
        now = local.time()
        if self.begins < self.ends:
            return local.weekday() in self.days and self.begins <= now < self.ends
        began_yesterday = (local.weekday() - 1) % 7 in self.days and now < self.ends
        return began_yesterday or (local.weekday() in self.days and now >= self.begins)

    def next_after(self, local: datetime) -> datetime:
        """Return when it begins the next time; it does within eight days."""
        for days in range(8):
            day = (local + timedelta(days=days)).date()
            begins = datetime.combine(day, self.begins, tzinfo=local.tzinfo)
            if begins > local and day.weekday() in self.days:
                return begins
        raise AssertionError  # pragma: no cover - a window has a day


def read_windows(texts: Sequence[str], *, zone: str) -> tuple[tuple[Window, ...], ZoneInfo]:
    """Return the windows of the setting `release_windows`, and the zone that they are told in.

    Args:
        texts: each `Mon-Thu 09:00-16:00` or `Fri 22:00-02:00`.
        zone: a name of the IANA database: `Europe/Berlin`.

    Raises:
        Misconfigured: one is ill-formed, or this machine knows no such zone.
    """
    try:
        found = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise Misconfigured(
            f"release_time_zone '{zone}' is not known on this machine.",
            unchanged=_UNCHANGED,
            next_step="Write a name such as Europe/Berlin or UTC; where the system has no time "
            "zones: pip install tzdata",
        ) from None
    return tuple(map(_read, texts)), found


def in_window(texts: Sequence[str], *, zone: str, now: datetime) -> Found:
    """Judge whether a release may begin now.

    Raises:
        Refused: it lies outside; the next window is named.
        Misconfigured: as for `read_windows`.
    """
    windows, place = read_windows(texts, zone=zone)
    local = now.astimezone(place)
    shown = f"{_DAYS[local.weekday()]} {local:%H:%M} in {zone}"
    for text, window in zip(texts, windows, strict=True):
        if window.holds(local):
            return Found(detail=f"{shown} lies in {text}")
    following = min(window.next_after(local) for window in windows)
    raise Refused(
        f"It is {shown}, outside {', '.join(texts)}.",
        unchanged="Nothing was changed.",
        next_step=f"Release again from {_DAYS[following.weekday()]} {following:%Y-%m-%d %H:%M} on.",
    )


def _read(text: str) -> Window:
    form = _FORM.match(text.strip())
    if form is None:
        raise _ill_formed(text)
    try:
        first = _DAYS.index(form[1].capitalize())
        last = _DAYS.index((form[2] or form[1]).capitalize())
        begins = time.fromisoformat(form[3])
        # 24:00 is how people write the end of a day.
        ends = _MIDNIGHT if form[4] == "24:00" else time.fromisoformat(form[4])
    except ValueError:
        raise _ill_formed(text) from None
    span = (last - first) % len(_DAYS) + 1
    days = frozenset((first + one) % len(_DAYS) for one in range(span))
    return Window(days=days, begins=begins, ends=ends)


def _ill_formed(text: str) -> Misconfigured:
    return Misconfigured(
        f"'{text}' in release_windows is not of the form 'Mon-Thu 09:00-16:00'.",
        unchanged=_UNCHANGED,
        next_step="Name days by their first three English letters and times by 24 hours.",
    )
