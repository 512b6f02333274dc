"""The lock of a target: one release at a time, freed at once when its process dies.

It is a session-level advisory lock on a connection of its own, so the database itself frees it
with the connection; there is nothing that a crash could leave behind.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.edges.postgres import connect
from shipway.errors import Locked

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from shipway.values import Secret

__all__ = ["held"]

_KEY = (0x73686970, 1)
"""Two 32-bit numbers, "ship" and 1: our place among the advisory locks of a database."""


@contextmanager
def held(url: Secret | None, *, owner: str, timeout_s: float) -> Iterator[None]:
    """Hold the target's lock while the block runs.

    Args:
        url: the target's database.
        owner: who holds it, shown to whoever finds it held: `release <id>` or a command's name.
        timeout_s: longest wait for the connection; for the lock itself nobody waits.

    Raises:
        Locked: another holds it; the message says who, from where and since when.
        Stopped: the database cannot be reached.
    """
    with connect(url, purpose=owner, timeout_s=timeout_s) as connection:
        taken = connection.execute("select pg_try_advisory_lock(%s, %s)", _KEY).fetchone()
        if taken != (True,):
            raise Locked(
                f"Another release holds the lock of this database: {_holder(connection)}.",
                unchanged="Nothing was changed by this command.",
                next_step="Wait until it has ended, then run this again. The lock goes with its "
                "connection: once that process has ended it cannot be left behind.",
            )
        # The lock ends with the connection, which the `with` closes in every outcome.
        yield


def _holder(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    row = connection.execute(
        """
        select a.application_name, a.pid, host(a.client_addr),
               to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
          from pg_locks l join pg_stat_activity a using (pid)
         where l.locktype = 'advisory' and l.granted and l.objsubid = 2
           and l.classid = %s and l.objid = %s
           and l.database = (select oid from pg_database where datname = current_database())
        """,
        _KEY,
    ).fetchone()
    if row is None:
        return "it ended this moment"
    name, pid, address, since = row
    where = f" from {address}" if address else ""
    return f"{name or 'a session without a name'}{where}, server process {pid}, since {since} UTC"
