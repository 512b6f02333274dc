"""What the platform itself could bring back: asked before a backup, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.errors import Stopped
from shipway.formats.figures import count, duration
from shipway.values.backup import Judged, PlatformState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shipway.values.backup import Platform, ServiceHealth, SupabaseProject
    from shipway.values.basics import Clock, Say

__all__ = ["PlatformDesk", "ask_platform", "judge", "look_at_platform"]

_STALE_PLATFORM_S = 26 * 3600.0
"""Supabase's own backups are daily; two hours are its grace."""
_LATE_LOG_S = 15 * 60.0
"""The log is shipped every two minutes while there are writes."""


class PlatformDesk(Protocol):
    """Knows what the platform itself could bring back."""

    def backups(self) -> Platform:
        """Ask for the platform's backups and its recovery window."""


class ProjectDesk(PlatformDesk, Protocol):
    """Knows also how the project itself is."""

    def project(self) -> SupabaseProject:
        """Ask how the project is."""

    def health(self) -> tuple[ServiceHealth, ...]:
        """Ask how its services are."""

    def readonly(self) -> bool:
        """Ask whether the platform has made it read-only."""


def ask_platform(
    platform: PlatformDesk, *, clock: Clock, say: Say, required: bool
) -> Platform | None:
    """Return what the platform could bring back and say how good that is; None if it won't tell.

    Raises:
        Stopped: it won't tell, and it is required.
    """
    try:
        window = platform.backups()
    except Stopped as error:
        if required:
            raise
        say.warn(
            f"Which backups Supabase itself has is not known: {error.what} {error.next_step} "
            "The dump goes on without it."
        )
        return None
    for one in judge(window, clock.now()):
        (say.warn if one.warns else say.note)(one.text)
    return window


def judge(window: Platform, now: datetime) -> tuple[Judged, ...]:
    """Return what the platform could bring back, in words; pure."""
    return tuple(_judge(window, now))


def _judge(window: Platform, now: datetime) -> Iterator[Judged]:
    since, until = window.recoverable_from, window.recoverable_to
    if window.pitr_enabled and since and until:
        lag_s = (now - until).total_seconds()
        yield Judged(
            text=f"Supabase can bring back any moment from {since:%d %b %H:%M} to "
            f"{until:%d %b %H:%M} UTC",
            warns=False,
        )
        if lag_s > _LATE_LOG_S:
            yield Judged(
                text=f"That ends {duration(lag_s)} ago: a database without writes, or a log that "
                "is not shipped any more.",
                warns=True,
            )
    elif window.newest_at is None:
        yield Judged(
            text="Supabase has no completed backup of its own: our dumps are all there is.",
            warns=True,
        )
    else:
        age_s = (now - window.newest_at).total_seconds()
        yield Judged(
            text=f"Supabase has {count(window.backups_count, 'backup')} of its own, the newest "
            f"{count(round(age_s / 3600), 'hour')} old; what is newer only our dumps hold",
            warns=age_s > _STALE_PLATFORM_S,
        )
    newest = window.backups[0] if window.backups else None
    if newest is not None and newest.status == "FAILED":
        yield Judged(text="Supabase's newest backup FAILED.", warns=True)
    if window.restore_point is not None and window.restore_point.status == "AVAILABLE":
        yield Judged(
            text=f"Supabase has the restore point {window.restore_point.name}", warns=False
        )


def look_at_platform(platform: ProjectDesk, *, clock: Clock) -> PlatformState:
    """Return how the project is and what the platform could bring back.

    Raises:
        Refused: it won't tell.
    """
    window = platform.backups()
    return PlatformState(
        project=platform.project(),
        services=platform.health(),
        readonly=platform.readonly(),
        window=window,
        said=judge(window, clock.now()),
    )
