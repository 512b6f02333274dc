"""Counts the rows of tables, to hold them against a backup's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from shipway.edges.postgres.connection import roll_back_after
from shipway.edges.postgres.reading import reading_begins
from shipway.values.inspection import RowCount

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
        with (
            roll_back_after(connection, reading_begins(connection)),
            suppress(psycopg.errors.UndefinedTable, psycopg.errors.QueryCanceled),
        ):
            connection.execute(
                "select set_config('statement_timeout', %s, true)", [f"{int(timeout_s * 1000)}ms"]
            )
            counted = connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))
            ).fetchone()
            rows = counted[0] if counted else None
        yield RowCount(name=name, rows=rows)
