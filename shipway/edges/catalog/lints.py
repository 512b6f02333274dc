"""Runs the lints of a schema and the checks of its data: two queries of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS, sql
from shipway.edges.postgres.reading import reading
from shipway.values.inspection import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["check_data", "lint"]


def lint(
    connection: psycopg.Connection[TupleRow], *, exposed_schemas: Sequence[str]
) -> tuple[Finding, ...]:
    """Return what is unwise in the schema; `edges/sql/lints.sql` holds them.

    Args:
        connection: in autocommit mode, with no transaction open.
        exposed_schemas: those that the Data API serves.
    """
    return _findings(connection, "lints", {"exposed": list(exposed_schemas)})


def check_data(connection: psycopg.Connection[TupleRow]) -> tuple[Finding, ...]:
    """Return what is wrong with constraints, indexes, sequences, keys, slots and ages."""
    return _findings(connection, "data", {})


def _findings(
    connection: psycopg.Connection[TupleRow], query: str, parameters: dict[str, list[str]]
) -> tuple[Finding, ...]:
    with reading(connection):
        given = parameters | {"platform": [*PLATFORM_SCHEMAS]}
        rows = connection.execute(sql(query), given).fetchall()
    return tuple(
        Finding(group=group, lint=name, level=level, object=thing, detail=detail, cure=cure)
        for group, name, level, thing, detail, cure in rows
    )
