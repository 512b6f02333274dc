"""A restored copy of a database, as a rehearsal looks at it and works on it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from psycopg import sql

from shipway.edges.catalog.lock_observer import Onlooker, locks_of_query
from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.extensions.library import COMMENT
from shipway.edges.ledger.ledger import Ledger
from shipway.edges.postgres import connection as postgres
from shipway.values.rehearsal import TableContent

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from psycopg.rows import TupleRow

    from shipway.values.basics import Secret
    from shipway.values.rehearsal import Restored

__all__ = ["Copy", "CopyDatabase", "tables_of"]

_CONNECT_S: Final = 10.0
_READ_WHOLE_BYTES: Final = 64 * 1024 * 1024
"""Tables of a database above this size are compared by their row counts alone."""

_TABLES: Final = """
select n.nspname, c.relname, has_table_privilege(c.oid, 'select'),
       array(select attname::text from pg_attribute where attrelid = c.oid and attnum > 0
             and not attisdropped order by attnum)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and n.nspname <> 'shipway'
   and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid
                   and deptype = 'e')
 order by 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDatabase:
    """An empty database that a backup is restored into, on a server that has the target's roles."""

    admin: Secret
    """Its URL as the role that restores."""
    owner: Secret
    """Its URL as the role that migrates on the target."""
    place: str = ""
    """`host:port` of a server of one's own; empty for an embedded one."""
    unusable: frozenset[str] = frozenset()
    """Extensions that the server has and that cannot be made in this database."""
    roles_unlike: tuple[str, ...] = ()
    """In what its roles differ from the target's, for people."""
    role_is_ours: bool = True
    """The role that migrates was made for the copy: what it is given goes with it."""
    lacks: tuple[str, ...] = ()
    """What of the target's database it cannot have, for people."""


class _Table(NamedTuple):
    schema: str
    name: str
    readable: bool
    columns: list[str]


def tables_of(connection: psycopg.Connection[TupleRow]) -> list[_Table]:
    """Return the tables of a database that hold its own data: not an extension's or the ledger."""
    return [_Table(*row) for row in connection.execute(_TABLES).fetchall()]


class Copy:
    """A restored copy, for as long as the rehearsal lasts.

    Attributes:
        restored: how it was restored.
        owner: its URL, as the role that migrates on the target.
    """

    def __init__(self, *, admin: Secret, owner: Secret, restored: Restored) -> None:
        self.restored = restored
        self._admin = admin
        self.owner = owner
        self._open = ExitStack()

    def close(self) -> None:
        """Close the connections."""
        self._open.close()

    def open_database(self) -> Ledger:
        """Return a connection that migrations run on, as the role that runs them on the target."""
        return Ledger(self.owner, connect_timeout_s=_CONNECT_S)

    @cached_property
    def catalog(self) -> Catalog:
        """What looks at the copy, as the same role."""
        connection = postgres.connect(self.owner, purpose="verify", timeout_s=_CONNECT_S)
        return Catalog(self._open.enter_context(connection))

    @cached_property
    def onlooker(self) -> Onlooker:
        """What looks at the session that migrates, from beside it."""
        return Onlooker(self._connection)

    def extensions(self) -> frozenset[str]:
        """Return the names of those that its server has."""
        found = self._connection.execute("select name from pg_available_extensions")
        return frozenset(str(name) for (name,) in found)

    def stand_ins(self) -> frozenset[str]:
        """Return those among them that are not the real ones."""
        found = self._connection.execute(
            "select name from pg_available_extensions where starts_with(comment, %s)", [COMMENT]
        )
        return frozenset(str(name) for (name,) in found)

    def locks_of(self, query: str) -> frozenset[tuple[str, str]] | None:
        """Return mode and table of the locks that a query takes; None when it cannot be planned."""
        return locks_of_query(self._planning, query)

    @cached_property
    def _planning(self) -> psycopg.Connection[tuple[object, ...]]:
        # As the role that migrates, not as the superuser: planning may call functions.
        opened = postgres.connect(self.owner, purpose="rehearsal", timeout_s=_CONNECT_S)
        connection = self._open.enter_context(opened)
        connection.execute("set statement_timeout = '2s'; set search_path = public, extensions")
        return connection

    @cached_property
    def _connection(self) -> psycopg.Connection[tuple[object, ...]]:
        connection = postgres.connect(self._admin, purpose="rehearsal", timeout_s=_CONNECT_S)
        return self._open.enter_context(connection)

    def contents(self) -> Mapping[str, TableContent]:
        """Return `schema.table` to what it holds, of every table but the ledger's own."""
        size = self._connection.execute("select pg_database_size(current_database())").fetchone()
        small = size is not None and int(str(size[0])) <= _READ_WHOLE_BYTES
        # jsonb sorts its keys, so the order of columns does not count.
        whole = "coalesce(sum(hashtextextended(to_jsonb(t)::text, 0))::text, '0')"
        found = {}
        for table in tables_of(self._connection):
            if not table.readable:
                continue  # on a branch some belong to the platform
            columns = [sql.Identifier("t", one) for one in table.columns]
            values = [sql.SQL("count({})").format(one) for one in columns]
            query = sql.SQL("select {} from only {} t").format(
                sql.SQL(", ").join(
                    [sql.SQL("count(*)"), sql.SQL(whole if small else "''"), *values]
                ),
                sql.Identifier(table.schema, table.name),
            )
            ((rows, digest, *counts),) = self._connection.execute(query).fetchall()
            found[f"{table.schema}.{table.name}"] = TableContent(
                rows=int(str(rows)),
                digest=str(digest),
                values={
                    one: int(str(many)) for one, many in zip(table.columns, counts, strict=True)
                },
            )
        return found
