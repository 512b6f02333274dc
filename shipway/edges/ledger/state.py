"""What the target says about its migrations: the ledger as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.ledger.default_privileges import ask_default_privileges, read_default_privileges
from shipway.edges.ledger.other_tools import find_histories, history_tables
from shipway.edges.postgres.reading import reading
from shipway.values.migrations import AppliedMigration, DoneStep, LedgerState

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["read_ledger"]

_PRESENT = """
SELECT to_regclass('shipway.migrations') IS NOT NULL,
       to_regclass('shipway.migration_steps') IS NOT NULL,
       to_regclass('shipway.project') IS NOT NULL,
       to_regclass('shipway.default_privileges') IS NOT NULL,
       coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace
                 WHERE nspname = 'supabase_migrations'),
                has_database_privilege(current_database(), 'CREATE')),
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
    # The target's own: migrations are read by it.
    standard_strings = connection.info.parameter_status("standard_conforming_strings") != "off"
    with reading(connection):
        with connection.pipeline():  # one round trip for both
            rows_of_presence = connection.execute(_PRESENT)
            rows_of_others = find_histories(connection)
        ((ledger, steps, project, defaults, may_make, looked_at),) = rows_of_presence.fetchall()
        others = history_tables(rows_of_others)
        with connection.pipeline():  # and one for all of these
            rows_of_files = connection.execute(_APPLIED) if ledger else None
            rows_of_steps = connection.execute(_STEPS) if steps else None
            row_of_project = (
                connection.execute("SELECT ref FROM shipway.project") if project else None
            )
            granted = ask_default_privileges(connection)
            told_by = [
                (one, connection.execute(one.query) if one.readable else ()) for one in others
            ]
        applied = rows_of_files.fetchall() if rows_of_files else []
        begun = rows_of_steps.fetchall() if rows_of_steps else []
        told = row_of_project.fetchone() if row_of_project else None
        default_privileges = read_default_privileges(granted)
        histories = tuple(one.history(rows) for one, rows in told_by)
    return LedgerState(
        exists=ledger,
        records_defaults=defaults,
        default_privileges=default_privileges,
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
        supabase_columns=next(
            (one.columns for one in others if one.of_supabase and one.writable), ()
        ),
        standard_strings=standard_strings,
        supabase_absent=may_make and not any(one.of_supabase for one in others),
        histories=histories,
        looked_at=looked_at,
    )
