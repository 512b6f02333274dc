"""Whether two connections lead to the same server, under whichever names and through any pooler."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from shipway.edges.postgres.connection import roll_back_after

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

__all__ = ["same_server"]

_SEEN: Final = """
select exists (select from pg_catalog.pg_locks
                where locktype = 'advisory' and objsubid = 1 and granted
                  and classid = %s and objid = %s)
"""


def same_server(one: Connection, other: Connection) -> bool:
    """Tell whether a lock that one connection holds is seen by the other.

    Every session sees the locks of all databases of its server, and only of its server. Addresses
    have several names, a pooler has its own, and a physical copy has the system identifier of the
    server that it was made of.

    Args:
        one: in autocommit mode; nothing stays there.
        other: in autocommit mode; it only looks.
    """
    key = secrets.randbits(63)
    with roll_back_after(one, b"begin"):
        one.execute("select pg_catalog.pg_advisory_xact_lock(%s)", [key])
        return other.execute(_SEEN, [key >> 32, key & 0xFFFFFFFF]).fetchone() == (True,)
