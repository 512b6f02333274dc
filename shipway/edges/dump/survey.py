"""Looks at a database before it is dumped: what may be read, what it is, how many rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from psycopg import sql

from shipway.edges.catalog.session_defaults import read_session_defaults
from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS
from shipway.values.backup import DatabaseLocale, Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import psycopg

    from shipway.values.backup import SessionDefaults

__all__ = ["Facts", "Survey", "count", "facts_of", "look", "roles_of"]

_TABLES_A_QUERY = 50

# Everything that pg_dump wants to read: tables, partitioned tables, sequences. Members of an
# extension come with the extension, but for its configuration tables, which are dumped.
_READABLE = """
select n.nspname, c.relname, c.relkind::text,
       has_schema_privilege(n.oid, 'usage')
         and case c.relkind when 'S' then has_sequence_privilege(c.oid, 'select')
                            else has_table_privilege(c.oid, 'select') end,
       exists (select from pg_depend d
               where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'S')
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and (not exists (select from pg_depend d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype = 'e')
        or exists (select from pg_extension e where c.oid = any (e.extconfig)))
 order by n.nspname, c.relname
"""

_CLOSED_SCHEMAS = """
select nspname from pg_namespace
 where nspname !~ '^pg_' and nspname <> 'information_schema'
   and not has_schema_privilege(oid, 'usage')
 order by nspname
"""

_FACTS = """
select current_database(), current_setting('server_version'), now(),
       case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
            else pg_current_wal_lsn() end::text,
       session_user::text, exists (select from pg_namespace where nspname = 'public')
"""

# As JSON, since the name of the locale's column has changed twice.
_LOCALE = """
select pg_encoding_to_char(encoding), coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
       datcollate, datctype,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', ''),
       array(select distinct c.collname::text from pg_depend p
             join pg_collation c on p.refclassid = 'pg_collation'::regclass and p.refobjid = c.oid
             where c.collprovider = 'i' and c.collnamespace = 'pg_catalog'::regnamespace order by 1)
  from pg_database d where datname = current_database()
"""

# What a copy of the database needs of the roles. Their own settings are not read: some name
# libraries that only the platform has, and would lock everyone out of the copy.
_ROLES = """
select r.rolname::text,
       array_remove(array[
           case when r.rolsuper then 'superuser' end,
           case when r.rolcreaterole then 'createrole' end,
           case when r.rolcreatedb then 'createdb' end,
           case when r.rolreplication then 'replication' end,
           case when r.rolbypassrls then 'bypassrls' end,
           case when not r.rolinherit then 'noinherit' end], null),
       array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
             where m.member = r.oid group by 1 order by 1),
       array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
             where m.member = r.oid and m.admin_option group by 1 order by 1),
       -- Before Postgres 16 a membership has no option of its own, and goes by the role.
       array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
             where m.member = r.oid
             and coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit) <> r.rolinherit
             group by 1 order by 1)
  from pg_roles r where r.rolname !~ '^pg_' order by 1
"""

_LEDGER_THERE = """
select exists (
    -- By the catalog: to_regclass is an error for a role that may not look into the schema.
    select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'shipway' and c.relname = 'migrations'
        and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        and not row_security_active(c.oid))
"""
_LEDGER_VERSION = "select coalesce(max(version), 0) from shipway.migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the server says about itself and the database, in the dump's snapshot."""

    database: str
    server_version: str
    snapshot_at: datetime
    lsn: str
    role: str
    roles: tuple[Role, ...]
    extensions: Mapping[str, str]
    offered: tuple[str, ...]
    has_public: bool
    ledger_version: int
    session: SessionDefaults
    locale: DatabaseLocale


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Which tables are dumped, and what has to be left out."""

    tables: tuple[tuple[str, str], ...]
    """Schema and name of every table that holds rows and is dumped."""
    closed_schemas: tuple[str, ...]
    closed_relations: tuple[tuple[str, str], ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names, for people."""
        return (*self.closed_schemas, *(f"{one}.{name}" for one, name in self.closed_relations))

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The same as options of pg_dump, whose patterns are literal within double quotes."""
        return (
            *(f"--exclude-schema={_quote(schema)}" for schema in self.closed_schemas),
            *(
                f"--exclude-table={_quote(schema)}.{_quote(name)}"
                for schema, name in self.closed_relations
            ),
        )


def look(connection: psycopg.Connection[tuple[Any, ...]]) -> Survey:
    """Return what the role may read, from the catalog."""
    closed = [schema for (schema,) in connection.execute(_CLOSED_SCHEMAS).fetchall()]
    tables: list[tuple[str, str]] = []
    relations: list[tuple[str, str]] = []
    rows = connection.execute(_READABLE).fetchall()
    for schema, group in groupby(rows, key=lambda row: row[0]):
        members = list(group)
        if schema in closed:
            continue
        if schema in PLATFORM_SCHEMAS and not any(readable for _, _, _, readable, _ in members):
            # Its functions are about tables that would not be there; the platform has its own.
            closed.append(schema)
            continue
        for _, name, kind, readable, of_extension in members:
            if not readable:
                relations.append((schema, name))
            elif kind == "r" and not of_extension:
                tables.append((schema, name))
    return Survey(
        tables=tuple(tables),
        closed_schemas=tuple(sorted(closed)),
        closed_relations=tuple(relations),
    )


def count(connection: psycopg.Connection[tuple[Any, ...]], survey: Survey) -> Mapping[str, int]:
    """Return `schema.table` to rows, counted in the connection's transaction."""
    counts: dict[str, int] = {}
    one_table = sql.SQL("select {}::text, count(*) from only {}")
    for first in range(0, len(survey.tables), _TABLES_A_QUERY):
        some = survey.tables[first : first + _TABLES_A_QUERY]
        query = sql.SQL(" union all ").join(
            one_table.format(sql.Literal(f"{schema}.{name}"), sql.Identifier(schema, name))
            for schema, name in some
        )
        counts |= dict(connection.execute(query).fetchall())
    return counts


def facts_of(connection: psycopg.Connection[tuple[Any, ...]]) -> Facts:
    """Return what the server says of itself in the connection's transaction."""
    (row,) = connection.execute(_FACTS).fetchall()
    database, server_version, snapshot_at, lsn, role, has_public = row
    extensions = connection.execute(
        "select extname::text, extversion from pg_extension order by 1"
    ).fetchall()
    offered = connection.execute("select name::text from pg_available_extensions order by 1")
    names = tuple(name for (name,) in offered)
    (ledger,) = connection.execute(_LEDGER_THERE).fetchall()
    versions = connection.execute(_LEDGER_VERSION).fetchall() if ledger[0] else [(0,)]
    return Facts(
        database=database,
        server_version=server_version,
        snapshot_at=snapshot_at,
        lsn=lsn or "",
        role=role,
        roles=roles_of(connection),
        extensions=dict(extensions),
        offered=names,
        has_public=has_public,
        ledger_version=versions[0][0],
        session=read_session_defaults(connection),
        locale=_locale_of(connection),
    )


def _locale_of(connection: psycopg.Connection[tuple[Any, ...]]) -> DatabaseLocale:
    ((encoding, provider, collate, ctype, locale, icu),) = connection.execute(_LOCALE).fetchall()
    return DatabaseLocale(
        encoding=encoding,
        provider=provider,
        collate=collate,
        ctype=ctype,
        locale=locale,
        icu=tuple(icu),
    )


def roles_of(connection: psycopg.Connection[tuple[Any, ...]]) -> tuple[Role, ...]:
    """Return the roles of a server but Postgres' own."""
    return tuple(
        Role(
            name=name,
            attributes=tuple(attributes),
            member_of=tuple(member_of),
            admin_of=tuple(admin_of),
            otherwise=tuple(otherwise),
        )
        for name, attributes, member_of, admin_of, otherwise in connection.execute(_ROLES)
    )


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
