"""Databases that are copies on a server of one's own: their names, and what is kept with them."""

from __future__ import annotations

import os
import re
import secrets
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from psycopg import sql

from shipway.edges.copies.shared_state import SharedState

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

__all__ = ["copies", "databases", "keep_with", "new_name", "state_before"]

_NAME: Final = re.compile(r"shipway_rehearsal_\d{14}_[a-z0-9]{1,16}_\d+_[0-9a-f]{8}")
_COMMENT: Final = """
select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database
 where datname = %s
"""


def new_name() -> str:
    """Return a name that tells a person when, where and by which process it was made."""
    host = re.sub(r"[^a-z0-9]", "", socket.gethostname().lower())[:16] or "host"
    begun = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
    return f"shipway_rehearsal_{begun}_{host}_{os.getpid()}_{secrets.token_hex(4)}"


def databases(connection: Connection) -> list[str]:
    """Return the names of all databases of the server."""
    return [str(name) for (name,) in connection.execute("select datname from pg_database")]


def copies(connection: Connection) -> list[str]:
    """Return those of copies."""
    return [one for one in databases(connection) if _NAME.fullmatch(one)]


def keep_with(connection: Connection, name: str, before: SharedState) -> None:
    """Keep with a copy what the server was like before it."""
    kept = sql.Literal(before.text())
    comment = sql.SQL("comment on database {} is {}")
    connection.execute(comment.format(sql.Identifier(name), kept))


def state_before(connection: Connection, name: str) -> SharedState | None:
    """Return what is kept with a copy; None where its maker had not come to that yet."""
    found = connection.execute(_COMMENT, [name]).fetchone()
    try:
        return SharedState.of(str(found[0])) if found and found[0] else None
    except (ValueError, KeyError, TypeError):
        return None  # another version's, or somebody's own comment
