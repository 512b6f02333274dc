"""The roles of a target on a server of one's own: made where they are missing, others untouched.

Those that were made are known by their comment; they go when the last copy is gone.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.copies.urls import as_login, as_member, at_database
from shipway.edges.dump.survey import roles_of
from shipway.edges.postgres import connection as postgres
from shipway.edges.restore.roles import make_roles
from shipway.errors import Stopped
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from psycopg.rows import TupleRow

    from shipway.values.backup import Manifest, Role

    Connection = psycopg.Connection[TupleRow]

__all__ = ["Made", "claim", "drop", "made_by_us", "make", "owner_url", "unlike"]

_OURS: Final = "made by shipway for copies that are rehearsed on; it is dropped with the last one"
_MADE: Final = (
    "select quote_ident(rolname) from pg_catalog.pg_roles "
    "where pg_catalog.shobj_description(oid, 'pg_authid') = %s"
)
_MADE_BY_A_FILE: Final = """
select r.rolname from pg_catalog.pg_roles r, pg_catalog.pg_database d
 where d.datname = current_database() and r.rolname !~ '^pg_'
   and not r.oid::text = any (%s)
   and (exists (select from pg_catalog.pg_shdepend s where s.dbid = d.oid
                and s.refclassid = 'pg_catalog.pg_authid'::regclass and s.refobjid = r.oid)
        -- Since Postgres 16, who makes a role may grant it.
        or exists (select from pg_catalog.pg_auth_members m where m.roleid = r.oid
                   and m.member = d.datdba and m.grantor = 10 and m.admin_option))
"""
_HAS_LEDGER: Final = "select to_regclass('shipway.migrations') is not null"
_MADE_WITH_THE_LEDGER: Final = """
select rolname from pg_catalog.pg_authid a
 where not oid::text = any (%s)
   and exists (select from shipway.migrations m where m.xmin = a.xmin)
"""
_CONNECT_S: Final = 10.0
_GRANTS_MAY_BE_EMPTY: Final = 160_000
"""The server version from which on who makes a role may grant it, and is not its member yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The roles that were made for a copy."""

    names: frozenset[str]
    password: Secret
    """Of the role that migrates, if that is one of them."""


def make(connection: Connection, manifest: Manifest) -> Made:
    """Make the target's roles that the server lacks, all of them or none.

    The connection's role becomes a member of each of them: it has to make objects theirs.

    Raises:
        psycopg.Error: it may not.
    """
    password = Secret(secrets.token_urlsafe(24))
    is_superuser = connection.info.parameter_status("is_superuser") == "on"
    with connection.transaction():
        made = make_roles(connection, manifest.roles)
        for name in made:
            role = sql.Identifier(name)
            connection.execute(sql.SQL("comment on role {} is {}").format(role, sql.Literal(_OURS)))
            if not is_superuser:
                options = ""
                if connection.info.server_version >= _GRANTS_MAY_BE_EMPTY:
                    options = " with inherit true, set true"
                grant = sql.SQL("grant {} to current_user" + options).format(role)
                connection.execute(grant)
        if manifest.role in made:
            # Only the verifier travels, so that no log of the server can hold the password.
            verifier = connection.pgconn.encrypt_password(
                password.reveal().encode(), manifest.role.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("alter role {} login password {}").format(
                    sql.Identifier(manifest.role), sql.Literal(verifier.decode())
                )
            )
    return Made(names=frozenset(made), password=password)


def owner_url(connection: Connection, url: Secret, name: str, role: str, made: Made) -> Secret:
    """Return the URL of a copy for the role that migrates on the target.

    A role that we made logs in with a password of ours. The password of any other stays what it
    is: sessions of the URL's own role begin as that role.

    Args:
        connection: as the URL's role.
        url: of the server.
        name: of the copy's database.
        role: the one that migrates.
        made: the roles that were made.
    """
    copy = at_database(url, name)
    if role == connection.info.user:
        return copy
    if role in made.names:
        login = as_login(copy, role, made.password)
        try:
            postgres.connect(login, purpose="rehearsal", timeout_s=_CONNECT_S).close()
        except Stopped:
            pass  # the server lets in by other means than passwords
        else:
            return login
    return as_member(copy, role)


def unlike(connection: Connection, roles: Iterable[Role], made: Collection[str]) -> tuple[str, ...]:
    """Return in what the roles that were there before are unlike the target's, for people."""
    here = {role.name: role for role in roles_of(connection)}
    known = {role.name: role for role in roles}
    there = [role for role in known.values() if role.name not in made and role.name in here]
    return tuple(
        said
        for role in there
        for said in (
            *_attributes(role, here[role.name]),
            *_memberships(role, here[role.name], known),
        )
    )


def claim(inside: Connection, before: Collection[str]) -> None:
    """Mark the roles that a rehearsed file has made, to be dropped with those that we made.

    A role came meanwhile when it is none of `before`. It is a file's when something in the copy
    hangs on it, when the copy's owner has made it, or when its row and one of the copy's ledger
    were written by one transaction; else it may be anybody's.

    Args:
        inside: to the copy.
        before: the numbers in the catalog of the roles that were there, whatever they are called.
    """
    queries = [_MADE_BY_A_FILE]
    is_superuser = inside.info.parameter_status("is_superuser") == "on"
    if is_superuser and inside.execute(_HAS_LEDGER).fetchone() == (True,):
        queries.append(_MADE_WITH_THE_LEDGER)
    for query in queries:
        for (name,) in inside.execute(query, [list(before)]).fetchall():
            role = sql.Identifier(str(name))
            inside.execute(sql.SQL("comment on role {} is {}").format(role, sql.Literal(_OURS)))


def made_by_us(connection: Connection) -> list[str]:
    """Return the roles that were made for copies, as SQL writes their names."""
    return [str(name) for (name,) in connection.execute(_MADE, [_OURS])]


def drop(connection: Connection) -> None:
    """Drop the roles that were made for copies; one that others use by now is left to them."""
    left = [sql.Composed([sql.SQL(name)]) for name in made_by_us(connection)]
    if not left:
        return
    try:
        # Together: they may have granted each other what binds them.
        connection.execute(sql.SQL("drop role {}").format(sql.SQL(", ").join(left)))
    except psycopg.Error:
        for role in left:
            with suppress(psycopg.Error):
                connection.execute(sql.SQL("drop role {}").format(role))


def _attributes(target: Role, here: Role) -> Iterator[str]:
    has, wanted = set(here.attributes), set(target.attributes)
    for one in sorted(has - wanted):
        yield f"{target.name} is {one} there"
    for one in sorted(wanted - has):
        yield f"{target.name} is not {one} there"


def _memberships(target: Role, here: Role, known: Collection[str]) -> Iterator[str]:
    has, wanted = set(here.member_of) & set(known), set(target.member_of)
    for one in sorted(has - wanted):
        yield f"{target.name} is a member of {one} there"
    for one in sorted(wanted - has):
        yield f"{target.name} is no member of {one} there"
