"""The histories that other migration tools keep in a database, read as they have written them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shipway.edges.reading import reading
from shipway.values import ForeignEntry, ForeignHistory

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["read_histories"]

# What the role may not look into counts as not there. (`to_regclass` would be an error then.)
_COLUMNS = """
SELECT a.attname::text FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
  AND has_schema_privilege(n.oid, 'usage') AND has_table_privilege(c.oid, 'select')
"""
_LEADING_DIGITS = re.compile(r"(?:V)?(\d+)(?=[_-]|\Z)", re.IGNORECASE)


def read_histories(connection: psycopg.Connection[TupleRow]) -> tuple[ForeignHistory, ...]:
    """Return the histories that are there, each under its tool's name."""
    found = []
    with reading(connection):
        for table, read in _READERS:
            columns = {name for (name,) in connection.execute(_COLUMNS, (table,))}
            history = read(connection, columns) if columns else None
            if history is not None:
                found.append(history)
    return tuple(found)


def _supabase(connection: psycopg.Connection[TupleRow], columns: set[str]) -> ForeignHistory | None:
    if "version" not in columns:
        return None
    rows = connection.execute(
        "SELECT version::text FROM supabase_migrations.schema_migrations ORDER BY 1"
    )
    return _named("Supabase CLI", "supabase_migrations.schema_migrations", [v for (v,) in rows])


def _schema_migrations(
    connection: psycopg.Connection[TupleRow], columns: set[str]
) -> ForeignHistory | None:
    """Read the table whose name dbmate and golang-migrate share."""
    if "version" not in columns:
        return None
    table = "public.schema_migrations"
    if "dirty" not in columns:
        rows = connection.execute("SELECT version::text FROM public.schema_migrations ORDER BY 1")
        return _named("dbmate", table, [version for (version,) in rows])
    newest = connection.execute("SELECT version, dirty FROM public.schema_migrations").fetchone()
    if newest is None:
        return ForeignHistory(tool="golang-migrate", table=table, entries=())
    version, dirty = newest
    return ForeignHistory(
        tool="golang-migrate",
        table=table,
        entries=(ForeignEntry(version=version, name=str(version)),),
        up_to=version,
        fault=f"version {version} is marked dirty: it failed half-way" if dirty else "",
    )


def _prisma(connection: psycopg.Connection[TupleRow], columns: set[str]) -> ForeignHistory | None:
    if "migration_name" not in columns:
        return None
    rows = connection.execute(
        "SELECT migration_name::text, finished_at IS NOT NULL FROM public._prisma_migrations "
        "WHERE rolled_back_at IS NULL ORDER BY started_at"
    ).fetchall()
    failed = [name for name, finished in rows if not finished]
    history = _named("Prisma", "public._prisma_migrations", [name for name, done in rows if done])
    if not failed:
        return history
    return ForeignHistory(
        tool=history.tool,
        table=history.table,
        entries=history.entries,
        fault=f"{failed[0]} has failed and was not resolved",
    )


def _node_pg_migrate(
    connection: psycopg.Connection[TupleRow], columns: set[str]
) -> ForeignHistory | None:
    if "name" not in columns:
        return None
    rows = connection.execute("SELECT name::text FROM public.pgmigrations ORDER BY id")
    return _named("node-pg-migrate", "public.pgmigrations", [name for (name,) in rows])


def _flyway(connection: psycopg.Connection[TupleRow], columns: set[str]) -> ForeignHistory | None:
    if "installed_rank" not in columns:
        return None
    rows = connection.execute(
        "SELECT version::text, script::text, success FROM public.flyway_schema_history "
        "WHERE version IS NOT NULL ORDER BY installed_rank"
    ).fetchall()
    failed = [script for _, script, success in rows if not success]
    entries = tuple(
        ForeignEntry(version=int(version) if version.isdigit() else None, name=script)
        for version, script, _ in rows
    )
    return ForeignHistory(
        tool="Flyway",
        table="public.flyway_schema_history",
        entries=entries,
        fault=f"{failed[0]} has failed" if failed else "",
    )


def _sqitch(connection: psycopg.Connection[TupleRow], columns: set[str]) -> ForeignHistory | None:
    if "change" not in columns:
        return None
    rows = connection.execute("SELECT change::text FROM sqitch.changes ORDER BY committed_at")
    entries = tuple(ForeignEntry(version=None, name=change) for (change,) in rows)
    return ForeignHistory(tool="sqitch", table="sqitch.changes", entries=entries)


def _named(tool: str, table: str, names: list[str]) -> ForeignHistory:
    """Return a history whose names begin with their versions."""
    entries = []
    for name in names:
        digits = _LEADING_DIGITS.match(name)
        entries.append(ForeignEntry(version=int(digits.group(1)) if digits else None, name=name))
    return ForeignHistory(tool=tool, table=table, entries=tuple(entries))


_READERS: tuple[tuple[str, Callable[..., ForeignHistory | None]], ...] = (
    ("supabase_migrations.schema_migrations", _supabase),
    ("public.schema_migrations", _schema_migrations),
    ("public._prisma_migrations", _prisma),
    ("public.pgmigrations", _node_pg_migrate),
    ("public.flyway_schema_history", _flyway),
    ("sqitch.changes", _sqitch),
)
