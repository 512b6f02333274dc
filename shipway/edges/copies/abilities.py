"""What a role can do on a server of one's own, found out by trying: nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.restore import restore
from shipway.edges.restore.archive_entries import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg.rows import TupleRow

    from shipway.values.backup import Manifest

    Connection = psycopg.Connection[TupleRow]

__all__ = ["missing_abilities", "unusable_extensions"]

_AVAILABLE: Final = "select name from pg_catalog.pg_available_extensions where name = any(%s)"
_NOT_RESTORED_AS_OWNER: Final = ("DATABASE", "DATABASE PROPERTIES", "EVENT TRIGGER")
_WATCHED: Final = """
create function public.shipway_tries() returns event_trigger language plpgsql as 'begin end';
create event trigger shipway_tries on ddl_command_end execute function public.shipway_tries()
"""


def missing_abilities(connection: Connection, manifest: Manifest, archive: Path) -> list[str]:
    """Return what a restore of the archive wants and the connection's role may not, for people.

    Args:
        connection: to the empty database, on whose server the target's roles are.
        manifest: of the backup.
        archive: the plain one.
    """
    if connection.info.parameter_status("is_superuser") == "on":
        return []
    entries = entries_of(restore.restorer_of(manifest), archive, manifest.roles)
    owners = {one.owner for one in entries if one.subject[0] not in _NOT_RESTORED_AS_OWNER}
    # Nobody becomes one of Postgres' own, and none is wanted: public belongs to one from the start.
    owners = {one for one in owners if one and not one.startswith("pg_")}
    lacking = list(_not_becoming(connection, owners | {manifest.role}))
    for name, error in _failing_extensions(connection, manifest):
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            lacking.append(f"it may not create the extension {name}, which the server has")
    if any(one.kind == "EVENT TRIGGER" for one in entries):
        refused = _try_out(connection, sql.SQL(_WATCHED))
        if refused is not None:
            lacking.append(f"it may not create event triggers: {plain_message(refused)}")
    return lacking


def unusable_extensions(connection: Connection, manifest: Manifest) -> frozenset[str]:
    """Return the target's extensions that the server has and that cannot be made in a copy.

    pg_cron, for one, lives in one database of a server only.
    """
    return frozenset(name for name, _ in _failing_extensions(connection, manifest))


def _not_becoming(connection: Connection, roles: set[str]) -> Iterator[str]:
    """Yield of which roles objects cannot be made: by SET ROLE, and with their rights."""
    for role in sorted(roles):
        error = _try_out(connection, sql.SQL("set local role {}").format(sql.Identifier(role)))
        if error is None:
            inherits = connection.execute("select pg_has_role(%s, 'usage')", [role]).fetchone()
            why = "" if inherits == (True,) else "it does not inherit that role's rights"
        else:
            why = plain_message(error)
        if why:
            yield f"it may not make objects of {role}: {why}"


def _failing_extensions(
    connection: Connection, manifest: Manifest
) -> Iterator[tuple[str, psycopg.Error]]:
    there = connection.execute(_AVAILABLE, [sorted(manifest.extensions)]).fetchall()
    for (name,) in there:
        create = sql.SQL("create extension if not exists {} cascade")
        error = _try_out(connection, create.format(sql.Identifier(str(name))))
        if error is not None:
            yield str(name), error


def _try_out(connection: Connection, statement: sql.SQL | sql.Composed) -> psycopg.Error | None:
    """Run a statement of which nothing stays; return what the server said against it."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.Error as error:
        return error
    return None
