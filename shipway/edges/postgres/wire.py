"""One message to Postgres and what comes back: the simple query protocol, watched while it runs."""

from __future__ import annotations

import select
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import pq

from shipway.edges.postgres.diagnostics import report
from shipway.values.exchange import Answer, SqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.rows import TupleRow

__all__ = ["Wire"]

_TAGS_KEPT: Final = 3
_COPY_CHUNK_BYTES: Final = 1 << 16
_CANCEL_TIMEOUT_S: Final = 5.0
_COPIES: Final = (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT)
_FAILED: Final = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)


class Wire:
    """Sends texts of many statements over one connection and counts what is answered."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._notices: list[str] = []
        self._sent = b""
        connection.add_notice_handler(self._keep_notice)

    def exchange(
        self,
        message: bytes,
        *,
        copies: Sequence[bytes] = (),
        tick_s: float = 1.0,
        on_tick: Callable[[], None] | None = None,
        on_commit: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send one message and wait for all of its answers.

        Args:
            message: statements, separated by semicolons; in UTF-8, without NUL.
            copies: the inline data of each COPY FROM stdin among them, in order.
            tick_s: how often `on_tick` is called while the server is silent, in seconds.
            on_tick: looks around while we wait; it must not use this connection.
            on_commit: told of each transaction that is committed, as soon as it is known, with
                what was answered so far and the notices since the one before.
        """
        self._notices.clear()
        self._sent = message
        gathered = _Gathered(message)
        interrupted = False
        try:
            self._pgconn.send_query(message)
            waiting = deque(copies)
            while True:
                try:
                    self._wait(tick_s, on_tick)
                    result = self._pgconn.get_result()
                    if result is None:
                        break
                    if result.status in _COPIES:
                        self._copy(result, waiting, stop=interrupted)
                        continue
                    gathered.take(result)
                    if on_commit is not None and result.command_status == b"COMMIT":
                        on_commit(self._answer(gathered))
                        self._notices.clear()
                except KeyboardInterrupt:
                    if interrupted:
                        raise  # a second one waits for nothing any more
                    interrupted = True
                    self._cancel()
                if self._pgconn.status != pq.ConnStatus.OK and gathered.error:
                    break
        except psycopg.OperationalError as error:
            if gathered.error is None:
                gathered.error = SqlError(sqlstate="", message=" ".join(str(error).split()))
        return self._answer(gathered, interrupted=interrupted)

    def _answer(self, gathered: _Gathered, *, interrupted: bool = False) -> Answer:
        return Answer(
            completed=gathered.completed,
            tags=tuple(gathered.tags),
            rows=gathered.rows,
            notices=tuple(self._notices),
            error=gathered.error,
            lost=self._pgconn.status != pq.ConnStatus.OK,
            interrupted=interrupted,
        )

    def _wait(self, tick_s: float, on_tick: Callable[[], None] | None) -> None:
        """Return as soon as an answer, or the end of them, can be taken without blocking."""
        socket = self._pgconn.socket
        due = time.monotonic() + tick_s
        while self._pgconn.is_busy():
            left = due - time.monotonic()
            readable, _, _ = select.select([socket], [], [], max(0.0, left))
            if readable:
                self._pgconn.consume_input()
            else:
                due = time.monotonic() + tick_s
                if on_tick is not None:
                    on_tick()

    def _cancel(self) -> None:
        self._connection.cancel_safe(timeout=_CANCEL_TIMEOUT_S)

    def _copy(self, result: pq.abc.PGresult, waiting: deque[bytes], *, stop: bool) -> None:
        """Give the server the next inline data; take and drop what a COPY TO stdout sends."""
        if result.status == pq.ExecStatus.COPY_OUT:
            while self._pgconn.get_copy_data(0)[0] > 0:
                pass
        elif stop:  # the part that was fed before the interruption must not count as all
            self._pgconn.put_copy_end(b"stopped by the operator")
        else:
            data = waiting.popleft() if waiting else b""
            for at in range(0, len(data), _COPY_CHUNK_BYTES):
                self._pgconn.put_copy_data(data[at : at + _COPY_CHUNK_BYTES])
            self._pgconn.put_copy_end()

    def _keep_notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._notices.append(
            f"{diagnostic.severity}: {report(diagnostic, sent=self._sent).message}"
        )


class _Gathered:
    """What the answers of one message amount to."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self.completed = 0
        self.tags: deque[str] = deque(maxlen=_TAGS_KEPT)
        self.rows: tuple[tuple[str | None, ...], ...] = ()
        self.error: SqlError | None = None

    def take(self, result: pq.abc.PGresult) -> None:
        if result.status in _FAILED:
            if self.error is None:
                whole = (result.error_message or b"").decode("utf-8", "replace")
                fields = psycopg.errors.Diagnostic(result)
                self.error = report(fields, sent=self._sent, otherwise=whole)
            return
        self.completed += 1
        self.tags.append((result.command_status or b"").decode())
        if result.status == pq.ExecStatus.TUPLES_OK:
            self.rows = tuple(
                tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
                for row in range(min(result.ntuples, 1000))
            )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
