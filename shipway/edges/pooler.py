"""Poolers between here and the server: which kind one is, and sessions that are ours alone."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.backend import first_answer, hold, is_direct, let_go
from shipway.edges.postgres import is_supabase, not_reached, opened, port_of, project_ref_of
from shipway.errors import Refused

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    from shipway.values import Secret

    Connection = psycopg.Connection[TupleRow]

__all__ = ["connect_session", "hand_back"]

_TRANSACTION_PORT: Final = 6543
_ROUNDS: Final = 3
_WAIT_S: Final = 2.0
"""For the second connection: a pool that has none to give keeps the ones it gave."""


def connect_session(
    url: Secret | None, *, purpose: str, timeout_s: float
) -> psycopg.Connection[TupleRow]:
    """Open a connection whose server session is ours alone until it is closed.

    Args:
        url: the target's `DATABASE_URL`.
        purpose: what for; the server shows it as `shipway <purpose>` in pg_stat_activity.
        timeout_s: the longest wait for an answer, in seconds.

    Raises:
        Misconfigured: there is no URL, or it is none.
        Refused: the server could not be reached, or a transaction pooler is between.
    """
    if url and port_of(url) == _TRANSACTION_PORT and is_supabase(url):
        raise _refused(url, f"port {_TRANSACTION_PORT} is Supabase's transaction pooler")
    connection, pid = opened(url, purpose=purpose, timeout_s=timeout_s)
    if url is None or is_direct(connection, pid):
        return connection
    shared, failure = True, None
    try:
        shared = _is_shared(url, connection, pid, timeout_s)
    except psycopg.Error as error:
        failure = not_reached(url, str(error))
    finally:
        if shared:
            connection.close()
    if shared:
        raise failure or _refused(url, "a transaction pooler is between here and the server")
    return connection


def hand_back(connection: psycopg.Connection[TupleRow]) -> None:
    """Close a session, with nothing left in it for whoever a pooler gives it to next.

    Most poolers see to that themselves, but it is a setting of theirs.
    """
    with closing(connection), suppress(psycopg.Error):
        connection.execute("DISCARD ALL")


def _is_shared(url: Secret, connection: Connection, ours: int, timeout_s: float) -> bool:
    """Tell whether another client is given the server session that seemed to be ours.

    Both look at theirs, while they hold a transaction and after it: whether the pooler hands out
    the session that came back last or the one that has rested longest, one of the two meets a
    session that it did not have before. Nothing is set and nothing locked, so nothing stays.
    """
    wait_s = min(timeout_s, _WAIT_S)
    try:
        other, theirs = opened(url, purpose="pooler probe", timeout_s=wait_s)
    except Refused:
        return first_answer(connection, within_s=timeout_s) != ours
    with closing(other):
        if theirs == ours:
            return True
        for _ in range(_ROUNDS):
            mine = {hold(connection, within_s=timeout_s)}
            try:
                theirs = hold(other, within_s=wait_s)
            except psycopg.OperationalError:
                return True  # it had a session before, and now it has none
            let_go(connection, within_s=timeout_s)
            let_go(other, within_s=timeout_s)
            mine |= {first_answer(connection, within_s=timeout_s) for _ in range(2)}
            if theirs == ours or mine != {ours}:
                return True
    return False


def _refused(url: Secret, why: str) -> Refused:
    ref = project_ref_of(url)
    if ref:
        cure = (
            f"Set DATABASE_URL to db.{ref}.supabase.co:5432, or to the session pooler: the "
            "pooler's host with port 5432 (dashboard, Connect)."
        )
    else:
        cure = (
            "Set DATABASE_URL to an address past the pooler: the server's own, or a session pooler "
            "(PgBouncer: pool_mode = session; Supabase: the pooler's host with port 5432)."
        )
    return Refused(
        f"This address cannot be worked through: {why}. Locks, snapshots and settings would be "
        "put into sessions that other clients are given.",
        unchanged="Nothing was begun; the database is as it was.",
        next_step=cure,
    )
