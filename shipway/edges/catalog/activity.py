"""What the target's database is busy with, and how near it is to its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from shipway.edges.postgres.catalog_sql import sql
from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.postgres.reading import reading
from shipway.errors import Refused
from shipway.values.gates import Busy, Load

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

__all__ = ["read_load"]


def read_load(connection: psycopg.Connection[TupleRow]) -> Load:
    """Return it as the server says now; sessions of other databases are left out.

    Raises:
        Refused: the server does not tell.
    """
    try:
        with reading(connection):
            ((busy, *figures),) = connection.execute(sql("load")).fetchall()
    except psycopg.Error as error:
        raise Refused(
            f"The server does not tell what it is busy with: {plain_message(error)}",
            unchanged="Nothing was changed.",
            next_step="Connect as a role that may look into pg_stat_activity and pg_locks.",
        ) from None
    names = (
        "hidden",
        "xid_age",
        "multixact_age",
        "xid_limit",
        "multixact_limit",
        "connections",
        "connections_limit",
        "database_bytes",
    )
    return Load(
        busy=tuple(Busy(**one) for one in busy),
        **dict(zip(names, figures, strict=True)),
    )
