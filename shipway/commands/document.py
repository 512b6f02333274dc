"""The one JSON document that a command writes with `--format json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipway.commands.asked import Answer, Asked
    from shipway.errors import Stopped

__all__ = ["Document", "document_of", "unexpected_error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedError:
    """Why a command ended before its goal."""

    kind: str
    """The class of the error; several have one exit code."""
    what: str
    unchanged: str
    next: str
    also: tuple[str, ...] = ()
    """Further failures, met while cleaning up."""
    rows: tuple[str, ...] = ()
    """What the database quoted of rows; only when show_rows asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The one JSON document that a command writes with `--format json`, whatever happens."""

    command: str
    """Without `invoke`: `db.status`."""
    target: str | None
    """Its name as far as it is known; null for a command that works on none."""
    dry_run: bool
    exit_code: int
    result: object
    """What the command found or did: of another shape for each command; null when nothing."""
    error: DescribedError | None


def document_of(asked: Asked, target: str | None, answer: Answer, *, shows_rows: bool) -> Document:
    """Return how a command ended.

    Args:
        asked: the command.
        target: its name, as far as it is known.
        answer: how it ended.
        shows_rows: whether what an error quotes of rows may stand in it.
    """
    error = answer.error
    return Document(
        command=asked.command,
        target=target,
        dry_run=asked.dry,
        exit_code=error.exit_code if error else 0,
        result=answer.value,
        error=_describe(error, shows_rows=shows_rows) if error else None,
    )


def unexpected_error(asked: Asked) -> Document:
    """Return how a command ended that met an error of shipway's own."""
    return Document(
        command=asked.command,
        target=asked.target,
        dry_run=asked.dry,
        exit_code=1,
        result=None,
        error=DescribedError(
            kind="Unexpected",
            what="shipway met an error that it did not expect.",
            unchanged="It is not known: the lines on stderr say where it was.",
            next="Look at the state with: invoke db.status",
        ),
    )


def _describe(error: Stopped, *, shows_rows: bool) -> DescribedError:
    return DescribedError(
        kind=type(error).__name__,
        what=error.what,
        unchanged=error.unchanged,
        next=error.next_step,
        also=tuple(error.also),
        rows=error.rows if shows_rows else (),
    )
