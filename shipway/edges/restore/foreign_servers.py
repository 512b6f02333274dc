"""Keeps a copy away from the databases that its foreign servers name: they are production's too.

A statement through a foreign table would read, or change, rows that no rehearsal may touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.postgres import diagnostics

if TYPE_CHECKING:
    from collections.abc import Iterable

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["LEADS_OUT", "lead_nowhere"]

LEADS_OUT: Final = ("USER MAPPING", "SUBSCRIPTION", "SUBSCRIPTION TABLE")
"""Kinds of entries that a copy has none of: who to be elsewhere, and what to fetch from there."""

# A socket below what is no folder, and a port that nobody listens at: both refuse at once.
_NOWHERE: Final = {
    "host": "/dev/null",
    "hostaddr": "127.0.0.1",
    "port": "1",
    "dbname": "nowhere",
    "service": "nowhere",
}
_OF_POSTGRES: Final = ("postgres_fdw", "dblink_fdw")
"""Wrappers whose other options name no place, and which go to a place of their own without any."""
_SERVERS: Final = """
select s.srvname, w.fdwname,
       array(select option_name::text from pg_options_to_table(s.srvoptions))
  from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw order by 1
"""


def lead_nowhere(connection: Connection) -> tuple[list[str], list[tuple[int, str]]]:
    """Point every foreign server to a place that refuses connections.

    Args:
        connection: to the copy, as a superuser.

    Returns:
        what is told of them, and errors, which have no entry: the ones that lead on.
    """
    told: list[str] = []
    errors: list[tuple[int, str]] = []
    for name, wrapper, has in connection.execute(_SERVERS).fetchall():
        options = set(map(str, has)) if isinstance(has, list) else set()
        try:
            _alter(connection, str(name), options, of_postgres=wrapper in _OF_POSTGRES)
        except psycopg.Error as error:
            why = diagnostics.plain_message(error)
            errors.append((0, f"server {name} still leads to where the target's does: {why}"))
        else:
            told.append(f"server {name} leads nowhere on the copy")
    return told, errors


def _alter(
    connection: Connection, server: str, options: Iterable[str], *, of_postgres: bool
) -> None:
    has = set(options)
    set_to = {
        one: _NOWHERE.get(one, "nowhere") for one in has if one in _NOWHERE or not of_postgres
    }
    changes = [_option("set", name, value) for name, value in sorted(set_to.items())]
    if of_postgres:
        missing = {"host", "port"} - has
        changes += [_option("add", name, _NOWHERE[name]) for name in sorted(missing)]
    if changes:
        query = sql.SQL("alter server {} options ({})")
        connection.execute(query.format(sql.Identifier(server), sql.SQL(", ").join(changes)))


def _option(how: str, name: str, value: str) -> sql.Composed:
    return sql.SQL("{} {} {}").format(sql.SQL(how), sql.Identifier(name), sql.Literal(value))
