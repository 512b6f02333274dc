"""Every way in which shipway stops: what happened, what was left unchanged, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "DeploymentFailed",
    "Failed",
    "Interrupted",
    "LockLost",
    "Locked",
    "LogsBad",
    "LogsSilent",
    "MigrationFailed",
    "Misconfigured",
    "OutcomeUnknown",
    "Place",
    "Refused",
    "Stopped",
    "VerificationFailed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a file the cause of a failure stands."""

    file: Path
    line: int
    """From 1, as is the column."""
    column: int
    what: str
    """One sentence."""
    sqlstate: str = ""
    """The code that the server gave it."""


class Stopped(Exception):  # noqa: N818 - operators read "stopped", not "error"
    """A command ended before its goal.

    Args:
        what: what happened, one sentence or a short block of lines.
        unchanged: what was left as it was: a promise that a test keeps.
        next_step: what the operator does now.
        found: what the failed step had found out, a value; None when nothing.
        place: where in the project's files the cause stands, when it stands there.
        rows: what the database quoted of rows: for a person's eyes, kept nowhere unless asked.

    Attributes:
        exit_code: the process's exit status; the table of them is docs/exit-codes.md.
        also: further failures met while cleaning up; they are added, never put in place of `what`.
    """

    exit_code = 1

    def __init__(  # noqa: PLR0913 - all by name, but what happened
        self,
        what: str,
        *,
        unchanged: str,
        next_step: str,
        found: object = None,
        place: Place | None = None,
        rows: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.unchanged = unchanged
        self.next_step = next_step
        self.found = found
        self.place = place
        self.rows = rows
        self.also: list[str] = []

    def add(self, failure: str) -> None:
        """Keep a second failure, met while cleaning up after the first."""
        self.also.append(failure)


class Failed(Stopped):
    """The command was tried and did not succeed."""


class OutcomeUnknown(Stopped):
    """An effect was asked for and its answer was lost; the world has to be asked."""


class Misconfigured(Stopped):
    """Wrong usage or configuration; found before the world was asked anything."""

    exit_code = 2


class Refused(Stopped):
    """Refused before anything was changed."""

    exit_code = 3


class MigrationFailed(Stopped):
    """A migration failed and was rolled back."""

    exit_code = 4


class VerificationFailed(Stopped):
    """The database is not what it should be."""

    exit_code = 5


class DeploymentFailed(Stopped):
    """The new version was not put live."""

    exit_code = 6


class LogsBad(Stopped):
    """The new version is live and its logs are bad."""

    exit_code = 7


class LogsSilent(Stopped):
    """The new version is live, and its logs show too little for a verdict, which is wanted."""

    exit_code = 8


class Locked(Stopped):
    """Another release holds the lock (EX_TEMPFAIL of sysexits.h: try again later)."""

    exit_code = 75


class LockLost(Stopped):
    """The lock was lost in the midst of a release, which may do nothing any more."""


class Interrupted(Stopped):
    """The operator or the system asked to stop (128 + SIGINT)."""

    exit_code = 130
