"""What the target's database is busy with, and how near it is to its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.catalog_sql import sql
from shipway.edges.reading import reading
from shipway.values import Busy, Load

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["read_load"]


def read_load(connection: psycopg.Connection[TupleRow]) -> Load:
    """Return it as the server says now; sessions of other databases are left out."""
    with reading(connection):
        ((busy, *figures),) = connection.execute(sql("load")).fetchall()
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
