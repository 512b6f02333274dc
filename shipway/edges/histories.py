"""The histories that other migration tools keep in a database, read as they have written them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shipway.edges.catalog_sql import PLATFORM_SCHEMAS
from shipway.values import ForeignEntry, ForeignHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["HistoryTable", "find_histories", "history_tables"]

SUPABASE_SCHEMA: Final = "supabase_migrations"
# By name in any schema: all but the Supabase CLI can be told where to keep their history. The
# platform's own services keep theirs under the same names.
_FIND: Final = """
SELECT n.nspname::text, c.relname::text,
       format('%%I.%%I', n.nspname, c.relname),
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
       m.reached AND has_table_privilege(c.oid, 'SELECT'),
       m.reached AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE'),
       format('%%I', n.nspname), format('%%I', current_user)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT has_schema_privilege(n.oid, 'USAGE')
                           AND NOT row_security_active(c.oid) AS reached) AS m
WHERE c.relname = ANY (%(names)s) AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname <> ALL (%(platform)s)
ORDER BY 1, 2
"""
_LEADING_DIGITS: Final = re.compile(r"(?:V)?(\d+)(?=[_-]|\Z)", re.IGNORECASE)
_FLYWAY_UNDONE: Final = {"UNDO_SQL", "UNDO_JDBC", "UNDO_SCRIPT", "DELETE"}


class _Form(NamedTuple):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTable:
    """A table that has the form of a tool's history."""

    form: _Form
    name: str
    """With its schema, quoted where needed."""
    columns: tuple[str, ...]
    readable: bool
    writable: bool
    grant: str
    """What gives the role the rights that it lacks."""

    @property
    def of_supabase(self) -> bool:
        """Whether it is the Supabase CLI's."""
        return self.form.schema == SUPABASE_SCHEMA

    @property
    def query(self) -> bytes:
        """What is asked of it, when it may be read."""
        return self.form.query.format(table=self.name).encode()

    def history(self, rows: Iterable[TupleRow]) -> ForeignHistory:
        """Return what the answer to `query` tells; without rows when it may not be read."""
        grant = f"Let its owner run: {self.grant}"
        known: dict[str, Any] = {"cure": grant}
        if self.readable:
            known |= self.form.read(rows)
        else:
            known |= {"entries": (), "fault": "this role may not read it"}
        return ForeignHistory(
            tool=self.form.tool,
            table=self.name,
            readable=self.readable,
            kept_up=self.writable if self.of_supabase else None,
            **known,
        )


def find_histories(connection: psycopg.Connection[TupleRow]) -> psycopg.Cursor[TupleRow]:
    """Ask which tables are there that can be a history; `history_tables` reads the answer."""
    names = sorted({form.table for form in _FORMS})
    platform = [one for one in PLATFORM_SCHEMAS if one != SUPABASE_SCHEMA]
    return connection.execute(_FIND, {"names": names, "platform": platform})


def history_tables(found: Iterable[TupleRow]) -> list[HistoryTable]:
    """Return those of the found tables that have the form of a tool's history."""
    tables = [
        HistoryTable(
            form=form,
            name=name,
            columns=tuple(columns),
            readable=readable,
            writable=writable,
            grant=_grant(form, space, name, role),
        )
        for schema, table, name, columns, readable, writable, space, role in found
        if (form := _form_of(schema, table, columns)) is not None
    ]
    return sorted(tables, key=lambda one: _FORMS.index(one.form))


def _form_of(schema: str, table: str, columns: Sequence[str]) -> _Form | None:
    for form in _FORMS:
        here = form.schema in {"", schema} and form.table == table
        if here and form.columns <= {*columns}:
            return form
    return None


def _grant(form: _Form, schema: str, table: str, role: str) -> str:
    rights = "select, insert, delete" if form.schema == SUPABASE_SCHEMA else "select"
    return f"grant usage on schema {schema} to {role}; grant {rights} on {table} to {role};"


def _named(rows: Iterable[TupleRow]) -> dict[str, Any]:
    """Read names that begin with their versions."""
    return {"entries": tuple(_entry(name) for (name,) in rows)}


def _entry(name: str) -> ForeignEntry:
    digits = _LEADING_DIGITS.match(name)
    return ForeignEntry(version=int(digits.group(1)) if digits else None, name=name)


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


_FORMS: Final = (
    _Form(
        "Supabase CLI",
        "schema_migrations",
        frozenset({"version"}),
        "SELECT version::text FROM {table} ORDER BY 1",
        _named,
        SUPABASE_SCHEMA,
    ),
    _Form(
        "golang-migrate",
        "schema_migrations",
        frozenset({"version", "dirty"}),
        "SELECT version, dirty FROM {table}",
        _newest,
    ),
    _Form(
        "dbmate",
        "schema_migrations",
        frozenset({"version"}),
        "SELECT version::text FROM {table} ORDER BY 1",
        _named,
    ),
    _Form(
        "Prisma",
        "_prisma_migrations",
        frozenset({"migration_name", "finished_at", "rolled_back_at", "started_at"}),
        "SELECT migration_name::text, finished_at IS NOT NULL FROM {table} "
        "WHERE rolled_back_at IS NULL ORDER BY started_at",
        _prisma,
    ),
    _Form(
        "node-pg-migrate",
        "pgmigrations",
        frozenset({"id", "name"}),
        "SELECT name::text FROM {table} ORDER BY id",
        _named,
    ),
    _Form(
        "Flyway",
        "flyway_schema_history",
        frozenset({"installed_rank", "version", "script", "type", "success"}),
        "SELECT version::text, script::text, type::text, success FROM {table} "
        "WHERE version IS NOT NULL ORDER BY installed_rank",
        _flyway,
    ),
    _Form(
        "sqitch",
        "changes",
        frozenset({"change_id", "change", "project", "committed_at"}),
        "SELECT change::text FROM {table} ORDER BY committed_at",
        _sqitch,
    ),
)
"""The first that fits counts: dbmate's table is any `schema_migrations` with a version."""
