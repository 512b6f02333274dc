"""Puts a backup in the place of what a project's database holds now: all of it, or nothing.

Everything is one transaction: what is there is dropped, the archive's statements and rows are
sent through the same connection, and the caller looks at the result before it is committed. The
schemas that belong to Supabase stay as they are, users and files included: a project's role may
not replace them.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.catalog.snapshot import read_snapshot
from shipway.edges.postgres import connection as postgres
from shipway.edges.postgres import diagnostics
from shipway.edges.postgres.catalog_sql import sql as sql_file
from shipway.edges.restore.archive_entries import describe, entries_of
from shipway.edges.restore.replaced_entries import KEPT, NOT_OURS, choose
from shipway.edges.restore.restore import restorer_of
from shipway.edges.restore.retry import load, path_of
from shipway.edges.restore.schema_state import PUBLIC, make_new
from shipway.edges.restore.script import DATA, POST_DATA, PRE_DATA, Script
from shipway.errors import Failed
from shipway.values.rehearsal import Restored, TableContent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from shipway.edges.client_tools.programs import Tool
    from shipway.edges.restore.archive_entries import Entry
    from shipway.values.backup import Backup, Manifest
    from shipway.values.basics import Secret
    from shipway.values.inspection import Snapshot

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["Held", "Replacement", "contents_of", "replace"]

_CONNECT_S: Final = 10.0
_LOCK_WAIT: Final = "5s"
_UNCHANGED: Final = "The database is as it was: the transaction was rolled back."
_CURES: Final[tuple[tuple[type[psycopg.Error], str], ...]] = (
    (
        psycopg.errors.LockNotAvailable,
        "Something uses the tables: stop the app, then run it again.",
    ),
    (
        psycopg.errors.InsufficientPrivilege,
        "Use the role that owns what is named; objects of the dashboard belong to another.",
    ),
    (
        psycopg.errors.CheckViolation,
        "The rule refuses rows of the backup in whatever order they come: it reads others.",
    ),
    (
        psycopg.errors.UndefinedObject,
        "Make there what is named: a role or an extension of the backup's server is in no dump.",
    ),
    (psycopg.Error, "Mend its cause in the database, then run it again."),
)

_SCHEMAS: Final = """
select nspname from pg_namespace
 where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all (%s)
"""
_TABLES: Final = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname = any (%s)
   and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid
                   and deptype = 'e')
 order by 1, 2
"""
# Schemas that were emptied, and whether they are the role's to change.
_EMPTIED: Final = """
select nspname, pg_has_role(nspowner, 'usage') from pg_namespace where nspname = any (%s)
"""
# One that holds an extension, or is another's, stays.
_DROP_PUBLIC: Final = """
do $$ begin
    if exists (select from pg_namespace where nspname = 'public' and pg_has_role(nspowner, 'usage')
               and oid not in (select extnamespace from pg_extension)) then
        drop schema public;
    end if;
end $$
"""


class Replacement:
    """What a transaction has put in place, before it is committed.

    Attributes:
        restored: how it was restored.
    """

    def __init__(self, connection: Connection, restored: Restored) -> None:
        self.restored = restored
        self._connection = connection

    @property
    def catalog(self) -> Replacement:
        """What looks at the schema: itself."""
        return self

    def snapshot(self) -> Snapshot:
        """Return the schema as it would be."""
        return read_snapshot(self._connection)

    def contents(self) -> Mapping[str, TableContent]:
        """Return `schema.table` to its rows, of the project's tables."""
        found = {}
        for schema, name in self._connection.execute(_TABLES, [_schemas(self._connection)]):
            query = sql.SQL("select count(*) from only {}").format(
                sql.Identifier(str(schema), str(name))
            )
            ((rows,),) = self._connection.execute(query).fetchall()
            found[f"{schema}.{name}"] = TableContent(rows=int(str(rows)), digest="")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a database holds before a backup is brought back into it."""

    tables: tuple[str, ...]
    """The project's own, as `schema.table`."""
    is_project: bool
    """Whether it is a project of Supabase, whose own schemas are there already."""


def contents_of(url: Secret) -> Held:
    """Return what a database holds."""
    with postgres.connect(url, purpose="restore", timeout_s=_CONNECT_S) as connection:
        rows = connection.execute(_TABLES, [_schemas(connection)]).fetchall()
        auth = connection.execute("select from pg_namespace where nspname = 'auth'").fetchone()
        return Held(
            tables=tuple(f"{schema}.{name}" for schema, name in rows), is_project=auth is not None
        )


@contextmanager
def replace(archive: Path, backup: Backup, *, url: Secret) -> Iterator[Replacement]:
    """Put a backup in the place of what is there; it is committed when the block ends well.

    Args:
        archive: the plain one; its digest was looked at by the caller.
        backup: what it is.
        url: of the database, as the role that owns the project's objects.

    Raises:
        Failed: a statement did not succeed; nothing was changed.
    """
    began = time.monotonic()
    tool = restorer_of(backup.manifest)
    with postgres.connect(url, purpose="restore", timeout_s=_CONNECT_S) as connection:
        connection.autocommit = True
        try:
            connection.execute("begin")
            entries, by_path = _put(connection, tool, archive, backup.manifest)
            restored = Restored(
                server_version=str(connection.info.parameter_status("server_version")),
                tool=tool.label,
                duration_s=round(time.monotonic() - began, 3),
                left_out=tuple(describe(one) for one in entries if one.schema not in NOT_OURS),
                stayed=tuple(describe(one) for one in entries if one.schema in NOT_OURS),
                errors=(),
                by_path=by_path,
                place=postgres.place_of(url),
            )
            yield Replacement(connection, restored)
            connection.execute("commit")
        except psycopg.Error as error:
            raise _failure(error) from None
        # The rows are there; that the planner does not know them yet is no reason to fail.
        connection.execute("analyze")


def _put(
    connection: Connection, tool: Tool, archive: Path, manifest: Manifest
) -> tuple[list[Entry], tuple[str, ...]]:
    """Drop what is there and bring the archive back; return what was left out, and `by_path`."""
    connection.execute(f"set local lock_timeout = '{_LOCK_WAIT}'".encode())
    connection.execute("set local statement_timeout = 0")
    connection.execute("set local idle_in_transaction_session_timeout = 0")
    connection.execute("set local search_path = ''")
    entries = entries_of(tool, archive, manifest.roles)
    keeps = _empty(connection, entries, manifest)
    coming, left_out = choose(connection, entries, keeps=keeps)
    script = Script(connection, tool, archive)
    path = path_of(manifest)
    by_path: list[str] = []
    for section in (PRE_DATA, DATA, POST_DATA):
        outcome = load(connection, script, coming, section=section, search_path=path)
        if outcome.failed:
            entry, error = outcome.failed[0]
            raise _failure(error, describe(entry)) from None
        by_path += outcome.by_path
    return left_out, tuple(by_path)


def _empty(connection: Connection, entries: Sequence[Entry], manifest: Manifest) -> set[str]:
    """Drop the project's objects; return the schemas that are another's and stay as they are."""
    publications = [one.name for one in entries if one.kind == "PUBLICATION"]
    drops = connection.execute(
        sql_file("restorable"),
        {"schemas": _schemas(connection), "publications": publications, "kept": list(KEPT)},
    ).fetchall()
    for (drop,) in drops:
        connection.execute(str(drop).encode())
    left = {
        str(name): bool(mine)
        for name, mine in connection.execute(_EMPTIED, [_schemas(connection)]).fetchall()
    }
    owners = {one.name: one.owner for one in entries if one.kind == "SCHEMA"}
    if manifest.has_public:
        left.setdefault(PUBLIC, True)
    for name in (one for one, mine in left.items() if mine):
        make_new(connection, name, owner=owners.get(name))
    if not manifest.has_public:
        connection.execute(_DROP_PUBLIC)
    return {name for name, mine in left.items() if not mine}


def _schemas(connection: Connection) -> list[str]:
    """Return the schemas that are the project's."""
    return [str(name) for (name,) in connection.execute(_SCHEMAS, [list(NOT_OURS)])]


def _failure(error: psycopg.Error, what: str = "") -> Failed:
    """Return what is said of an error, and of what it was about."""
    about = f"{what}: " if what else ""
    return Failed(
        f"The backup could not be put in place: {about}{diagnostics.plain_message(error)}",
        unchanged=_UNCHANGED,
        next_step=next(cure for kind, cure in _CURES if isinstance(error, kind)),
    )
