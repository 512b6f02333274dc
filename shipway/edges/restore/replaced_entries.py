"""Which entries of an archive come back into a database in use, beside what stays there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS
from shipway.edges.postgres.catalog_sql import sql as sql_file
from shipway.edges.restore.archive_entries import NO_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from collections.abc import Set as AbstractSet

    import psycopg

    from shipway.edges.restore.archive_entries import Entry

__all__ = ["KEPT", "NOT_OURS", "choose"]

KEPT: Final = ("journal", "release_lock", "approvals")
"""Tables of the schema shipway that tell of releases: they are the database's, not the backup's."""

# These lie in schemas that are not the project's, and the project needs them nevertheless.
_OURS_TOO: Final = {"shipway", "supabase_migrations"}
NOT_OURS: Final = tuple(one for one in PLATFORM_SCHEMAS if one not in _OURS_TOO)
"""Schemas that stay as they are."""
_ON_PLATFORM_TABLES: Final = {"TRIGGER", "POLICY", "PUBLICATION TABLE"}
_OF_THE_ARCHIVE: Final = {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "DATABASE PROPERTIES"}
# Large objects are written in transactions of their own; a subscription would begin to copy.
_NEVER: Final = {"BLOB", "BLOBS", "BLOB METADATA", "SUBSCRIPTION", "SUBSCRIPTION TABLE"}
_ROWS: Final = {"TABLE DATA", "SEQUENCE SET"}
_PLATFORM_TRIGGER: Final = ("EVENT TRIGGER", "supabase_admin")

_NOT_MINE: Final = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname = any (%s) and not pg_has_role(c.relowner, 'usage')
"""

_OWNERS: Final = "select rolname from pg_roles where pg_has_role(oid, 'member')"


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    """The database that entries come back into, once the project's objects are gone from it."""

    role: str
    is_superuser: bool
    present: Collection[str]
    """What `present.sql` tells."""
    keeps: Collection[str]
    """Schemas that are another's: their grants and comments are not ours to change."""
    owners: Collection[str]
    """Those that the role can be."""
    not_mine: Collection[tuple[str, str]]
    """Tables of the platform that are another's."""


def choose(
    connection: psycopg.Connection[tuple[object, ...]],
    entries: Sequence[Entry],
    *,
    keeps: Collection[str],
) -> tuple[list[Entry], list[Entry]]:
    """Part the entries into those to bring back and those that are left out, if worth telling.

    Args:
        connection: to the database, emptied, with an empty search path.
        entries: all of the archive.
        keeps: schemas whose owner, grants and comments stay as they are.
    """
    there = _There(
        role=connection.info.user,
        is_superuser=connection.info.parameter_status("is_superuser") == "on",
        present={str(one) for (one,) in connection.execute(sql_file("present"))},
        keeps=keeps,
        owners={str(one) for (one,) in connection.execute(_OWNERS)},
        not_mine={
            (str(schema), str(name))
            for schema, name in connection.execute(_NOT_MINE, [list(NOT_OURS)])
        },
    )
    numbers = {one.number for one in entries}
    coming = {one.number for one in entries if not one.is_about and _comes(one, there, numbers)}
    coming |= {
        one.number for one in entries if one.is_about and _about(one, there, numbers, coming)
    }
    told = [one for one in entries if one.number not in coming and _is_told(one, there)]
    return [one for one in entries if one.number in coming], told


def _comes(entry: Entry, there: _There, numbers: AbstractSet[int]) -> bool:
    """Return whether an object, or its rows, come back."""
    kind = entry.kind
    is_journal = entry.schema == "shipway" and entry.name.split(" ")[0] in KEPT
    if is_journal or kind in _OF_THE_ARCHIVE | _NEVER or (kind, entry.owner) == _PLATFORM_TRIGGER:
        return False
    is_present = f"{kind} {entry.schema} {entry.name}" in there.present
    if kind == "SCHEMA":
        # Of public the archive holds the owner alone.
        is_public = entry.name == "public" and entry.name not in there.keeps
        return entry.name not in NOT_OURS and (is_public or not is_present)
    if kind == "DEFAULT ACL":
        return entry.owner == there.role and entry.schema not in NOT_OURS
    if entry.schema in NOT_OURS:
        return kind in _ON_PLATFORM_TABLES and not is_present and not _is_anothers(entry, there)
    # Rows without a table belong to an extension, which has stayed with its own, and so has what
    # belongs to a role that this one cannot be.
    stayed = kind in _ROWS and bool(entry.needs - numbers)
    return not is_present and not stayed and entry.owner in {"", *there.owners}


def _about(
    entry: Entry, there: _There, numbers: AbstractSet[int], coming: AbstractSet[int]
) -> bool:
    """Return whether a grant, a comment or a label comes back: with what it is about."""
    kind, name = entry.subject
    if kind == "SCHEMA" and entry.schema == NO_SCHEMA:
        return name not in NOT_OURS and name not in there.keeps
    if entry.schema in NOT_OURS:
        return False
    if entry.needs <= numbers:
        return bool(entry.needs & coming)
    # A member of an extension, or PostgreSQL's own: only a superuser may say what others may do.
    return entry.schema != NO_SCHEMA and there.is_superuser


def _is_anothers(entry: Entry, there: _There) -> bool:
    """Return whether it would put a table into a publication that is not the role's to give."""
    return entry.kind == "PUBLICATION TABLE" and any(
        schema == entry.schema and entry.name.endswith(f" {name}")
        for schema, name in there.not_mine
    )


def _is_told(entry: Entry, there: _There) -> bool:
    """Return whether a person should know that it does not come back."""
    if entry.kind == "PUBLICATION TABLE":
        return f"{entry.kind} {entry.schema} {entry.name}" not in there.present
    if entry.schema == "shipway":
        return False
    return entry.kind == "TABLE DATA" or entry.kind in _NEVER
