"""The extensions that every Supabase project has from its first day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.values.basics import Secret

__all__ = ["PREINSTALLED", "preinstall"]

PREINSTALLED: Final[Mapping[str, str]] = {
    "uuid-ossp": "extensions",
    "pgcrypto": "extensions",
    "pg_stat_statements": "extensions",
    "supabase_vault": "vault",
    "pg_graphql": "graphql",
}
"""Extension to schema."""


def preinstall(admin: Secret) -> None:
    """Create them in a dressed database whose server finds them, or stand-ins for them.

    Args:
        admin: URL of the database, as a superuser.
    """
    with psycopg.connect(admin.reveal(), autocommit=True) as connection:
        # What the dress has in its place, for servers that cannot have the extension.
        connection.execute("drop function if exists extensions.uuid_generate_v4()")
        for name, schema in PREINSTALLED.items():
            connection.execute(
                sql.SQL("create schema if not exists {}").format(sql.Identifier(schema))
            )
            connection.execute(
                sql.SQL("create extension {} with schema {}").format(
                    sql.Identifier(name), sql.Identifier(schema)
                )
            )
