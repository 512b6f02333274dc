"""Counts the rows of tables, to hold them against a backup's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from shipway.edges.reading import own_settings
from shipway.inspection import RowCount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg.rows import TupleRow

__all__ = ["count_rows"]


def count_rows(
    connection: psycopg.Connection[TupleRow], names: Sequence[str], *, timeout_s: float
) -> Iterator[RowCount]:
    """Yield the number of rows of each table; None for one that is gone or took too long.

    Args:
        connection: in autocommit mode, with no transaction open.
        names: `schema.table`, as the catalog has them.
        timeout_s: longest count of one table.
    """
    for name in names:
        schema, _, table = name.partition(".")
        rows: int | None = None
        begin = [b"begin isolation level repeatable read read only", own_settings(connection)]
        connection.execute(b"; ".join(begin))
        try:
            connection.execute(
                "select set_config('statement_timeout', %s, true)", [f"{int(timeout_s * 1000)}ms"]
            )
            counted = connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))
            ).fetchone()
            rows = counted[0] if counted else None
        except (psycopg.errors.UndefinedTable, psycopg.errors.QueryCanceled):
            rows = None
        finally:
            connection.execute("rollback")
        yield RowCount(name=name, rows=rows)
