"""What is sent to the server: a unit's statements with the ledger's own around them, as one text.

The simple query protocol takes many statements in one message and answers them one by one. So a
file costs one round trip; the number of answers tells which statement failed, where Postgres
gives no position; and the ledger's row stands in the file's own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shipway.migrations.sql.script import Script
    from shipway.values.exchange import MigrationLimits
    from shipway.values.migrations import LedgerState, Migration

__all__ = [
    "AS_OURSELVES",
    "AT_NEXT_BEGIN",
    "BATCH_BYTES",
    "BEAT",
    "OWN_BEGIN",
    "Message",
    "fresh",
    "is_ours",
    "join",
    "limits",
    "literal",
]

BATCH_BYTES: Final = 1 << 20
"""A file above this size goes in several messages: neither side then holds all of it at once."""

_OURS: Final = tuple(
    f'schema "{name}" already exists, skipping' for name in ("shipway", "supabase_migrations")
)
_BEAT_MARK: Final = " " * 7
BEAT: Final = f"SELECT pg_catalog.to_tsquery('pg_catalog.simple', '{_BEAT_MARK}')".encode()
"""Makes the server send at once what it has answered so far.

It holds answers back until 8 kB have come together or the message has ended; but a NOTICE goes
out at once, with all that was held back. This is the cheapest statement that has one: there is
no word in what it is asked to search for.
"""

_BETWEEN: Final = b"\n;\n"  # a line break first: a statement may end in a comment

_FRESH: Final = (
    b"RESET SESSION AUTHORIZATION",
    b"RESET ROLE",
    b"RESET ALL",
    b"DEALLOCATE ALL",
    b"DISCARD TEMP",
)
_NOTICE_DEATH: Final = b"SET client_connection_check_interval = 2000"

AS_OURSELVES: Final = (b"SET LOCAL SESSION AUTHORIZATION DEFAULT", b"SET LOCAL role TO DEFAULT")
"""The file may have become another role; the ledger is written by the one that connected."""

AT_NEXT_BEGIN: Final = (
    b"RESET default_transaction_isolation",
    b"RESET default_transaction_read_only",
    b"RESET default_transaction_deferrable",
)
"""What a file has set and the next one's BEGIN would obey: `fresh` comes after it, too late."""

OWN_BEGIN: Final = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
"""Begins a transaction of the ledger's own between parts of a file, whatever that has set."""


class Message:
    """Statements in the order of sending, each with its index in the file; our own have none."""

    def __init__(self, own: Iterable[bytes] = ()) -> None:
        self._parts: list[bytes] = []
        self._indexes: list[int | None] = []
        self.copies: list[bytes] = []
        self.size_bytes = 0
        self.add_own(own)

    def add_own(self, statements: Iterable[bytes]) -> None:
        """Add statements of the ledger."""
        for statement in statements:
            self._add(statement, None)

    def add(self, script: Script, index: int) -> None:
        """Add a statement of the file, with its inline data."""
        self._add(script.sql(index), index)
        if (data := script.copy_data(index)) is not None:
            self.copies.append(data)
            self.size_bytes += len(data)

    def __len__(self) -> int:
        return len(self._parts)

    def text(self) -> bytes:
        """Return what is sent."""
        return _BETWEEN.join(self._parts)

    def where(self, completed: int, position: int | None) -> tuple[int | None, int]:
        """Return which statement of the file failed and the byte in it; None for one of our own.

        Args:
            completed: how many statements were answered before the error.
            position: characters from 1 into the message, when Postgres gave one.
        """
        if position is None:
            return self._indexes[min(completed, len(self._indexes) - 1)], 0
        into = len(self.text().decode("utf-8", "replace")[: position - 1].encode())
        for part, index in zip(self._parts, self._indexes, strict=True):
            if into <= len(part):
                return index, into
            into -= len(part) + len(_BETWEEN)
        return self._indexes[-1], 0

    def _add(self, statement: bytes, index: int | None) -> None:
        self._parts.append(statement)
        self._indexes.append(index)
        self.size_bytes += len(statement) + len(_BETWEEN)


def join(messages: Sequence[Message]) -> bytes:
    """Return what is sent when several go as one."""
    return _BETWEEN.join(message.text() for message in messages)


def is_ours(notice: str) -> bool:
    """Tell whether our own statements caused it: `BEAT`, or a schema that is there already."""
    return _BEAT_MARK in notice or notice.endswith(_OURS)


def literal(value: str) -> str:
    """Return an SQL string; it reads the same whatever standard_conforming_strings is."""
    quoted = value.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in value else f"'{quoted}'"


def limits(migration: Migration, given: MigrationLimits, *, local: bool) -> list[bytes]:
    """Return the statements that set our own limits in place of inherited ones; 0 is none.

    Args:
        migration: the file; its head may raise its own limits.
        given: the settings.
        local: for the transaction alone.
    """
    lock_s, statement_s = migration.lock_timeout_s, migration.statement_timeout_s
    lock_s = given.lock_timeout_s if lock_s is None else lock_s
    statement_s = given.statement_timeout_s if statement_s is None else statement_s
    scope = "LOCAL " if local else ""
    return [
        f"SET {scope}lock_timeout = {round(lock_s * 1000)}".encode(),
        f"SET {scope}statement_timeout = {round(statement_s * 1000)}".encode(),
        f"SET {scope}idle_in_transaction_session_timeout = 0".encode(),
    ]


def fresh(state: LedgerState) -> list[bytes]:
    """Return what clears the session: what one file set up in it must not reach the next.

    DISCARD ALL would do it too, but not in a transaction, and it would give the run's lock away.
    """
    return [*_FRESH, _NOTICE_DEATH] if state.notices_death else list(_FRESH)
