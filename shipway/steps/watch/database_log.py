"""The database's side of a watch: the errors that its own log tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.logs import LogRow

__all__ = ["DatabaseLog", "DatabaseLogs", "NotAsked"]


class DatabaseLog(Protocol):
    """Errors of the database as they become visible, the older before the newer."""

    def take(self) -> Sequence[LogRow]:
        """Return the rows that have come since the last call; at first those of the past day."""

    def catch_up(self, wait_s: float) -> None:
        """Look once more now, and wait for what is found, though no longer than `wait_s`."""

    def unseen(self) -> str:
        """Return what could not be seen; empty when nothing is known to be missing."""

    def close(self) -> None:
        """Look no more."""


class DatabaseLogs(Protocol):
    """Where they come from."""

    def open(self) -> DatabaseLog:
        """Begin to look."""


class NotAsked:
    """Stands for a log that cannot be looked at.

    Args:
        why: told beside every verdict.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    def open(self) -> NotAsked:
        """Return itself: there is nothing to open."""
        return self

    def take(self) -> Sequence[LogRow]:
        """Return nothing."""
        return ()

    def catch_up(self, wait_s: float) -> None:
        """Return at once."""

    def unseen(self) -> str:
        """Return why nothing is seen."""
        return f"the database's log: {self._why}"

    def close(self) -> None:
        """Do nothing."""
