"""Transaction poolers: recognised, and refused for what has to hold longer than a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.edges.postgres import connect, port_of, project_ref_of
from shipway.errors import Refused

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

    from shipway.values import Secret

__all__ = ["refuse_transaction_pooler"]

_TRANSACTION_PORT: Final = 6543
_PROBES: Final = 3
_MY_PID: Final = "SELECT pg_catalog.pg_backend_pid()"


def refuse_transaction_pooler(
    url: Secret,
    connection: psycopg.Connection[TupleRow],
    *,
    between: bool,
    timeout_s: float,
) -> None:
    """Refuse a connection whose statements may each reach another server session.

    Args:
        url: where it leads.
        connection: an open one, outside a transaction.
        between: the server's session is not the one that was announced: some pooler is between.
        timeout_s: for the further connections that find out which kind, in seconds.

    Raises:
        Refused: it is a transaction pooler, by its port or by what it does.
    """
    if port_of(url) == _TRANSACTION_PORT:
        raise _refused(url, f"port {_TRANSACTION_PORT} is Supabase's transaction pooler")
    if between and _shares_sessions(url, connection, timeout_s):
        raise _refused(url, "a transaction pooler is between here and the server")


def _shares_sessions(
    url: Secret, connection: psycopg.Connection[TupleRow], timeout_s: float
) -> bool:
    """Tell whether another client is given the server session that seemed to be ours.

    Others keep their sessions busy in open transactions meanwhile, so that a pooler that shares
    has to give out ours, or to give us another one.
    """
    ours = _pid(connection)
    others = []
    try:
        for _ in range(_PROBES):
            other = connect(url, purpose="pooler probe", timeout_s=timeout_s)
            others.append(other)
            other.execute("BEGIN")
            if _pid(other) == ours or _pid(connection) != ours:
                return True
    finally:
        for other in others:
            other.close()
    return False


def _pid(connection: psycopg.Connection[TupleRow]) -> int:
    row = connection.execute(_MY_PID).fetchone()
    return int(row[0]) if row else 0


def _refused(url: Secret, why: str) -> Refused:
    ref = project_ref_of(url)
    direct = f"db.{ref}.supabase.co:5432" if ref else "the direct address, port 5432"
    return Refused(
        f"Migrations cannot run through this address: {why}. Locks of a run, settings and "
        "progress would be shared with other clients.",
        unchanged="Nothing was run; the database is as it was.",
        next_step=f"Set DATABASE_URL to {direct}, or to the session pooler: the pooler's host "
        "with port 5432 (dashboard, Connect).",
    )
