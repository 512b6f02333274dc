"""Other sessions of the database: who holds an advisory lock, who stands in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.values.exchange import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["lock_holders", "sessions"]

# What the role may not see of others' sessions is null; the start is written as every DateStyle
# reads it.
_SESSIONS: Final = """
SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''),
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)),
                0)::float8,
       coalesce(a.query, ''), coalesce(host(a.client_addr), ''), coalesce(a.state, ''),
       coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0)::float8,
       coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '')
FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = ANY (%s)
"""
_LOCK_HOLDERS: Final = """
SELECT pid FROM pg_catalog.pg_locks
WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = %s AND granted
  AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""


def sessions(connection: psycopg.Connection[TupleRow], pids: Sequence[int]) -> tuple[Session, ...]:
    """Return what the server tells of some server processes."""
    return tuple(
        Session(
            pid=pid,
            role=role,
            application=application,
            age_s=age_s,
            query=query,
            address=address,
            state=state,
            state_s=state_s,
            started=started,
        )
        for pid, role, application, age_s, query, address, state, state_s, started in (
            connection.execute(_SESSIONS, (list(pids),))
        )
    )


def lock_holders(
    connection: psycopg.Connection[TupleRow], key: tuple[int, int], *, parts: int
) -> tuple[Session, ...]:
    """Return who holds an advisory lock of this database, without their queries.

    Args:
        connection: in autocommit mode.
        key: the lock's number, as two halves.
        parts: 1 where it was taken as one number, 2 where as two (`objsubid` of pg_locks).
    """
    pids = [pid for (pid,) in connection.execute(_LOCK_HOLDERS, (*key, parts))]
    # A pooler may have lent the session to an app, whose query may quote its rows.
    return tuple(replace(one, query="") for one in sessions(connection, pids))
