"""The target's side of a migration: the ledger as it stands, the lock of a run, who blocks whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.edges.ledger.state import read_ledger
from shipway.edges.postgres.connection import connect
from shipway.edges.postgres.pooler import connect_session, hand_back
from shipway.edges.postgres.sessions import lock_holders, sessions
from shipway.edges.postgres.wire import Wire
from shipway.errors import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    import psycopg
    from psycopg.rows import TupleRow

    from shipway.values.basics import Secret
    from shipway.values.exchange import Answer, Session
    from shipway.values.migrations import LedgerState

__all__ = ["Ledger"]

# "shipway" in ASCII: the key under which runners of one database exclude each other.
_RUN_LOCK: Final = 0x73686970776179
_LOCK_HALVES: Final = (_RUN_LOCK >> 32, _RUN_LOCK & 0xFFFFFFFF)

# A client that died must not leave a statement running that nobody waits for; not every
# platform's server can look for that.
_ASK_SERVER = b"SELECT pg_catalog.pg_backend_pid(); SET client_connection_check_interval = 2000"


class Ledger:
    """One connection that migrations run on; used as a context manager."""

    def __init__(self, url: Secret | None, *, connect_timeout_s: float) -> None:
        self._url = url
        self._connect_timeout_s = connect_timeout_s
        self._connection = connect_session(url, purpose="migrate", timeout_s=connect_timeout_s)
        self._wire = Wire(self._connection)
        self._watcher: psycopg.Connection[TupleRow] | None = None
        self._pid = self._connection.info.backend_pid
        self._asked = False
        self._notices_death = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        hand_back(self._connection)
        if self._watcher is not None:
            self._watcher.close()

    def look(self) -> LedgerState:
        """Return what the target says about its migrations. Writes nothing."""
        return replace(read_ledger(self._connection), notices_death=self._notices_death)

    def take_run_lock(self) -> tuple[Session, ...] | None:
        """Try to become the only runner on this database; it lasts until the connection ends.

        Returns:
            None when the lock is ours, else who holds it (empty when they just let go).
        """
        if not self._asked:
            self._ask_server()
        taken = self._connection.execute(
            "SELECT pg_catalog.pg_try_advisory_lock(%s)", (_RUN_LOCK,)
        ).fetchone()
        if taken is not None and taken[0]:
            return None
        return lock_holders(self._connection, _LOCK_HALVES, parts=1)

    def exchange(
        self,
        message: bytes,
        *,
        copies: Sequence[bytes] = (),
        tick_s: float = 1.0,
        on_tick: Callable[[], None] | None = None,
        on_commit: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send one message of statements and wait for all answers."""
        return self._wire.exchange(
            message, copies=copies, tick_s=tick_s, on_tick=on_tick, on_commit=on_commit
        )

    def blockers(self) -> tuple[Session, ...]:
        """Return who holds the lock that our own session waits for, asked on a second connection.

        An answer that cannot be had is an empty one: looking must not stop the work.
        """
        try:
            if self._watcher is None:
                self._watcher = connect(
                    self._url, purpose="watch", timeout_s=self._connect_timeout_s
                )
            found = self._watcher.execute(
                "SELECT pg_catalog.pg_blocking_pids(%s)", (self._pid,)
            ).fetchone()
        except Stopped:
            return ()
        return sessions(self._watcher, found[0] if found else [])

    def _ask_server(self) -> None:
        answer = self._wire.exchange(_ASK_SERVER)
        self._notices_death = answer.error is None
        self._pid = int((answer.rows[0][0] if answer.rows else None) or 0)
        self._asked = True
