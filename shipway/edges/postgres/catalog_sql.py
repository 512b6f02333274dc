"""The seven queries of a snapshot, read from the .sql files beside this module.

Each returns rows of kind, parent, name and facts; facts are an array of name, value, name, value,
and one without value is left out. They run with an empty search path, so that the server writes
every name with its schema.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Final

__all__ = ["PLATFORM_SCHEMAS", "identities_query", "reader", "snapshot_queries", "sql"]

PLATFORM_SCHEMAS: Final = (
    *("auth", "storage", "realtime", "_realtime", "vault", "extensions", "pgbouncer"),
    *("graphql", "graphql_public", "supabase_functions", "supabase_migrations", "pgsodium"),
    *("pgsodium_masks", "net", "cron", "pgtle", "_analytics", "_supavisor", "shipway"),
)
"""Schemas that belong to Supabase, its extensions or to shipway, and not to the project."""

DEFAULT_PRIVILEGES: Final = "default_privileges"
"""The last query's name: what is granted on objects that are not made yet."""
_SNAPSHOT: Final = (
    *("relations", "columns", "constraints", "policies", "functions", "grants"),
    DEFAULT_PRIVILEGES,
)


@lru_cache(maxsize=1)
def snapshot_queries() -> tuple[bytes, ...]:
    """Return the queries; they take `platform`, the schemas to leave out."""
    return tuple(sql("ours") + sql(name) for name in _SNAPSHOT)


@lru_cache(maxsize=1)
def reader() -> str:
    """Return a digest of the queries: two snapshots of other readers do not compare."""
    return hashlib.sha256(b"\0".join(snapshot_queries())).hexdigest()


def identities_query() -> bytes:
    """Return the query of what each part of a schema is by its number; it takes `platform` too."""
    return sql("ours") + sql("identities")


def sql(name: str) -> bytes:
    """Return the text of one .sql file."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_bytes()
