"""What a role's connections begin with: read on the target, given to a copy of it, compared.

A statement's meaning hangs on it: with `ISO, DMY` '12/01/2026' is a day in January. It comes from
the server's configuration, the database's and the role's settings and the URL's options; what
counts is what comes of all of them, so that is what is read and given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

import psycopg
from psycopg import sql

from shipway.values.backup import SessionDefaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

__all__ = [
    "give_session_defaults",
    "missing_locales",
    "read_session_defaults",
    "unlike_session",
]

# What can change whether a statement succeeds, or what it does. Left out on purpose: libraries and
# tablespaces, which only the target's server has; memory, costs and logs, which are the machine's;
# `default_transaction_read_only`, by which a target is closed for a while: a copy is there to be
# written to, and before the target is, it is asked whether it takes writes.
_MEANING: Final = (
    *("DateStyle", "IntervalStyle", "TimeZone", "timezone_abbreviations", "extra_float_digits"),
    *("lc_monetary", "lc_numeric", "lc_time", "bytea_output", "xmlbinary", "xmloption"),
    *("standard_conforming_strings", "backslash_quote", "escape_string_warning", "array_nulls"),
    *("quote_all_identifiers", "transform_null_equals", "operator_precedence_warning"),
    *("search_path", "default_text_search_config", "default_with_oids", "row_security"),
    *("default_table_access_method", "default_toast_compression", "icu_validation_level"),
    *("default_transaction_deferrable", "default_transaction_isolation"),
    *("check_function_bodies", "constraint_exclusion"),
    *("session_replication_role", "event_triggers", "restrict_nonsystem_relation_kind"),
    *("createrole_self_grant", "password_encryption", "lo_compat_privileges", "exit_on_error"),
    *("allow_system_table_mods", "synchronize_seqscans", "gin_fuzzy_search_limit"),
    *("statement_timeout", "lock_timeout", "transaction_timeout", "temp_file_limit"),
    *("idle_in_transaction_session_timeout", "idle_session_timeout", "deadlock_timeout"),
)
_LISTS: Final = ("search_path",)
"""Their values are lists of names, and a literal would be one name."""
_OF_MODULES: Final = ("plpgsql.", "pg_trgm.", "hnsw.", "ivfflat.")
"""Settings with a dot that are known to hold no secrets; a project's own may."""
_MAY_DIFFER: Final = ("lc_monetary", "lc_numeric", "lc_time")
"""They name locales of the target's operating system, which need not be here."""

# What our own transaction has set does not count, nor what a statement before it has: a connection
# begins with the value that RESET gives back. `timezone_abbreviations` has no built-in one.
_SETTINGS: Final = """
select name, reset_val from pg_catalog.pg_settings
 where name = any (%s) and reset_val is distinct from coalesce(boot_val, 'Default')
"""
_BUILT_IN: Final = "select boot_val from pg_catalog.pg_settings where name = %s"
_WITH_A_DOT: Final = r"""
select distinct split_part(entry, '=', 1)
  from pg_catalog.pg_db_role_setting, unnest(setconfig) as entry
 where setdatabase in (0, (select oid from pg_catalog.pg_database
                            where datname = current_database()))
   and setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user))
   and split_part(entry, '=', 1) like '%.%'
 union
-- Those of the server's configuration are listed nowhere, but what reads one names it.
select found[1] from pg_catalog.pg_proc, regexp_matches(
    prosrc, $$current_setting\s*\(\s*'([a-zA-Z_][\w$]*(?:\.[a-zA-Z_][\w$]*)+)'$$, 'g') as found
"""
_NAME: Final = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')
_OPTION: Final = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)+)=")
_GRANTED: Final = """
select parname from pg_catalog.pg_parameter_acl
 where has_parameter_privilege(current_user, parname, 'SET')
"""
_PARAMETER_ACL: Final = 150_000
"""The server version from which on parameters can be granted."""
# An extension of the platform lets its owner's role set what no grant tells of: so it is tried, by
# the statement itself, with the value that is set anyway. A file's own SET is the same statement.
_TRY: Final = r"""
do $$ declare parameter text; begin
    perform pg_catalog.set_config('shipway.may_set', '', true);
    for parameter in
        select name from pg_catalog.pg_settings
         where context = 'superuser' and name !~ 'preload_libraries|library_path|control_path'
    loop
        begin
            execute pg_catalog.format('set local %I = %L', parameter,
                pg_catalog.current_setting(parameter));
            perform pg_catalog.set_config('shipway.may_set',
                pg_catalog.current_setting('shipway.may_set') || ' ' || parameter, true);
        exception when others then null;
        end;
    end loop;
end $$
"""


def read_session_defaults(connection: Connection) -> SessionDefaults:
    """Return what the role's connections begin with, and which parameters it may set.

    Args:
        connection: as the role; a transaction is open, and what it has set does not count.
    """
    role = connection.execute("select current_user::text, session_user::text").fetchone()
    settings = _settings(connection)
    if role is not None and role[0] != role[1]:
        settings["role"] = role[0]
    named = {str(name) for (name,) in connection.execute(_WITH_A_DOT.encode())}
    named |= set(_OPTION.findall(connection.info.options))
    of_modules = {one for one in named if one.startswith(_OF_MODULES)}
    dotted = {one: value for one in sorted(named) if (value := _value(connection, one)) is not None}
    settings |= {one: value for one, value in dotted.items() if one in of_modules}
    return SessionDefaults(
        settings=dict(sorted(settings.items())),
        own={one: _stand_in(value) for one, value in dotted.items() if one not in of_modules},
        may_set=() if _is_superuser(connection) else _may_set(connection),
        path=_path(connection, settings.get("search_path", "")),
    )


def give_session_defaults(
    connection: Connection, defaults: SessionDefaults, role: str, *, begins: Connection
) -> None:
    """Let a role's connections to a copy begin as on the target; what cannot be set stays away.

    Args:
        connection: to the copy's database, as a superuser.
        defaults: the target's.
        role: the one that migrates.
        begins: a new connection of the role to the copy; where it begins otherwise is set.
    """
    there = _settings(begins)
    missing = {name: value for name, value in defaults.settings.items() if there.get(name) != value}
    for name in there.keys() - defaults.settings.keys():
        built_in = begins.execute(_BUILT_IN, [name]).fetchone()
        missing[name] = str(built_in[0] or "Default") if built_in else ""
    for name, value in (missing | dict(defaults.own)).items():
        _set(connection, role, name, value)
    for parameter in defaults.may_set:
        grant = sql.SQL("grant set on parameter {} to {}")
        _try_out(connection, grant.format(_dotted(parameter), sql.Identifier(role)))


def unlike_session(begins: Connection, defaults: SessionDefaults, role: str) -> tuple[str, ...]:
    """Return in which settings a new connection begins otherwise than on the target, in words.

    Args:
        begins: the connection, of a session that may begin as another role than the one let in.
        defaults: the target's.
        role: that connects on the target.
    """
    there = _settings(begins)
    names = (there.keys() | defaults.settings.keys()) - {"role", *_MAY_DIFFER}
    dotted = {one for one in names if "." in one}
    there |= {one: value for one in dotted if (value := _value(begins, one)) is not None}
    wanted = defaults.settings
    told = [one for one in sorted(names) if there.get(one) != wanted.get(one)]
    ((current,),) = begins.execute("select current_user::text").fetchall()
    if wanted.get("role", role) != current:
        told.append("role")
    return tuple(f"{one} is not {wanted.get(one, 'its built-in value')}" for one in told)


def missing_locales(begins: Connection, defaults: SessionDefaults) -> tuple[str, ...]:
    """Return the target's locales that a copy's server does not have, as `lc_time xx_XX`."""
    there = _settings(begins)
    wanted = {name: defaults.settings.get(name) for name in _MAY_DIFFER}
    return tuple(f"{name} {value}" for name, value in wanted.items() if value != there.get(name))


def _settings(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(_SETTINGS, [list(_MEANING)]).fetchall())


def _path(connection: Connection, search_path: str) -> tuple[str, ...]:
    names = [quoted.replace('""', '"') or bare for quoted, bare in _NAME.findall(search_path)]
    there = connection.execute(
        "select nspname::text from pg_namespace where nspname = any (%s)", [names]
    ).fetchall()
    return tuple(one for one in names if (one,) in there)


def _is_superuser(connection: Connection) -> bool:
    return connection.info.parameter_status("is_superuser") == "on"


def _value(connection: Connection, name: str) -> str | None:
    """Return the value of a setting; None where nothing sets it."""
    ((value,),) = connection.execute("select current_setting(%s, true)", [name]).fetchall()
    return None if value is None else str(value)


def _may_set(connection: Connection) -> tuple[str, ...]:
    """Return the parameters that only a superuser may set, and this role nevertheless."""
    found: set[str] = set()
    if connection.info.server_version >= _PARAMETER_ACL:
        found |= {str(name) for (name,) in connection.execute(_GRANTED)}
    try:
        with connection.transaction():
            connection.execute(_TRY)
            found |= set((_value(connection, "shipway.may_set") or "").split())
    except psycopg.Error:
        pass  # a database without PL/pgSQL, say; what is granted is known all the same
    return tuple(sorted(found))


def _stand_in(value: str) -> str:
    """Return a value of the same form that tells nothing: what is kept in it may be a secret."""
    forms: Mapping[str, str] = {
        r"(?i)|[01]|true|false|on|off|yes|no": value,
        r"[+-]?\d+": "1",
        r"[+-]?\d*\.\d+": "1.0",
        r"[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}": str(UUID(int=0)),
        r"https?://\S*": "https://stand-in.invalid",
        r"(?s)\s*\{.*\}\s*": "{}",
        r"(?s)\s*\[.*\]\s*": "[]",
    }
    return next((same for form, same in forms.items() if re.fullmatch(form, value)), "stand-in")


def _set(connection: Connection, role: str, name: str, value: str) -> None:
    """Set a parameter for the role's connections to this database."""
    head = sql.SQL("alter role {} in database {} set {} ").format(
        sql.Identifier(role), sql.Identifier(connection.info.dbname), _dotted(name)
    )
    if name not in _LISTS:
        _try_out(connection, head + sql.SQL("= {}").format(sql.Literal(value)))
        return
    with connection.transaction():
        connection.execute("select set_config(%s, %s, true)", [name, value])
        _try_out(connection, head + sql.SQL("from current"))


def _dotted(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _try_out(connection: Connection, statement: sql.Composed) -> None:
    """Run a statement; an error leaves what it is about as it was, and the comparison tells it."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except psycopg.Error:
        pass
