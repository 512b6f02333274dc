"""The server process behind a connection, asked for within a limit: a pooler may have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.postgres.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

__all__ = ["answer_in_line", "first_answer", "hold", "is_direct", "let_go"]

# The isolation is named: a hot standby refuses that of a database whose default is serializable.
_BEGIN: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MY_PID: Final = b"SELECT pg_catalog.pg_backend_pid()"
_COMMIT: Final = b"COMMIT"
# A database may end sessions that are idle; ours wait for other steps, or for a person. Only a
# session that is ours alone is told so.
_STAY: Final = (
    "SELECT pg_catalog.set_config('idle_session_timeout', '0', false) "
    "WHERE pg_catalog.pg_backend_pid() = {}"
)
_IDLE_SESSION_TIMEOUT: Final = 140_000
"""The server version from which on it is known."""


def first_answer(connection: Connection, *, within_s: float) -> int:
    """Return the number of the server process that answers a new connection.

    Raises:
        psycopg.OperationalError: there was no answer in time, or it was an error.
    """
    statements = [_BEGIN, _MY_PID, _COMMIT]
    if connection.info.server_version >= _IDLE_SESSION_TIMEOUT:
        statements.insert(1, _STAY.format(connection.info.backend_pid).encode())
    return _number(connection, b"; ".join(statements), within_s)


class _AnsweredBefore(Exception):  # noqa: N818 - no error
    """Another connection had an answer while this one stood in line."""


def answer_in_line(connection: Connection, another: Connection, *, within_s: float) -> int | None:
    """Return the server process that answers; None where another has an answer before it.

    Args:
        connection: that may have to wait for a session of the server.
        another: asked when half the time is over.
        within_s: the longest wait.

    Raises:
        psycopg.OperationalError: neither had an answer in time, or it was an error.
    """
    answered = False

    def look() -> None:
        nonlocal answered
        if answered:
            raise _AnsweredBefore
        first_answer(another, within_s=within_s)
        answered = True

    message = b"; ".join([_BEGIN, _MY_PID, _COMMIT])
    try:
        return _number(connection, message, within_s / 2, look)
    except _AnsweredBefore:
        return None


def hold(connection: Connection, *, within_s: float) -> int:
    """Begin a transaction, which keeps the server process that it is given; return its number.

    Raises:
        psycopg.OperationalError: there was no answer in time, or it was an error.
    """
    return _number(connection, b"; ".join([_BEGIN, _MY_PID]), within_s)


def let_go(connection: Connection, *, within_s: float) -> None:
    """End the transaction of `hold`.

    Raises:
        psycopg.OperationalError: there was no answer in time, or it was an error.
    """
    _ask(connection, _COMMIT, within_s)


def is_direct(connection: Connection, pid: int) -> bool:
    """Tell whether a server process is the one that was announced when we were let in.

    A pooler announces a number of its own invention: at that moment it has no process for us.
    """
    return connection.info.backend_pid == pid


def _number(
    connection: Connection,
    message: bytes,
    within_s: float,
    on_silence: Callable[[], None] | None = None,
) -> int:
    ((value, *_), *_) = _ask(connection, message, within_s, on_silence)
    return int(value or 0)


def _ask(
    connection: Connection,
    message: bytes,
    within_s: float,
    on_silence: Callable[[], None] | None = None,
) -> tuple[tuple[str | None, ...], ...]:
    def give_up() -> None:
        raise psycopg.OperationalError(f"no server session came free within {within_s:g} s")

    wire = Wire(connection)
    answer = wire.exchange(message, tick_s=within_s, on_tick=on_silence or give_up)
    if answer.error is not None:
        raise psycopg.OperationalError(answer.error.message)
    return answer.rows
