"""Looks at a session from a second connection: the locks it holds, and what became of tables."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.postgres.connection import roll_back_after
from shipway.values.rehearsal import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.rows import TupleRow

__all__ = ["Onlooker", "locks_of_query"]

# The catalog's own and the ledger's do not count: who migrates locks them in any case.
_RELATIONS: Final = """
select c.oid::int8, n.nspname || '.' || c.relname, c.relkind::text, pg_relation_filenode(c.oid)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm', 'i') and n.nspname !~ '^pg_'
   and n.nspname not in ('information_schema', 'shipway')
"""
# A table that the session itself has just made is not there for anyone else: it drops out.
_LOCKS: Final = """
select l.relation::int8, l.mode from pg_locks l join pg_class c on c.oid = l.relation
 where l.pid = %s and l.granted and l.locktype = 'relation' and l.relation >= 16384
   and c.relkind in ('r', 'p', 'm')
   and l.database = (select oid from pg_database where datname = current_database())
"""
_OWN_LOCKS: Final = """
select l.mode, n.nspname || '.' || c.relname
  from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = relnamespace
 where l.pid = pg_backend_pid() and c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'
"""
_COUNTERS: Final = """
select coalesce(sum(seq_tup_read), 0)::int8,
       coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8
  from pg_stat_user_tables where schemaname <> 'shipway'
"""


class Onlooker:
    """A connection that only looks.

    Args:
        connection: in autocommit mode, as a role that sees every table.
    """

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def relations(self) -> Mapping[int, Relation]:
        """Return the tables, materialized views and indexes that are there for everyone, by oid."""
        return {
            oid: Relation(name=name, index=kind == "i", file=file or 0)
            for oid, name, kind, file in self._connection.execute(_RELATIONS)
        }

    def locks_of(self, pid: int) -> frozenset[tuple[int, str]]:
        """Return oid and mode of every table lock that a session holds at this moment."""
        return frozenset((oid, mode) for oid, mode in self._connection.execute(_LOCKS, [pid]))

    def counters(self) -> tuple[int, int]:
        """Return the rows scanned one by one and the rows changed, of all tables since the start.

        A session's share counts from the moment on at which it has told the server.
        """
        ((scanned, changed),) = self._connection.execute(_COUNTERS).fetchall()
        return scanned, changed


def locks_of_query(
    connection: psycopg.Connection[TupleRow], query: str
) -> frozenset[tuple[str, str]] | None:
    """Return mode and table of every lock that a query takes; None when it cannot be planned here.

    The planner takes them as the execution would; the query itself is not run.

    Args:
        connection: in autocommit mode.
        query: one statement; its values may be written $1.
    """
    with roll_back_after(connection, b"begin"), suppress(psycopg.Error):
        connection.execute(b"explain (generic_plan) " + query.encode())
        return frozenset((mode, table) for mode, table in connection.execute(_OWN_LOCKS))
    return None
