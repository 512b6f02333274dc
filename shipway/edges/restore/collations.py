"""Stands in for ICU's collations on a copy whose server was built without ICU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.edges.restore.archive_entries import Entry
    from shipway.edges.restore.script import Script
    from shipway.values.backup import DatabaseLocale

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["make_collations"]

_ICU: Final = "create collation pg_temp.shipway_icu (provider = icu, locale = 'und')"
_STAND_IN: Final = sql.SQL('create collation {} from pg_catalog."C"')


def make_collations(
    connection: Connection,
    script: Script,
    entries: Sequence[Entry],
    locale: DatabaseLocale | None,
) -> tuple[frozenset[int], tuple[str, ...]]:
    """Make what stands in for them; nothing where the server has ICU.

    What compares by them compares code points then: sorts otherwise, and takes for two what ICU
    may take for one.

    Args:
        connection: to the copy, whose schemas are there, as a superuser.
        script: of the archive.
        entries: of the archive.
        locale: names those of the target's server that are used.

    Returns:
        the numbers of the entries that are made, and what is told of all of them.
    """
    if locale is None or _has_icu(connection):
        return frozenset(), ()
    there = {str(name) for (name,) in connection.execute("select collname from pg_collation")}
    servers = [one for one in locale.icu if one not in there]
    for name in servers:
        connection.execute(_STAND_IN.format(sql.Identifier("pg_catalog", name)))
    told = [f"collation {name}" for name in servers]
    own = [one for one in entries if one.kind == "COLLATION"]
    for one in own:
        try:
            with connection.transaction():
                script.send([one])
        except psycopg.Error:
            _stand_in(connection, one)
            told.append(f"collation {one.schema}.{one.name}")
    return frozenset(one.number for one in own), tuple(told)


def _stand_in(connection: Connection, entry: Entry) -> None:
    name = sql.Identifier(entry.schema, entry.name)
    connection.execute(_STAND_IN.format(name))
    if entry.owner:
        owner = sql.Identifier(entry.owner)
        connection.execute(sql.SQL("alter collation {} owner to {}").format(name, owner))


def _has_icu(connection: Connection) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_ICU)
    except psycopg.errors.FeatureNotSupported:
        return False
    return True
