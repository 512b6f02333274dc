"""Poolers between here and the server: which kind one is, and sessions that are ours alone."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.pq import TransactionStatus

from shipway.edges.postgres.backend import answer_in_line, first_answer, hold, is_direct, let_go
from shipway.edges.postgres.connection import (
    is_supabase,
    let_in,
    not_reached,
    open_with_backend,
    port_of,
    project_ref_of,
)
from shipway.errors import Refused

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    from shipway.values.basics import Secret

    Connection = psycopg.Connection[TupleRow]

__all__ = ["connect_session", "hand_back"]

_TRANSACTION_PORT: Final = 6543
_ROUNDS: Final = 3
_WAIT_S: Final = 2.0
"""For the second connection's session, where a pool has none left."""


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
        raise _refusal(url, f"port {_TRANSACTION_PORT} is Supabase's transaction pooler")
    connection, pid = open_with_backend(url, purpose=purpose, timeout_s=timeout_s)
    if url is None or is_direct(connection, pid):
        return connection
    try:
        if not _is_shared(url, connection, pid, timeout_s):
            return connection
        refused = _refusal(url, "a transaction pooler is between here and the server")
    except Refused as error:
        refused = error
    except psycopg.Error as error:
        refused = not_reached(url, str(error))
    connection.close()
    raise refused


def hand_back(connection: psycopg.Connection[TupleRow]) -> None:
    """Close a session, with nothing left in it for whoever a pooler gives it to next.

    Most poolers see to that themselves, but it is a setting of theirs.
    """
    with closing(connection), suppress(psycopg.Error):
        connection.execute("DISCARD ALL")


def _is_shared(url: Secret, connection: Connection, ours: int, timeout_s: float) -> bool:
    """Tell whether another client is given the server session that seemed to be ours.

    Nothing is set and nothing locked to find it out, so nothing stays in any session.
    """
    try:
        other = let_in(url, purpose="pooler probe", timeout_s=timeout_s)
    except Refused as refused:
        if "MaxClientsInSessionMode" in refused.what:
            return False
        raise
    with closing(other):
        # Where the pool has none left it stands in line. Who shares has to stand behind it; who
        # has an answer before it has a session of its own.
        try:
            theirs = answer_in_line(other, connection, within_s=_WAIT_S)
        except psycopg.OperationalError:
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                raise  # ours has no answer either
            # The pooler itself let it wait no longer.
            return first_answer(connection, within_s=_WAIT_S / 2) != ours
        if theirs is None:
            return False
        return theirs == ours or _change(connection, ours, other, timeout_s)


def _change(connection: Connection, ours: int, other: Connection, timeout_s: float) -> bool:
    """Tell whether one of two connections is given another session than it had.

    Both look at theirs while they hold a transaction, and after it: whether the pooler hands out
    the session that came back last or the one that has rested longest, one of the two meets it.
    """
    for _ in range(_ROUNDS):
        mine = {hold(connection, within_s=timeout_s)}
        try:
            theirs = hold(other, within_s=_WAIT_S)
        except psycopg.OperationalError:
            return True  # it had a session before, and now it has none
        let_go(connection, within_s=timeout_s)
        let_go(other, within_s=timeout_s)
        mine |= {first_answer(connection, within_s=timeout_s) for _ in range(2)}
        if theirs == ours or mine != {ours}:
            return True
    return False


def _refusal(url: Secret, why: str) -> Refused:
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
