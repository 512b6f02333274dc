"""The Supabase CLI's own history, kept up to date beside our ledger: it must push nothing again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.migrations.layout import SUPABASE_CLI, tool_sharing_folder
from shipway.migrations.ledger.messages import BATCH_BYTES, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.migrations.sql.script import Script
    from shipway.values.migrations import LedgerState, Migration

__all__ = [
    "forget_for_supabase",
    "make_supabase_history",
    "record_for_supabase",
    "with_supabase_history",
]

# As the CLI makes it, with what our ledger holds by then: digits, an underscore, a name.
_MADE: Final = b"""\
CREATE SCHEMA IF NOT EXISTS supabase_migrations;
CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations
  (version text NOT NULL PRIMARY KEY, statements text[], name text);
INSERT INTO supabase_migrations.schema_migrations (version, name)
  SELECT split_part(label, '_', 1), substr(label, strpos(label, '_') + 1) FROM shipway.migrations
  ON CONFLICT (version) DO NOTHING"""
_COLUMNS: Final = ("version", "statements", "name")


def with_supabase_history(state: LedgerState, files: Iterable[Migration]) -> LedgerState:
    """Return the state in which files of the CLI's folder are recorded for it too.

    Where there is no history of the CLI yet, `make_supabase_history` makes it.
    """
    if not state.supabase_absent or state.supabase_columns:
        return state
    if not any(tool_sharing_folder(file.path) == SUPABASE_CLI for file in files):
        return state
    return replace(state, supabase_columns=_COLUMNS)


def make_supabase_history(state: LedgerState) -> list[bytes]:
    """Return what makes the CLI's history where it is to be kept and is not there."""
    return _MADE.split(b";\n") if state.supabase_absent and state.supabase_columns else []


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


def forget_for_supabase(migration: Migration, state: LedgerState) -> list[bytes]:
    """Return what takes the file out of the Supabase CLI's own history, where there is one.

    It stays there while another file with its digits is applied: one row stands for them all.
    """
    if "version" not in state.supabase_columns:
        return []
    digits = literal(migration.digits)
    return [
        (
            f"DELETE FROM supabase_migrations.schema_migrations WHERE version = {digits} "
            "AND NOT EXISTS (SELECT FROM shipway.migrations "
            f"WHERE split_part(label, '_', 1) = {digits} AND version <> {migration.version})"
        ).encode()
    ]
