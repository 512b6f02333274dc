"""The lock of a target: one release at a time, freed at once when its process dies.

It is a session-level advisory lock on a connection of its own, so the database itself frees it
with the connection; there is nothing that a crash could leave behind but a record that says who
it was, and the next holder takes that over.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.postgres.catalog_sql import sql
from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.postgres.pooler import connect_session, hand_back
from shipway.edges.postgres.reading import reading
from shipway.edges.postgres.sessions import lock_holders
from shipway.errors import Locked, LockLost, Refused
from shipway.values.exchange import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import TupleRow

    from shipway.values.basics import Secret
    from shipway.values.exchange import Session

__all__ = ["NOTICE_DEATH", "Lock", "hold", "holder_of"]

_KEY: Final = (0x73686970, 1)
"""Two 32-bit numbers, "ship" and 1: our place among the advisory locks of a database."""
_HEARTBEAT_S: Final = 5.0

# Behind a pooler the server's client is the pooler, and the settings would be its.
NOTICE_DEATH: Final = """
select set_config('tcp_keepalives_idle', '10', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '4', false)
 where pg_backend_pid() = %s
"""
"""By it the server finds out within half a minute that a machine went away without a word, and
frees the session's locks."""
_THERE: Final = "select to_regclass('shipway.journal') is not null"
_RECORD: Final = """
select owner, host, process, since, heartbeat,
       extract(epoch from clock_timestamp() - heartbeat)::float8, step, backend
  from shipway.release_lock
"""
_SIGN: Final = """
insert into shipway.release_lock (owner, host, process, backend)
values (%s, %s, %s, pg_backend_pid())
on conflict (one) do update set owner = excluded.owner, host = excluded.host,
  process = excluded.process, backend = excluded.backend, step = '',
  since = clock_timestamp(), heartbeat = clock_timestamp()
"""
# One statement: the line is there only if the session that holds the lock has written it.
_APPEND: Final = """
with held as (select from pg_catalog.pg_locks
               where locktype = 'advisory' and granted and objsubid = 2
                 and pid = pg_backend_pid()
                 and classid = %(ours)s and objid = %(number_of_ours)s),
     told as (update shipway.release_lock set heartbeat = clock_timestamp(), step = %(step)s
               where backend = pg_backend_pid())
insert into shipway.journal (release_id, number, line)
select %(release_id)s, %(number)s, %(line)s where exists (select from held)
"""
_LINES: Final = "select line from shipway.journal where release_id = %s order by number"


class Lock:
    """The lock, for as long as it is held.

    Attributes:
        left_by: who held it before and never gave it back; None when it was given back.
    """

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection
        self._signed = False
        self._over = threading.Event()
        self.left_by: Holder | None = None

    def sign(self, owner: str) -> None:
        """Write down who holds the lock, and give a sign of life every few seconds from now on.

        Raises:
            LockLost: the connection is gone.
        """
        with self._answered():
            if self._connection.execute(_THERE).fetchone() != (True,):
                self._connection.execute(sql("journal"))
            self.left_by = _record_of(self._connection)
            self._connection.execute(_SIGN, (owner, socket.gethostname(), os.getpid()))
        self._signed = True
        threading.Thread(target=self._live, name="heartbeat", daemon=True).start()

    def append(self, release_id: str, number: int, line: str, *, step: str) -> None:
        """Keep a line of a release's journal, which proves that the lock is held.

        Raises:
            LockLost: it is not, or the answer was lost: nothing may be done any more.
        """
        given = {
            "release_id": release_id,
            "number": number,
            "line": line,
            "step": step,
            "ours": _KEY[0],
            "number_of_ours": _KEY[1],
        }
        with self._answered():
            if self._connection.execute(_APPEND, given).rowcount != 1:
                raise _loss("the database says that another session holds it, or none")

    def lines(self, release_id: str) -> list[str]:
        """Return the lines of a journal so far.

        Raises:
            LockLost: the connection is gone.
        """
        with self._answered():
            return [line for (line,) in self._connection.execute(_LINES, (release_id,))]

    def close(self) -> None:
        """Take the record out; the lock itself goes with the connection."""
        self._over.set()
        if self._signed:
            with suppress(psycopg.Error):
                self._connection.execute(
                    "delete from shipway.release_lock where backend = pg_backend_pid()"
                )

    def _live(self) -> None:
        """Give a sign of life until the lock is given back, or cannot be held any more."""
        with suppress(psycopg.Error):
            while not self._over.wait(_HEARTBEAT_S):
                self._connection.execute(
                    "update shipway.release_lock set heartbeat = clock_timestamp() "
                    "where backend = pg_backend_pid()"
                )

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise Refused(
                f"The journal cannot be kept in the schema shipway: {error.diag.message_primary}.",
                unchanged="Nothing was begun.",
                next_step="Connect as the role that made the schema, or grant this one what is "
                "named.",
            ) from None
        except psycopg.errors.UniqueViolation:
            raise _loss("another process has gone on with this release") from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise _loss(plain_message(error)) from None


@contextmanager
def hold(url: Secret | None, *, owner: str, timeout_s: float) -> Iterator[Lock]:
    """Hold the target's lock while the block runs.

    Args:
        url: the target's database.
        owner: who holds it, shown to whoever finds it held: `release <id>` or a command's name.
        timeout_s: longest wait for the connection; for the lock itself nobody waits.

    Raises:
        Locked: another holds it; the message says who, from where, since when and in which step.
        Stopped: the database cannot be reached.
    """
    connection = connect_session(url, purpose=owner, timeout_s=timeout_s)
    try:
        # A hot standby refuses that of a database whose default is serializable.
        connection.execute("set default_transaction_isolation = 'read committed'")
        with suppress(psycopg.Error):  # a local socket has no TCP
            connection.execute(NOTICE_DEATH, [connection.info.backend_pid])
        taken = connection.execute("select pg_try_advisory_lock(%s, %s)", _KEY).fetchone()
        if taken != (True,):
            raise _refusal(connection)
        lock = Lock(connection)
        try:
            yield lock
        finally:
            lock.close()
    finally:
        # The lock ends with the session, in every outcome.
        hand_back(connection)


def holder_of(connection: psycopg.Connection[TupleRow]) -> Holder | None:
    """Return who holds the lock now; writes nothing."""
    with reading(connection):
        holders = lock_holders(connection, _KEY, parts=2)
    return _record_of(connection, holders[0]) if holders else None


def _record_of(
    connection: psycopg.Connection[TupleRow], session: Session | None = None
) -> Holder | None:
    """Return the record, if there is one; that of a session, which may not have signed."""
    row = None
    with reading(connection):
        if connection.execute(_THERE).fetchone() == (True,):
            row = connection.execute(_RECORD).fetchone()
    if session is not None and (row is None or row[7] != session.pid):
        return Holder(owner=session.application.removeprefix("shipway "), session=session)
    if row is None:
        return None
    owner, host, process, since, heartbeat, silent_s, step, _ = row
    return Holder(
        owner=owner,
        host=host,
        process=process,
        since=since,
        heartbeat=heartbeat,
        silent_s=max(0.0, silent_s),
        step=step,
        session=session,
    )


def _refusal(connection: psycopg.Connection[TupleRow]) -> Locked:
    holder = holder_of(connection)
    session = holder.session if holder is not None else None
    return Locked(
        "Another release holds the lock of this database: "
        f"{holder.told if holder is not None else 'it ended this moment'}.",
        unchanged="Nothing was changed by this command.",
        next_step="\n".join(
            [
                "Wait until it has ended, then run this again: the lock goes with its connection.",
                *([session.way_out] if session is not None else ()),
            ]
        ),
    )


def _loss(why: str) -> LockLost:
    return LockLost(
        f"The lock of this target was lost: {why}.",
        unchanged="What was about to be done next was not begun; what the lines above report "
        "stands.",
        next_step="Go on with it: invoke release --resume. It asks the world first what is true.",
    )
