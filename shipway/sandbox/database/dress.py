"""Dresses a plain PostgreSQL database as a new Supabase project: roles, schemas, rights."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.postgres.supautils import PRIVILEGED_ROLE, supautils_script

if TYPE_CHECKING:
    from shipway.values.basics import Secret

__all__ = ["APP_ROLE", "SUPERUSER", "dress", "dress_script"]

SUPERUSER: Final = "supabase_admin"
"""The platform's own superuser: the cluster is made with it, and dressing runs as it."""
APP_ROLE: Final = PRIVILEGED_ROLE
"""The project owner's role: no superuser, as on the hosted platform."""
_PARTS: Final = (
    *("roles", "schemas", "auth_providers", "auth", "storage", "storage_functions"),
    *("realtime", "supabase_functions"),
)
"""Files of sql/, in the order in which they refer to each other."""


def dress_script(*, older: bool = False) -> bytes:
    """Return the SQL that dresses a database.

    Args:
        older: as a project from before 30 October 2026, whose API roles may use whatever its
            owner makes in public.
    """
    folder = files(__package__) / "sql"
    parts = [*_PARTS, "older"] if older else _PARTS
    script = b"\n".join((folder / f"{part}.sql").read_bytes() for part in parts)
    return script + b"\n" + supautils_script()


def dress(admin: Secret, *, password: Secret, older: bool = False) -> None:
    """Make an empty database look like a new Supabase project, all of it or nothing.

    Args:
        admin: URL of the database, as a superuser other than postgres.
        password: the one that the role postgres gets.
        older: as in `dress_script`.
    """
    with psycopg.connect(admin.reveal()) as connection:
        # Only the verifier travels, so that no log of the server can hold the password.
        verifier = connection.pgconn.encrypt_password(
            password.reveal().encode(), APP_ROLE.encode(), b"scram-sha-256"
        )
        connection.execute(dress_script(older=older))
        connection.execute(
            sql.SQL("alter role {} password {}").format(
                sql.Identifier(APP_ROLE), sql.Literal(verifier.decode())
            )
        )
