"""What is sent to the server: a unit's statements with the ledger's own around them, as one text.

The simple query protocol takes many statements in one message and answers them one by one. So a
file costs one round trip; the number of answers tells which statement failed, where Postgres
gives no position; and the ledger's row stands in the file's own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.migrations.script import Script, Unit
    from shipway.values import AppliedMigration, LedgerState, Migration, MigrationLimits

__all__ = [
    "AS_OURSELVES",
    "BATCH_BYTES",
    "DIVISION_BY_ZERO",
    "NOTHING_ELSE",
    "WRITTEN_TABLES",
    "Message",
    "adopt_row",
    "claim",
    "claim_step",
    "confirm",
    "finish_file",
    "finish_step",
    "forget_for_supabase",
    "forget_row",
    "forget_step",
    "forget_steps",
    "fresh",
    "limits",
    "literal",
    "record_for_supabase",
    "setup",
    "take_out",
]

BATCH_BYTES: Final = 1 << 20
"""A file above this size goes in several messages: neither side then holds all of it at once."""

_BETWEEN: Final = b"\n;\n"  # a line break first: a statement may end in a comment

_FRESH: Final = (
    b"RESET SESSION AUTHORIZATION",
    b"RESET ROLE",
    b"RESET ALL",
    b"DEALLOCATE ALL",
    b"DISCARD TEMP",
)
_NOTICE_DEATH: Final = b"SET client_connection_check_interval = 2000"

AS_OURSELVES: Final = (b"SET LOCAL SESSION AUTHORIZATION DEFAULT", b"SET LOCAL role TO DEFAULT")
"""The file may have become another role; the ledger is written by the one that connected."""

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


class Message:
    """Statements in the order of sending, each with its index in the file; our own have none."""

    def __init__(self, own: Iterable[bytes] = ()) -> None:
        self._parts: list[bytes] = []
        self._indexes: list[int | None] = []
        self.copies: list[bytes] = []
        self.size_bytes = 0
        self.add_own(own)

    def add_own(self, statements: Iterable[bytes]) -> None:
        """Add statements of the ledger."""
        for statement in statements:
            self._add(statement, None)

    def add(self, script: Script, index: int) -> None:
        """Add a statement of the file, with its inline data."""
        self._add(script.sql(index), index)
        if (data := script.copy_data(index)) is not None:
            self.copies.append(data)
            self.size_bytes += len(data)

    def text(self) -> bytes:
        """Return what is sent."""
        return _BETWEEN.join(self._parts)

    def where(self, completed: int, position: int | None) -> tuple[int | None, int]:
        """Return which statement of the file failed and the byte in it; None for one of our own.

        Args:
            completed: how many statements were answered before the error.
            position: characters from 1 into the message, when Postgres gave one.
        """
        if position is None:
            return self._indexes[min(completed, len(self._indexes) - 1)], 0
        into = len(self.text().decode("utf-8", "replace")[: position - 1].encode())
        for part, index in zip(self._parts, self._indexes, strict=True):
            if into <= len(part):
                return index, into
            into -= len(part) + len(_BETWEEN)
        return self._indexes[-1], 0

    def _add(self, statement: bytes, index: int | None) -> None:
        self._parts.append(statement)
        self._indexes.append(index)
        self.size_bytes += len(statement) + len(_BETWEEN)


def literal(value: str) -> str:
    """Return an SQL string; it reads the same whatever standard_conforming_strings is."""
    quoted = value.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in value else f"'{quoted}'"


def limits(migration: Migration, given: MigrationLimits, *, local: bool) -> list[bytes]:
    """Return the statements that set our own limits in place of inherited ones; 0 is none.

    Args:
        migration: the file; its head may raise its own limits.
        given: the settings.
        local: for the transaction alone.
    """
    lock_s, statement_s = migration.lock_timeout_s, migration.statement_timeout_s
    lock_s = given.lock_timeout_s if lock_s is None else lock_s
    statement_s = given.statement_timeout_s if statement_s is None else statement_s
    scope = "LOCAL " if local else ""
    return [
        f"SET {scope}lock_timeout = {round(lock_s * 1000)}".encode(),
        f"SET {scope}statement_timeout = {round(statement_s * 1000)}".encode(),
        f"SET {scope}idle_in_transaction_session_timeout = 0".encode(),
    ]


def fresh(state: LedgerState) -> list[bytes]:
    """Return what clears the session: what one file set up in it must not reach the next.

    DISCARD ALL would do it too, but not in a transaction, and it would give the run's lock away.
    """
    return [*_FRESH, _NOTICE_DEATH] if state.notices_death else list(_FRESH)


def record_for_supabase(migration: Migration, script: Script, state: LedgerState) -> list[bytes]:
    """Return what tells the Supabase CLI's own history, where there is one, of the file."""
    columns = state.supabase_columns
    if "version" not in columns:
        return []
    values = {"version": literal(migration.digits)}
    if "name" in columns:
        values["name"] = literal(migration.name)
    if "statements" in columns and migration.size_bytes <= BATCH_BYTES:
        texts = (literal(script.sql(index).decode()) for index in range(len(script)))
        values["statements"] = f"ARRAY[{', '.join(texts)}]::text[]"
    return [
        (
            f"INSERT INTO supabase_migrations.schema_migrations ({', '.join(values)}) "
            f"VALUES ({', '.join(values.values())}) ON CONFLICT (version) DO NOTHING"
        ).encode()
    ]


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


def forget_for_supabase(migration: Migration, state: LedgerState) -> list[bytes]:
    """Return what takes the file out of the Supabase CLI's own history, where there is one."""
    if "version" not in state.supabase_columns:
        return []
    return [
        (
            "DELETE FROM supabase_migrations.schema_migrations "
            f"WHERE version = {literal(migration.digits)}"
        ).encode()
    ]


def setup(state: LedgerState, project_ref: str | None) -> list[bytes]:
    """Return what makes the ledger where it is missing, and tells the database whose it is."""
    statements = [] if state.exists else _SCHEMA.split(b";\n")
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
