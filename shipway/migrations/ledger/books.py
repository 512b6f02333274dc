"""How the ledger is kept on the way up and on the way down: the statements around a file's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.migrations.ledger import rows
from shipway.migrations.ledger.supabase_history import forget_for_supabase, record_for_supabase

if TYPE_CHECKING:
    from shipway.migrations.sql.script import Script
    from shipway.values.migrations import LedgerState, Migration

__all__ = ["Applying", "Book", "Undoing"]


class Book(Protocol):
    """What is written into the ledger before and after the statements of a file."""

    command: str
    """What an operator types to go on."""

    def first(self, migration: Migration) -> list[bytes]:
        """Return what stands before the file's statements, in their transaction.

        It fails where another runner has done the same already.
        """

    def last(self, migration: Migration, script: Script) -> list[bytes]:
        """Return what stands after them, in their transaction."""

    def last_of_parts(self, migration: Migration, script: Script, duration_ms: int) -> list[bytes]:
        """Return what stands after the last part of a file that is run in parts."""


class Applying:
    """The way up: a row is added."""

    command = "invoke db.migrate"

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def first(self, migration: Migration) -> list[bytes]:
        """Return the row, written first: a second runner waits on it, then fails."""
        return [rows.claim(migration)]

    def last(self, migration: Migration, script: Script) -> list[bytes]:
        """Return what completes the row and reads it."""
        return [
            *record_for_supabase(migration, script, self._state),
            rows.confirm(migration),
        ]

    def last_of_parts(self, migration: Migration, script: Script, duration_ms: int) -> list[bytes]:
        """Return what puts the row in the place of the rows of the parts, and reads it."""
        return [
            *record_for_supabase(migration, script, self._state),
            *rows.finish_file(migration, duration_ms),
        ]


class Undoing:
    """The way down: the row is taken out."""

    command = "invoke db.rollback"

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def first(self, migration: Migration) -> list[bytes]:
        """Return what takes the row out, or fails where it is not there any more."""
        return [rows.take_out(migration)]

    def last(self, migration: Migration, script: Script) -> list[bytes]:
        """Return what takes the file out of the Supabase CLI's own history."""
        del script
        return forget_for_supabase(migration, self._state)

    def last_of_parts(self, migration: Migration, script: Script, duration_ms: int) -> list[bytes]:
        """Return what takes the row and those of the parts out."""
        del duration_ms
        return [
            *self.last(migration, script),
            rows.forget_steps(migration),
            rows.take_out(migration),
        ]
