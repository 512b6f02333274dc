"""Stands in for extensions that a copy's server lacks: what defaults and columns use most."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, LiteralString

from psycopg import sql

from shipway.edges.restore.archive_entries import unquoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import psycopg

__all__ = ["STOOD_IN", "make_stand_ins", "places_of"]

_NEW_UUID: Final[LiteralString] = (
    "returns uuid language sql volatile as 'select pg_catalog.gen_random_uuid()'"
)
_RANDOM_BYTES: Final[LiteralString] = """returns bytea language sql volatile as $$
    select pg_catalog.decode(pg_catalog.string_agg(
        pg_catalog.lpad(pg_catalog.to_hex((pg_catalog.random() * 255)::int), 2, '0'), ''), 'hex')
    from pg_catalog.generate_series(1, length) $$"""
_TOUCH: Final[LiteralString] = """returns trigger language plpgsql as $$ begin
    return pg_catalog.jsonb_populate_record(
        new, pg_catalog.jsonb_build_object(tg_argv[0], pg_catalog.now()));
    end $$"""
_FUNCTIONS: Final[Mapping[str, Mapping[LiteralString, LiteralString]]] = {
    "uuid-ossp": {
        "uuid_generate_v4()": _NEW_UUID,
        "uuid_generate_v1()": _NEW_UUID,
        "uuid_generate_v1mc()": _NEW_UUID,
    },
    "moddatetime": {"moddatetime()": _TOUCH},
    "pgcrypto": {"gen_random_uuid()": _NEW_UUID, "gen_random_bytes(length int)": _RANDOM_BYTES},
}
STOOD_IN: Final = frozenset(_FUNCTIONS)
"""The extensions that a copy can do without."""
# A domain takes every value that the dump writes down; what uses operators is left out.
_TYPES: Final = {
    "citext": ("citext",),
    "hstore": ("hstore",),
    "ltree": ("ltree", "lquery", "ltxtquery"),
    "cube": ("cube",),
    "seg": ("seg",),
    "intarray": ("query_int",),
}
# As members of an extension, of the one that is everywhere, they are nobody's own functions.
_KEPT_APART: Final = sql.SQL("alter extension plpgsql add ")
_NAME: Final = r'("(?:[^"]|"")+"|\S+?)'
_CREATE: Final = re.compile(
    rf"^CREATE EXTENSION IF NOT EXISTS {_NAME} WITH SCHEMA {_NAME};$", re.MULTILINE
)


def places_of(script: str) -> Mapping[str, str]:
    """Return extension to schema, of the statements that pg_restore writes for extensions."""
    return {unquoted(name): unquoted(schema) for name, schema in _CREATE.findall(script)}


def make_stand_ins(
    connection: psycopg.Connection[tuple[object, ...]],
    missing: Collection[str],
    places: Mapping[str, str],
) -> None:
    """Make what this server can have of the extensions that it lacks.

    Args:
        connection: to a copy that goes again, whose schemas are there, as a superuser.
        missing: the extensions.
        places: the schemas of the target's extensions.
    """
    there = {name for (name,) in connection.execute("select nspname from pg_namespace")}
    for name in missing:
        if places.get(name) not in there:
            continue
        place = sql.Identifier(places[name])
        for type_name in _TYPES.get(name, ()):
            domain = sql.SQL("{}.{}").format(place, sql.Identifier(type_name))
            connection.execute(sql.SQL("create domain {} as text").format(domain))
            connection.execute(_KEPT_APART + sql.SQL("domain ") + domain)
        for head, body in _FUNCTIONS.get(name, {}).items():
            function = sql.SQL("{}.").format(place) + sql.SQL(head)
            connection.execute(sql.SQL("create function {} ").format(function) + sql.SQL(body))
            connection.execute(_KEPT_APART + sql.SQL("function ") + function)
