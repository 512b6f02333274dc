"""The histories that other migration tools keep in a database: found, and read where allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shipway.edges.ledger.other_tools_forms import FORMS, SUPABASE_SCHEMA
from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS
from shipway.values.migrations import ForeignHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg
    from psycopg.rows import TupleRow

    from shipway.edges.ledger.other_tools_forms import Form

__all__ = ["HistoryTable", "find_histories", "history_tables"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTable:
    """A table that has the form of a tool's history."""

    form: Form
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
    names = sorted({form.table for form in FORMS})
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
    return sorted(tables, key=lambda one: FORMS.index(one.form))


def _form_of(schema: str, table: str, columns: Sequence[str]) -> Form | None:
    for form in FORMS:
        here = form.schema in {"", schema} and form.table == table
        if here and form.columns <= {*columns}:
            return form
    return None


def _grant(form: Form, schema: str, table: str, role: str) -> str:
    rights = "select, insert, delete" if form.schema == SUPABASE_SCHEMA else "select"
    return f"grant usage on schema {schema} to {role}; grant {rights} on {table} to {role};"
