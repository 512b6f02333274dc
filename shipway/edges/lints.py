"""Runs the lints of a schema: one query of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.catalog_sql import PLATFORM_SCHEMAS, sql
from shipway.inspection import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["lint"]


def lint(
    connection: psycopg.Connection[TupleRow], *, exposed_schemas: Sequence[str]
) -> tuple[Finding, ...]:
    """Return what is unwise in the schema; `edges/sql/lints.sql` explains each lint.

    Args:
        connection: in autocommit mode, with no transaction open.
        exposed_schemas: those that the Data API serves.
    """
    connection.execute("begin transaction isolation level repeatable read read only")
    try:
        connection.execute("set local search_path = ''")
        parameters = {"exposed": list(exposed_schemas), "platform": [*PLATFORM_SCHEMAS]}
        rows = connection.execute(sql("lints"), parameters).fetchall()
    finally:
        connection.execute("rollback")
    return tuple(
        Finding(group=group, lint=name, level=level, object=thing, detail=detail, cure=cure)
        for group, name, level, thing, detail, cure in rows
    )
