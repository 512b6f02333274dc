"""What the databases of a server share: read before a copy is made, and put back after the last.

A migration that is rehearsed may alter a role, grant one, or set something for another database.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

__all__ = [
    "SharedState",
    "put_back",
    "put_passwords_back",
    "read_passwords",
    "read_shared_state",
]

_ATTRIBUTES: Final[Mapping[str, LiteralString]] = {
    "rolsuper": "superuser",
    "rolinherit": "inherit",
    "rolcreaterole": "createrole",
    "rolcreatedb": "createdb",
    "rolcanlogin": "login",
    "rolreplication": "replication",
    "rolbypassrls": "bypassrls",
}
_ROLES: Final = """
select oid::text, to_jsonb(r) - '{oid,rolpassword,rolconfig}'::text[] from pg_catalog.pg_roles r
 where rolname !~ '^pg_'
"""
_PASSWORDS: Final = "select rolname::text, rolpassword from pg_catalog.pg_authid"
_NAMES: Final = "select quote_ident(rolname) from pg_catalog.pg_roles"
_MEMBERSHIPS: Final = """
select m.roleid::regrole::text, m.member::regrole::text, m.grantor::regrole::text,
       to_jsonb(m) - '{oid,roleid,member,grantor}'::text[]
  from pg_catalog.pg_auth_members m
"""
_SETTINGS: Final = r"""
select coalesce(quote_ident(d.datname), ''),
       case setrole when 0 then '' else setrole::regrole::text end,
       split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1)
  from pg_catalog.pg_db_role_setting s cross join unnest(setconfig) entry
  left join pg_catalog.pg_database d on d.oid = s.setdatabase
 where d.datname is null or d.datname !~ '^shipway_rehearsal_\d{14}_'
"""
_ON_DATABASES: Final = r"""
select 'database ' || quote_ident(d.datname), a.privilege_type, a.is_grantable::text,
       case a.grantee when 0 then 'public' else a.grantee::regrole::text end
  from pg_catalog.pg_database d,
       aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 where d.datname !~ '^shipway_rehearsal_\d{14}_'
"""
_ON_PARAMETERS: Final = """
select 'parameter ' || p.parname, a.privilege_type, a.is_grantable::text,
       case a.grantee when 0 then 'public' else a.grantee::regrole::text end
  from pg_catalog.pg_parameter_acl p, aclexplode(p.paracl) a
 where a.grantee <> 10  -- the first superuser's come and go with those of others
"""
_PARAMETERS_ARE_GRANTED: Final = 150_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """Roles, what they are members of, and what is set and granted outside of copies.

    Names stand in it as SQL writes them, but for those of the roles themselves.
    """

    roles: dict[str, dict[str, object]]
    """Number in the catalog to the columns of pg_roles."""
    memberships: list[tuple[str, str, str, dict[str, bool]]]
    """Group, member, grantor and options."""
    settings: list[tuple[str, str, str, str]]
    """Database and role, either may be empty, and the parameter's name and value."""
    privileges: list[tuple[str, str, str, str]]
    """`database x` or `parameter x`, privilege, whether it may be granted on, grantee."""
    names: list[str]
    """Of all roles, Postgres' own among them."""

    def text(self) -> str:
        """Return it as it is kept; it holds no password."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> SharedState:
        """Return what `text` gave."""
        told = json.loads(text)
        kept = {one.name: told[one.name] for one in fields(cls)}
        rows = ("memberships", "settings", "privileges")
        return cls(**kept | {name: [tuple(row) for row in kept[name]] for name in rows})


def read_shared_state(connection: Connection) -> SharedState:
    """Return it as it is now."""
    privileges = connection.execute(_ON_DATABASES.encode()).fetchall()
    if connection.info.server_version >= _PARAMETERS_ARE_GRANTED:
        privileges += connection.execute(_ON_PARAMETERS).fetchall()
    return SharedState(
        roles=dict(connection.execute(_ROLES).fetchall()),
        memberships=connection.execute(_MEMBERSHIPS).fetchall(),
        settings=connection.execute(_SETTINGS.encode()).fetchall(),
        privileges=privileges,
        names=[name for (name,) in connection.execute(_NAMES).fetchall()],
    )


def put_back(connection: Connection, before: SharedState, ours: Collection[str]) -> list[str]:
    """Make the shared state what it was; return the statements that cannot be run for that.

    Args:
        connection: outside of copies.
        before: what it was.
        ours: roles that are dropped next, as SQL writes them: nothing may hang on them.
    """
    failed: list[str] = []
    known = {*before.names, "public", ""}
    # One kind is compared when the one before it is done: the rest calls roles by their names.
    for kind in (_roles, _memberships, _privileges, _settings):
        now = read_shared_state(connection)
        # What hangs on roles that came meanwhile, and are not ours, is somebody else's.
        now = replace(
            now,
            memberships=[one for one in now.memberships if {one[0], one[1]} <= known],
            privileges=[one for one in now.privileges if one[3] in {*known, *ours}],
            settings=[one for one in now.settings if one[1] in known],
        )
        for statements in list(kind(before, now)):
            try:
                with connection.transaction():
                    for one in statements:
                        connection.execute(one)
            except psycopg.Error:
                failed.append(statements[-1].as_string(connection))
    return failed


def read_passwords(connection: Connection) -> dict[str, str | None]:
    """Return role to what the server keeps of its password; nothing where that cannot be read."""
    try:
        return dict(connection.execute(_PASSWORDS).fetchall())
    except psycopg.errors.InsufficientPrivilege:
        return {}


def put_passwords_back(connection: Connection, before: Mapping[str, str | None]) -> None:
    """Give roles the passwords that they had; they are never written down."""
    now = read_passwords(connection)
    for name, was in before.items():
        if name in now and now[name] != was:
            literal = sql.Literal(was) if was else sql.NULL
            role = sql.Identifier(name)
            connection.execute(sql.SQL("alter role {} password {}").format(role, literal))


def _roles(before: SharedState, now: SharedState) -> Iterator[list[sql.Composed]]:
    """Yield what gives roles their names and attributes back; new ones are left alone."""
    for number, was in before.roles.items():
        here, name = now.roles.get(number), sql.Identifier(str(was["rolname"]))
        if here is None:
            continue  # Dropped, and so nothing hung on it.
        if here["rolname"] != was["rolname"]:
            other = sql.Identifier(str(here["rolname"]))
            yield [sql.SQL("alter role {} rename to {}").format(other, name)]
        altered: list[sql.Composable] = [
            sql.SQL(word) if was[column] else sql.SQL("no") + sql.SQL(word)
            for column, word in _ATTRIBUTES.items()
            if here[column] != was[column]
        ]
        if here["rolconnlimit"] != was["rolconnlimit"]:
            altered.append(sql.SQL("connection limit {}").format(sql.Literal(was["rolconnlimit"])))
        if here["rolvaliduntil"] != was["rolvaliduntil"]:
            until = was["rolvaliduntil"] or "infinity"
            altered.append(sql.SQL("valid until {}").format(sql.Literal(until)))
        if altered:
            yield [sql.SQL("alter role {} ").format(name) + sql.SQL(" ").join(altered)]


def _memberships(before: SharedState, now: SharedState) -> Iterator[list[sql.Composed]]:
    for one in now.memberships:
        if one not in before.memberships:
            yield [_plain("revoke {} from {}", one[0], one[1]) + _granted_by(one)]
    for one in before.memberships:
        if one not in now.memberships:
            options = {name.removesuffix("_option"): is_on for name, is_on in one[3].items()}
            if len(options) == 1:  # before Postgres 16, which has no others
                told = " with admin option" if options["admin"] else ""
            else:
                told = " with " + ", ".join(f"{name} {is_on}" for name, is_on in options.items())
            yield [_plain("grant {} to {}" + told, one[0], one[1]) + _granted_by(one)]


def _granted_by(membership: tuple[str, str, str, dict[str, bool]]) -> sql.Composed:
    if len(membership[3]) == 1:
        return sql.Composed([])
    return _plain(" granted by {}", membership[2])


def _privileges(before: SharedState, now: SharedState) -> Iterator[list[sql.Composed]]:
    for what, privilege, _, grantee in _without(now.privileges, before.privileges):
        yield [_plain("revoke {} on {} from {}", privilege, what, grantee)]
    for what, privilege, grantable, grantee in _without(before.privileges, now.privileges):
        on = " with grant option" if grantable == "true" else ""
        yield [_plain("grant {} on {} to {}" + on, privilege, what, grantee)]


def _settings(before: SharedState, now: SharedState) -> Iterator[list[sql.Composed]]:
    had = {(database, role, name) for database, role, name, _ in before.settings}
    for database, role, name, _ in _without(now.settings, before.settings):
        if (database, role, name) not in had:
            head = _alter(database, role)
            yield [head + sql.SQL(" reset {}").format(sql.Identifier(*name.split(".")))]
    for database, role, name, value in _without(before.settings, now.settings):
        parameter = sql.Identifier(*name.split("."))
        # From the session: a list of names, such as a search_path, would be one name as a literal.
        yield [
            sql.SQL("select set_config({}, {}, true)").format(
                sql.Literal(name), sql.Literal(value)
            ),
            _alter(database, role) + sql.SQL(" set {} from current").format(parameter),
        ]


def _alter(database: str, role: str) -> sql.Composed:
    if not role:
        return _plain("alter database {}", database)
    if not database:
        return _plain("alter role {}", role)
    return _plain("alter role {} in database {}", role, database)


def _plain(statement: str, *names: str) -> sql.Composed:
    """Return a statement about names that the server itself has written as SQL does."""
    return sql.Composed([sql.SQL(statement.format(*names))])


def _without(
    those: list[tuple[str, str, str, str]], these: list[tuple[str, str, str, str]]
) -> list[tuple[str, str, str, str]]:
    return [one for one in those if one not in these]
