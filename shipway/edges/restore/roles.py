"""Makes the roles of a target on the server that holds a copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

    from shipway.values.backup import Role

__all__ = ["make_roles"]

_MEMBERSHIPS_HAVE_OPTIONS: Final = 160_000
"""The server version from which on whether rights are inherited is told of each."""


def make_roles(
    connection: psycopg.Connection[tuple[object, ...]], roles: tuple[Role, ...]
) -> tuple[str, ...]:
    """Make the target's roles on another server, none of them able to log in.

    Returns:
        the names of those that were not there before.
    """
    there = {name for (name,) in connection.execute("select rolname from pg_roles")}
    has_options = connection.info.server_version >= _MEMBERSHIPS_HAVE_OPTIONS
    for role in roles:
        if role.name not in there:
            attributes = sql.SQL(" ").join(map(sql.SQL, role.attributes))
            connection.execute(
                sql.SQL("create role {} nologin {}").format(sql.Identifier(role.name), attributes)
            )
    # A role that was there keeps its memberships: they may not be ours to give.
    for role in (one for one in roles if one.name not in there):
        for group in role.member_of:
            options = ["admin option"] if group in role.admin_of else []
            if group in role.otherwise and has_options:
                options.append(f"inherit {'true' if 'noinherit' in role.attributes else 'false'}")
            connection.execute(
                sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(role.name))
                + sql.SQL(f" with {', '.join(options)}" if options else "")
            )
    return tuple(role.name for role in roles if role.name not in there)
