"""Owner, grants and comment of schemas, as pg_dump takes them for granted: it tells the rest.

A schema that an archive makes is new. One that is there already, and public, which every new
database has, have to be made like new before what the archive says of them is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["PUBLIC", "make_new"]

PUBLIC: Final = "public"
_OWNED_BY_DATABASE_OWNER: Final = 150_000
"""The server version from which on public is, and from which on nobody else may create in it."""
_STATE: Final = """
select (select rolname from pg_roles where oid = 10), nspowner::regrole::text,
       array(select distinct case grantee when 0 then 'public' else grantee::regrole::text end
               from aclexplode(nspacl))
  from pg_namespace where nspname = %s
"""


def make_new(connection: Connection, name: str, *, owner: str | None = None) -> None:
    """Give a schema the owner, the grants and the comment of a new one; what lies in it stays.

    Args:
        connection: as a role that has its owner's rights.
        name: of the schema; public is made if it is not there.
        owner: the new one; None: the one it has, of public the one that a new database gives it.
    """
    schema = sql.Identifier(name)
    if name == PUBLIC:
        connection.execute("create schema if not exists public")
    ((bootstrap, has, grantees),) = connection.execute(_STATE, [name]).fetchall()
    older = connection.info.server_version < _OWNED_BY_DATABASE_OWNER
    if owner is None and name == PUBLIC:
        owner = str(bootstrap) if older else "pg_database_owner"
    # What regrole gives is quoted already.
    belongs = sql.SQL(str(has)) if owner is None else sql.Identifier(owner)
    connection.execute(sql.SQL("alter schema {} owner to {}").format(schema, belongs))
    for grantee in grantees if isinstance(grantees, list) else []:
        who = sql.SQL(grantee)
        connection.execute(sql.SQL("revoke all on schema {} from {} cascade").format(schema, who))
    connection.execute(sql.SQL("grant all on schema {} to {}").format(schema, belongs))
    if name == PUBLIC:
        everyone = sql.SQL("usage, create" if older else "usage")
        connection.execute(sql.SQL("grant {} on schema public to public").format(everyone))
    comment = sql.Literal("standard public schema" if name == PUBLIC else None)
    connection.execute(sql.SQL("comment on schema {} is {}").format(schema, comment))
