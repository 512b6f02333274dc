"""The evidence of a release: its journal, each line chained to the one before by a digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.steps.journal.journal import FileCopy, verify_chain

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.steps.journal.journal import Entry

__all__ = ["Chain", "read_chain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A journal as it was found."""

    entries: tuple[Entry, ...]
    problem: str
    """Why it cannot be trusted; empty when every line follows the one before it."""

    @property
    def seal(self) -> str:
        """The digest of the last line: whoever keeps it can tell whether any line was changed."""
        return self.entries[-1].digest() if self.entries else ""


def read_chain(path: Path) -> Chain:
    """Return the journal, checked from its first line to its last."""
    try:
        entries, fault = verify_chain(FileCopy(path).lines())
    except OSError as error:
        return Chain(entries=(), problem=f"It cannot be read: {error.strerror}.")
    if not entries and fault is None:
        return Chain(entries=(), problem="It is not beside this page.")
    return Chain(entries=tuple(entries), problem=f"It breaks: {fault.what}." if fault else "")
