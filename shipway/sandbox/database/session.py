"""Lets the files that build the expected schema run in sessions like the target's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.catalog.session_defaults import give_session_defaults
from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS
from shipway.sandbox.database.dress import APP_ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.backup import SessionDefaults
    from shipway.values.basics import Secret
    from shipway.values.migrations import Migration

__all__ = ["begin_as"]

_SCHEMA: Final = re.compile(
    r"""create\s+schema\s+(?:if\s+not\s+exists\s+)?"?([^\s";]+)""", re.IGNORECASE
)


def begin_as(
    session: SessionDefaults, migrations: Sequence[Migration], *, admin: Secret, owner: Secret
) -> None:
    """Give the owner's connections what the target's begin with, and schemas for its search path.

    A file that names no schema makes its objects in the path's first one that is there. Where no
    file makes that, it was made by hand, before the first of them ran.

    Args:
        session: the target's.
        migrations: those that will run.
        admin: the scratch database's URL, as a superuser.
        owner: the same, as the role that runs the files.
    """
    # A role that the files may make, and that is not there yet, cannot be begun as.
    settings = {name: value for name, value in session.settings.items() if name != "role"}
    with (
        psycopg.connect(admin.reveal(), autocommit=True) as connection,
        psycopg.connect(owner.reveal(), autocommit=True) as begins,
    ):
        give_session_defaults(
            connection, replace(session, settings=settings), APP_ROLE, begins=begins
        )
        for schema in _by_hand(session, migrations):
            make = sql.SQL("create schema {} authorization {}")
            connection.execute(make.format(sql.Identifier(schema), sql.Identifier(APP_ROLE)))


def _by_hand(session: SessionDefaults, migrations: Sequence[Migration]) -> tuple[str, ...]:
    asked = [one for one in session.path if one not in {"public", "pg_catalog", *PLATFORM_SCHEMAS}]
    if not asked:
        return ()
    texts = (one.path.read_text(encoding="utf-8", errors="replace") for one in migrations)
    made = {name.lower() for text in texts for name in _SCHEMA.findall(text)}
    return tuple(one for one in asked if one.lower() not in made)
