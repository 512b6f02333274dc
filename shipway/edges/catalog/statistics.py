"""Gathers a restored database's statistics with as many sessions as its rows came with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from psycopg import sql

from shipway.edges.postgres import connection as postgres

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from shipway.values.basics import Secret

__all__ = ["gather"]

# All that a plain ANALYZE looks at, the catalog's own tables included.
_BY_SIZE: Final = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm', 'p') and not c.relisshared
   and n.nspname <> 'information_schema' and n.nspname !~ '^pg_(toast|temp)'
 order by pg_relation_size(c.oid) desc, 1, 2
"""


def gather(connection: psycopg.Connection[tuple[object, ...]], url: Secret) -> None:
    """Analyze every table, half of them in a session beside; each has its share of large ones.

    Args:
        connection: to the database, in autocommit mode.
        url: of the same database.
    """
    tables = [(str(schema), str(name)) for schema, name in connection.execute(_BY_SIZE)]
    with (
        postgres.connect(url, purpose="restore", timeout_s=10.0) as second,
        ThreadPoolExecutor(max_workers=1) as beside,
    ):
        other = beside.submit(_analyze, second, tables[1::2])
        _analyze(connection, tables[::2])
        other.result()


def _analyze(
    connection: psycopg.Connection[tuple[object, ...]], tables: Sequence[tuple[str, str]]
) -> None:
    if tables:
        names = sql.SQL(", ").join(sql.Identifier(schema, name) for schema, name in tables)
        connection.execute(sql.SQL("analyze ") + names)
