"""Whether a target takes our writes, and what keeps it from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.errors import Refused

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["write_refusal"]

# A hot standby refuses the isolation of a database whose default is serializable.
_BEGIN: Final = "begin isolation level repeatable read"
_ASK: Final = """
select pg_catalog.pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
       quote_ident(current_database()), quote_ident(session_user),
       (select source from pg_catalog.pg_settings where name = 'default_transaction_read_only'),
       has_database_privilege(current_database(), 'create')
         or exists (select from pg_catalog.pg_namespace where nspname = 'shipway'),
       quote_ident(current_user)
"""
_SETTING: Final = "default_transaction_read_only"


def write_refusal(connection: psycopg.Connection[TupleRow]) -> Refused | None:
    """Return the error for a target that we cannot write to; None for one that we can.

    Args:
        connection: in autocommit mode, with no transaction open.
    """
    connection.execute(_BEGIN)
    try:
        rows = connection.execute(_ASK).fetchall()
    finally:
        connection.execute("rollback")
    ((standby, read_only, database, role, source, creates, acting),) = rows
    if standby:
        return _refusal(
            "is a hot standby (a read replica), which takes no writes",
            "Set DATABASE_URL to the primary server.",
        )
    if read_only:
        return _read_only(database, role, source)
    if not creates:
        return _refusal(
            f"has no ledger yet, and the role {acting} may not make the schema shipway for it",
            f"As the database's owner: grant create on database {database} to {acting};",
        )
    return None


def _read_only(database: str, role: str, source: str) -> Refused:
    who = {
        "database": f"database {database}",
        "user": f"role {role}",
        "database user": f"role {role} in database {database}",
    }.get(source)
    if who is not None:
        # The session that ends it is read-only as well, and may be sent it as one message.
        ending = f"begin read write; alter {who} reset {_SETTING}; commit;"
        return _refusal(
            f"is read-only: {_SETTING} is on for {who}",
            f"Somebody has set it, with a reason perhaps. To end it: {ending}",
        )
    if source == "client":
        return _refusal(
            f"is read-only for us: the options of this connection set {_SETTING}",
            "Take it out of DATABASE_URL, or out of PGOPTIONS in the environment.",
        )
    return _refusal(
        f"is read-only: its server has {_SETTING} on",
        "On Supabase that is a full disk: make room, or a larger disk, in the dashboard "
        "(Settings > Compute and Disk). Elsewhere look at the server's configuration.",
    )


def _refusal(what: str, cure: str) -> Refused:
    return Refused(
        f"The target {what}.",
        unchanged="Nothing was begun; the database is as it was.",
        next_step=cure,
    )
