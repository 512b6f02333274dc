"""Dresses a plain PostgreSQL database as a new Supabase project: roles, schemas, auth."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from shipway.values import Secret

__all__ = ["APP_ROLE", "SUPERUSER", "dress", "dress_script"]

SUPERUSER = "supabase_admin"
"""The platform's own superuser: the cluster is made with it, and dressing runs as it."""
APP_ROLE = "postgres"
"""The project owner's role: no superuser, as on the hosted platform."""


def dress_script() -> bytes:
    """Return the SQL that dresses a database."""
    return files(__package__).joinpath("dress.sql").read_bytes()


def dress(admin: Secret, *, password: Secret) -> None:
    """Make an empty database look like a new Supabase project, all of it or nothing.

    Args:
        admin: URL of the database, as a superuser other than postgres.
        password: the one that the role postgres gets.
    """
    with psycopg.connect(admin.reveal()) as connection:
        # Only the verifier travels, so that no log of the server can hold the password.
        verifier = connection.pgconn.encrypt_password(
            password.reveal().encode(), APP_ROLE.encode(), b"scram-sha-256"
        )
        connection.execute(dress_script())
        connection.execute(
            sql.SQL("alter role {} password {}").format(
                sql.Identifier(APP_ROLE), sql.Literal(verifier.decode())
            )
        )
