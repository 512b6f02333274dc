"""The ledger's own tables, and the statements that write a file's row into them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from shipway.migrations.ledger.messages import literal
from shipway.migrations.ledger.supabase_history import make_supabase_history

if TYPE_CHECKING:
    from shipway.migrations.sql.script import Script, Unit
    from shipway.values.migrations import AppliedMigration, LedgerState, Migration

__all__ = [
    "ADOPTED",
    "DIVISION_BY_ZERO",
    "NOTHING_ELSE",
    "WRITTEN_TABLES",
    "adopt_row",
    "claim",
    "claim_step",
    "confirm",
    "finish_file",
    "finish_step",
    "forget_row",
    "forget_step",
    "forget_steps",
    "setup",
    "take_out",
]

_SCHEMA: Final = b"""\
CREATE SCHEMA IF NOT EXISTS shipway;
COMMENT ON SCHEMA shipway IS 'Kept by shipway: which migrations were applied here';
CREATE TABLE shipway.migrations (
  version bigint PRIMARY KEY,
  label text NOT NULL,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  duration_ms bigint NOT NULL DEFAULT 0,
  applied_by text NOT NULL DEFAULT SESSION_USER
);
CREATE TABLE shipway.migration_steps (
  version bigint,
  first int,
  after int NOT NULL,
  label text NOT NULL,
  prefix_sha256 text NOT NULL,
  finished boolean NOT NULL,
  seen bigint[] NOT NULL,
  PRIMARY KEY (version, first)
);
CREATE TABLE shipway.project (one boolean PRIMARY KEY DEFAULT true CHECK (one), ref text NOT NULL);
ALTER TABLE shipway.migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE shipway.migration_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE shipway.project ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON SCHEMA shipway FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA shipway FROM PUBLIC"""

# What a table is granted when it is made stands in no file: without this nobody could tell later
# which of its grants were given by hand.
_DEFAULTS: Final = b"""\
CREATE TABLE shipway.default_privileges (before bigint PRIMARY KEY, granted jsonb NOT NULL);
ALTER TABLE shipway.default_privileges ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON shipway.default_privileges FROM PUBLIC"""
ADOPTED: Final = 0
"""Stands for a version where another tool's history is taken over: nothing is run then."""

DIVISION_BY_ZERO: Final = "22012"
_OTHER_SCHEMAS: Final = (
    "NOT IN ('shipway'::regnamespace, 'pg_toast'::regnamespace) "
    "AND {catalog}.xmin = pg_catalog.pg_current_xact_id()::xid"
)
NOTHING_ELSE: Final = (
    "SELECT 1 / (CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_xact_all_tables "
    "WHERE schemaname NOT IN ('shipway', 'pg_catalog', 'pg_toast') "
    "AND n_tup_ins + n_tup_upd + n_tup_del > 0) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace "
    + _OTHER_SCHEMAS.format(catalog="pg_class")
    + ") OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace "
    + _OTHER_SCHEMAS.format(catalog="pg_proc")
    + ") THEN 0 ELSE 1 END)"
).encode()
"""Fails where the transaction has written outside the ledger, or made a relation or a function."""

WRITTEN_TABLES: Final = (
    b"SELECT schemaname || '.' || relname FROM pg_catalog.pg_stat_xact_user_tables "
    b"WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1"
)

_ROW: Final = (
    "RETURNING (extract(epoch FROM applied_at) * 1000000)::bigint, duration_ms, applied_by"
)


def adopt_row(migration: Migration, source: str) -> bytes:
    """Return what records a file as applied without running it, or makes its row agree with it."""
    return (
        "INSERT INTO shipway.migrations (version, label, sha256, applied_by) VALUES "
        f"({migration.version}, {literal(migration.label)}, '{migration.sha256}', "
        f"SESSION_USER || {literal(f', adopted: {source}')}) ON CONFLICT (version) DO UPDATE "
        "SET label = excluded.label, sha256 = excluded.sha256"
    ).encode()


def forget_row(row: AppliedMigration) -> bytes:
    """Return what takes a row out of the ledger without running anything."""
    return f"DELETE FROM shipway.migrations WHERE version = {row.version}".encode()


def take_out(migration: Migration) -> bytes:
    """Return what takes the ledger's row out, and fails where there is none."""
    return (
        "WITH gone AS (DELETE FROM shipway.migrations "
        f"WHERE version = {migration.version} RETURNING 1) SELECT 1 / count(*) FROM gone"
    ).encode()


def forget_steps(migration: Migration) -> bytes:
    """Return what takes the rows of a file's parts out."""
    return f"DELETE FROM shipway.migration_steps WHERE version = {migration.version}".encode()


def setup(state: LedgerState, project_ref: str | None, *, before: int | None = None) -> list[bytes]:
    """Return what stands ahead of a run: the ledger where it is missing, and whose database it is.

    So with the Supabase CLI's history, where it is to be kept too.

    Args:
        state: the database as it is.
        project_ref: of the project that it belongs to.
        before: the first version that is about to be run: the default privileges that it meets
            are recorded; None records none.
    """
    statements = [] if state.exists else _SCHEMA.split(b";\n")
    statements += make_supabase_history(state)
    if before is not None:
        if not state.records_defaults:
            statements += _DEFAULTS.split(b";\n")
        granted = literal(json.dumps(state.default_privileges))
        statements.append(
            f"INSERT INTO shipway.default_privileges VALUES ({before}, {granted}::jsonb) "
            "ON CONFLICT (before) DO UPDATE SET granted = excluded.granted".encode()
        )
    if project_ref is not None and state.project_ref is None:
        statements.append(
            f"INSERT INTO shipway.project (ref) VALUES ({literal(project_ref)})".encode()
        )
    return statements


def claim(migration: Migration) -> bytes:
    """Return the ledger's row, written first: a second runner waits on it, then fails."""
    return (
        "INSERT INTO shipway.migrations (version, label, sha256) VALUES "
        f"({migration.version}, {literal(migration.label)}, '{migration.sha256}')"
    ).encode()


def claim_step(migration: Migration, script: Script, unit: Unit, *, seen: str = "") -> bytes:
    """Return the row that records a part of a file; with `seen`, as begun and not yet finished.

    Its key makes a second runner fail that would run the same part.
    """
    return (
        "INSERT INTO shipway.migration_steps "
        "(version, first, after, label, prefix_sha256, finished, seen) VALUES "
        f"({migration.version}, {unit.first}, {unit.after}, {literal(migration.label)}, "
        f"'{script.prefix_sha256(unit.after)}', {'false' if seen else 'true'}, "
        f"{seen or 'ARRAY[]::bigint[]'})" + (" RETURNING array_to_json(seen)" if seen else "")
    ).encode()


def finish_step(migration: Migration, unit: Unit) -> bytes:
    """Return what records that a statement outside transactions has ended well."""
    return (
        "UPDATE shipway.migration_steps SET finished = true "
        f"WHERE version = {migration.version} AND first = {unit.first}"
    ).encode()


def forget_step(migration: Migration, unit: Unit) -> bytes:
    """Return what takes the record of a statement back that the server has refused."""
    return (
        "DELETE FROM shipway.migration_steps "
        f"WHERE version = {migration.version} AND first = {unit.first}"
    ).encode()


def finish_file(migration: Migration, duration_ms: int) -> list[bytes]:
    """Return what puts the ledger's row in the place of the rows of a file's parts."""
    return [
        forget_steps(migration),
        (
            "INSERT INTO shipway.migrations (version, label, sha256, duration_ms) VALUES "
            f"({migration.version}, {literal(migration.label)}, '{migration.sha256}', "
            f"{duration_ms}) {_ROW}"
        ).encode(),
    ]


def confirm(migration: Migration) -> bytes:
    """Return what completes the ledger's row after the file's last statement, and reads it."""
    return (
        "UPDATE shipway.migrations SET applied_at = pg_catalog.clock_timestamp(), duration_ms = "
        "(1000 * extract(epoch FROM pg_catalog.clock_timestamp() - applied_at))::bigint "
        f"WHERE version = {migration.version} {_ROW}"
    ).encode()
