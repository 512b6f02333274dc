"""What the target says about its migrations: the ledger as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.values import AppliedMigration, DoneStep, LedgerState

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["read_ledger"]

_PRESENT = """
SELECT to_regclass('shipway.migrations') IS NOT NULL,
       to_regclass('shipway.migration_steps') IS NOT NULL,
       to_regclass('shipway.project') IS NOT NULL,
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = to_regclass('supabase_migrations.schema_migrations')
               AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
       date_trunc('milliseconds', clock_timestamp())
"""
_APPLIED = """
SELECT version, label, sha256, applied_at, duration_ms, applied_by
FROM shipway.migrations ORDER BY version
"""
_STEPS = """
SELECT version, label, first, after, prefix_sha256, finished, seen
FROM shipway.migration_steps ORDER BY version, first
"""


def read_ledger(connection: psycopg.Connection[TupleRow]) -> LedgerState:
    """Return what the target says about its migrations. Writes nothing."""
    found = connection.execute(_PRESENT).fetchone()
    if found is None:  # pragma: no cover - a SELECT without FROM has one row
        raise AssertionError
    ledger, steps, project, supabase_columns, looked_at = found
    with connection.pipeline():  # one round trip for all three
        rows_of_files = connection.execute(_APPLIED) if ledger else None
        rows_of_steps = connection.execute(_STEPS) if steps else None
        row_of_project = connection.execute("SELECT ref FROM shipway.project") if project else None
    applied = rows_of_files.fetchall() if rows_of_files else []
    begun = rows_of_steps.fetchall() if rows_of_steps else []
    told = row_of_project.fetchone() if row_of_project else None
    return LedgerState(
        exists=ledger,
        applied=tuple(
            AppliedMigration(
                version=version,
                label=label,
                sha256=sha256,
                applied_at=applied_at,
                duration_ms=duration_ms,
                applied_by=applied_by,
            )
            for version, label, sha256, applied_at, duration_ms, applied_by in applied
        ),
        steps=tuple(
            DoneStep(
                version=version,
                label=label,
                first=first,
                after=after,
                prefix_sha256=prefix_sha256,
                finished=finished,
                seen=tuple(seen),
            )
            for version, label, first, after, prefix_sha256, finished, seen in begun
        ),
        project_ref=told[0] if told else None,
        supabase_columns=tuple(supabase_columns),
        standard_strings=connection.info.parameter_status("standard_conforming_strings") != "off",
        looked_at=looked_at,
    )
