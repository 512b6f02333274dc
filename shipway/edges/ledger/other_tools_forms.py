"""How each other migration tool writes its history, and what is read out of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shipway.values.migrations import ForeignEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from psycopg.rows import TupleRow

__all__ = ["FORMS", "SUPABASE_SCHEMA", "Form"]

SUPABASE_SCHEMA: Final = "supabase_migrations"
_LEADING_DIGITS: Final = re.compile(r"(?:V)?(\d+)(?=[_-]|\Z)", re.IGNORECASE)
_FLYWAY_UNDONE: Final = {"UNDO_SQL", "UNDO_JDBC", "UNDO_SCRIPT", "DELETE"}


class Form(NamedTuple):
    """How one tool writes its history."""

    tool: str
    table: str
    columns: frozenset[str]
    query: str
    """What is asked of the table, which it names as `{table}`."""
    read: Callable[[Iterable[TupleRow]], dict[str, Any]]
    """Returns what is known of a `ForeignHistory` from the answer."""
    schema: str = ""
    """The only one in which it keeps it; empty for any."""


def _by_name(rows: Iterable[TupleRow]) -> dict[str, Any]:
    """Read names that begin with their versions."""
    return {"entries": tuple(_entry(name) for (name,) in rows)}


def _entry(name: str) -> ForeignEntry:
    digits = _LEADING_DIGITS.match(name)
    return ForeignEntry(version=int(digits.group(1)) if digits else None, name=name)


def _supabase(rows: Iterable[TupleRow]) -> dict[str, Any]:
    """Read versions with their names: the CLI also runs a down script that lies in its folder."""
    told = list(rows)
    entries = tuple(
        replace(_entry(version), name=f"{version}_{name}" if name else version)
        for version, name in told
        if not name.endswith(".down")
    )
    down = [(version, name) for version, name in told if name.endswith(".down")]
    if not down:
        return {"entries": entries}
    version, name = down[0]
    return {
        "entries": entries,
        "failed": tuple(_entry(version) for version, _ in down),
        "fault": f"{version} is recorded as {name}: a down script ran in place of the migration",
        "cure": "Take it out there: supabase migration repair --status reverted "
        + " ".join(version for version, _ in down),
    }


def _newest(rows: Iterable[TupleRow]) -> dict[str, Any]:
    """Read the single row of golang-migrate."""
    for version, dirty in rows:
        newest = ForeignEntry(version=version, name=str(version))
        if dirty:
            return {
                "entries": (),
                "up_to": version - 1,
                "failed": (newest,),
                "fault": f"version {version} is marked dirty: it failed half-way",
                "cure": "Resolve that with golang-migrate",
            }
        return {"entries": (newest,), "up_to": version}
    return {"entries": ()}


def _prisma(rows: Iterable[TupleRow]) -> dict[str, Any]:
    told = list(rows)
    failed = tuple(_entry(name) for name, finished in told if not finished)
    entries = tuple(_entry(name) for name, finished in told if finished)
    if not failed:
        return {"entries": entries}
    return {
        "entries": entries,
        "failed": failed,
        "fault": f"{failed[0].name} has failed and was not resolved",
        "cure": "Resolve that with Prisma (prisma migrate resolve)",
    }


def _flyway(rows: Iterable[TupleRow]) -> dict[str, Any]:
    """Read rows in the order in which Flyway has written them: later ones may undo earlier ones."""
    latest: dict[str, tuple[ForeignEntry, bool]] = {}
    up_to = None
    for version, script, kind, success in rows:
        number = int(version) if version.isdigit() else None
        if kind == "BASELINE":
            up_to = number
        elif kind in _FLYWAY_UNDONE and success:
            latest.pop(version, None)
        else:
            latest[version] = ForeignEntry(version=number, name=script), success
    entries = tuple(entry for entry, success in latest.values() if success)
    failed = tuple(entry for entry, success in latest.values() if not success)
    if not failed:
        return {"entries": entries, "up_to": up_to}
    return {
        "entries": entries,
        "up_to": up_to,
        "failed": failed,
        "fault": f"{failed[0].name} has failed",
        "cure": "Resolve that with Flyway (flyway repair)",
    }


def _sqitch(rows: Iterable[TupleRow]) -> dict[str, Any]:
    return {"entries": tuple(ForeignEntry(version=None, name=change) for (change,) in rows)}


FORMS: Final = (
    Form(
        "Supabase CLI",
        "schema_migrations",
        frozenset({"version", "name"}),
        "SELECT version::text, coalesce(name::text, '') FROM {table} WHERE version IS NOT NULL "
        "ORDER BY 1",
        _supabase,
        SUPABASE_SCHEMA,
    ),
    Form(
        "Supabase CLI",
        "schema_migrations",
        frozenset({"version"}),
        "SELECT version::text FROM {table} WHERE version IS NOT NULL ORDER BY 1",
        _by_name,
        SUPABASE_SCHEMA,
    ),
    Form(
        "golang-migrate",
        "schema_migrations",
        frozenset({"version", "dirty"}),
        "SELECT version, dirty FROM {table}",
        _newest,
    ),
    Form(
        "dbmate",
        "schema_migrations",
        frozenset({"version"}),
        "SELECT version::text FROM {table} WHERE version IS NOT NULL ORDER BY 1",
        _by_name,
    ),
    Form(
        "Prisma",
        "_prisma_migrations",
        frozenset({"migration_name", "finished_at", "rolled_back_at", "started_at"}),
        "SELECT migration_name::text, finished_at IS NOT NULL FROM {table} "
        "WHERE rolled_back_at IS NULL ORDER BY started_at",
        _prisma,
    ),
    Form(
        "node-pg-migrate",
        "pgmigrations",
        frozenset({"id", "name"}),
        "SELECT name::text FROM {table} WHERE name IS NOT NULL ORDER BY id",
        _by_name,
    ),
    Form(
        "Flyway",
        "flyway_schema_history",
        frozenset({"installed_rank", "version", "script", "type", "success"}),
        "SELECT version::text, script::text, type::text, success FROM {table} "
        "WHERE version IS NOT NULL ORDER BY installed_rank",
        _flyway,
    ),
    Form(
        "sqitch",
        "changes",
        frozenset({"change_id", "change", "project", "committed_at"}),
        "SELECT change::text FROM {table} ORDER BY committed_at",
        _sqitch,
    ),
)
"""The first that fits counts: early versions of the Supabase CLI kept no names, and dbmate's table
is any `schema_migrations` with a version."""
