"""Stand-ins for extensions that migrations ask for and the embedded PostgreSQL does not bring.

They hold what a schema refers to (names, arguments, types) and answer as simply as may be: good
enough to build a schema with, and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from shipway.values import Secret

__all__ = ["PREINSTALLED", "STAND_INS", "preinstall", "write_extensions"]

PREINSTALLED: Final = ("uuid-ossp", "pgcrypto", "pg_stat_statements")
"""What a new Supabase project has in its schema `extensions`."""

_UUID: Final = "returns uuid language sql volatile as 'select pg_catalog.gen_random_uuid()';"
_BYTES: Final = (
    "returns bytea language sql volatile as 'select pg_catalog.decode(''00'', ''hex'')';"
)
_TEXT: Final = "returns text language sql volatile as 'select ''''::text';"
STAND_INS: Final = {
    "uuid-ossp": (
        f"create function uuid_generate_v1() {_UUID}"
        f"create function uuid_generate_v1mc() {_UUID}"
        f"create function uuid_generate_v4() {_UUID}"
        f"create function uuid_generate_v5(namespace uuid, name text) {_UUID}"
    ),
    "pgcrypto": (
        f"create function gen_random_bytes(length int) {_BYTES}"
        f"create function digest(data text, type text) {_BYTES}"
        f"create function digest(data bytea, type text) {_BYTES}"
        f"create function hmac(data text, key text, type text) {_BYTES}"
        f"create function hmac(data bytea, key bytea, type text) {_BYTES}"
        f"create function crypt(password text, salt text) {_TEXT}"
        f"create function gen_salt(type text) {_TEXT}"
        f"create function gen_salt(type text, rounds int) {_TEXT}"
    ),
    "citext": "create domain citext as text;",
    "unaccent": f"create function unaccent(what text) {_TEXT}",
    "moddatetime": (
        "create function moddatetime() returns trigger language plpgsql as 'begin return new; end';"
    ),
    "pgjwt": (
        f"create function sign(payload json, secret text, algorithm text default 'HS256') {_TEXT}"
    ),
    **dict.fromkeys(
        (
            *("pg_stat_statements", "pg_graphql", "supabase_vault", "pg_net", "pg_cron"),
            *("pgsodium", "hypopg", "index_advisor", "pgaudit", "http", "wrappers", "pg_tle"),
        ),
        "",
    ),
}


def preinstall(admin: Secret) -> None:
    """Create the extensions that every Supabase project has, in a database dressed as one."""
    with psycopg.connect(admin.reveal(), autocommit=True) as connection:
        # What the dress has in its place, for servers that cannot have the extension.
        connection.execute("drop function extensions.uuid_generate_v4()")
        for name in PREINSTALLED:
            statement = sql.SQL("create extension {} with schema extensions")
            connection.execute(statement.format(sql.Identifier(name)))


def write_extensions(folder: Path, *, but: Collection[str]) -> None:
    """Write the stand-ins into a folder, for `Cluster`, but for those of extensions that are there.

    The project owner may create each, as on the platform.
    """
    for name, script in STAND_INS.items():
        if name not in but:
            control = f"comment = 'stands in for {name}'\ndefault_version = '1'\n"
            control += "relocatable = true\ntrusted = true\n"
            (folder / f"{name}.control").write_text(control, encoding="utf-8")
            (folder / f"{name}--1.sql").write_text(script + "\n", encoding="utf-8")
