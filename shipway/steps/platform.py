"""What the platform itself could bring back: asked before a backup, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.errors import Stopped

if TYPE_CHECKING:
    from datetime import datetime

    from shipway.values import Clock, Platform, Say

__all__ = ["PlatformDesk", "ask_platform"]

_STALE_PLATFORM_S = 26 * 3600.0
"""Supabase's own backups are daily; two hours are its grace."""


class PlatformDesk(Protocol):
    """Knows what the platform itself could bring back."""

    def backups(self) -> Platform:
        """Ask for the platform's backups and its recovery window."""


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
    _judge(window, clock.now(), say)
    return window


def _judge(window: Platform, now: datetime, say: Say) -> None:
    """Say what the platform could bring back, and warn where that is little."""
    if window.pitr_enabled and window.recoverable_from and window.recoverable_to:
        say.note(
            f"Supabase can bring back any moment from {window.recoverable_from:%d %b %H:%M} to "
            f"{window.recoverable_to:%d %b %H:%M} UTC"
        )
    elif window.newest_at is None:
        say.warn("Supabase has no completed backup of its own: this dump is the only one.")
    else:
        age_s = (now - window.newest_at).total_seconds()
        text = (
            f"Supabase has {window.backups_count} backups of its own, the newest "
            f"{age_s / 3600:.0f} hours old; what is newer only this dump holds"
        )
        (say.warn if age_s > _STALE_PLATFORM_S else say.note)(text)
