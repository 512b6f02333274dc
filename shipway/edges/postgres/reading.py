"""Reads the target whatever its connections are set to, and leaves nothing set in them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.postgres.connection import roll_back_after
from shipway.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import TupleRow

__all__ = ["own_settings", "reading", "reading_begins"]

_BEGIN: Final = b"begin transaction isolation level repeatable read read only"
# What a database or a role may have set otherwise, and what answers, deparsed expressions and the
# reading of names depend on. Local: a migration on the same connection has to see the target's own.
_OWN: Final = (
    "datestyle = 'ISO, MDY'",
    "intervalstyle = postgres",
    "timezone = 'UTC'",
    "bytea_output = hex",
    "extra_float_digits = 1",
    "lc_monetary = 'C'",
    "standard_conforming_strings = on",
    "quote_all_identifiers = off",
    # Nobody's view or operator may stand in for the server's own names.
    "search_path = ''",
    "statement_timeout = '10min'",
    "lock_timeout = 0",
    "idle_in_transaction_session_timeout = 0",
)
_NO_TRANSACTION_TIMEOUT: Final = "transaction_timeout = 0"
_TRANSACTION_TIMEOUT: Final = 170_000
"""The server version from which on it is known."""
# Row level security would hide rows of the ledger without a word.
_WHOLE: Final = b"set local row_security = off"


def own_settings(connection: psycopg.Connection[TupleRow]) -> bytes:
    """Return the statements by which the open transaction is ours, as one text."""
    timed = connection.info.server_version >= _TRANSACTION_TIMEOUT
    settings = (*_OWN, _NO_TRANSACTION_TIMEOUT) if timed else _OWN
    return "; ".join(f"set local {one}" for one in settings).encode()


def reading_begins(connection: psycopg.Connection[TupleRow], *settings: bytes) -> bytes:
    """Return what begins a transaction that reads with our settings, then those that are given."""
    return b"; ".join([_BEGIN, own_settings(connection), *settings])


@contextmanager
def reading(connection: psycopg.Connection[TupleRow]) -> Iterator[None]:
    """Read in the block, as at one moment; rows have to be fetched in it, too.

    Args:
        connection: in autocommit mode, with no transaction open.

    Raises:
        Refused: the role may not read it.
    """
    refused = None
    try:
        with roll_back_after(connection, reading_begins(connection, _WHOLE)):
            yield
    except psycopg.errors.InsufficientPrivilege as error:
        refused = Refused(
            f"The role {connection.info.user} may not read what this needs: "
            f"{error.diag.message_primary}.",
            unchanged="The database was only looked at.",
            next_step="Grant it the right to read what is named, or connect as the role that owns "
            "it (on Supabase: postgres).",
        )
    if refused is not None:
        raise refused
