"""Reads what a statement did to a database: from a second connection, and in the session itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shipway.steps.migrate.powers import Database
    from shipway.values.exchange import Answer
    from shipway.values.rehearsal import Relation

__all__ = ["Gauge", "Onlooker", "Reading"]

# What only the session itself can know of a transaction that is not yet committed, asked of the
# few tables that it holds a lock on: all others it has neither read nor written. Of those that it
# has made itself only the ones that it reads or writes count: there may be hundreds.
_PROBE: Final = b"""
WITH held AS MATERIALIZED (
  SELECT l.relation AS oid, pg_catalog.bool_or(l.mode = 'AccessExclusiveLock') AS alone,
         pg_catalog.count(*) AS locks, l.relation <= %(newest)d AS before
  FROM pg_catalog.pg_locks AS l
  WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.locktype = 'relation'
    AND l.relation >= 16384
    AND (l.relation <= %(newest)d OR l.mode IN ('AccessShareLock', 'RowExclusiveLock'))
  GROUP BY l.relation
), tables AS MATERIALIZED (
  SELECT h.oid FROM held AS h JOIN pg_catalog.pg_class AS c USING (oid)
  WHERE c.relkind IN ('r', 'm')
)
SELECT pg_catalog.json_build_object(
  'ms', 1000 * extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()),
  'locks', (SELECT pg_catalog.sum(locks) FROM held WHERE before),
  'wal', pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn,
  'files', (SELECT pg_catalog.json_object_agg(oid, pg_catalog.pg_relation_filenode(oid)::int8)
            FROM held WHERE alone AND before),
  'scanned', (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_returned(oid))
              FROM tables),
  'changed', (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_inserted(oid)
                + pg_catalog.pg_stat_get_xact_tuples_updated(oid)
                + pg_catalog.pg_stat_get_xact_tuples_deleted(oid)) FROM tables)
)
"""
_TELL_COUNTERS: Final = b"SELECT pg_catalog.pg_stat_force_next_flush()"
_WEAK: Final = ("AccessShareLock", "RowShareLock")
"""What every reader takes: nobody waits for it but DROP and its like."""


class Onlooker(Protocol):
    """A second connection to the copy, which sees what another session does there."""

    def relations(self) -> Mapping[int, Relation]:
        """Return the tables and indexes that are there for everyone, by oid."""

    def locks_of(self, pid: int) -> frozenset[tuple[int, str]]:
        """Return oid and mode of every table lock that a session holds."""

    def counters(self) -> tuple[int, int]:
        """Return the rows scanned and the rows changed so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the session looked like at one moment."""

    took_ms: float
    """Since the message that the question came in has arrived, by the server's clock."""
    locks: int
    """How many it holds, by table and mode, on what was there before."""
    wal: int
    files: Mapping[int, int]
    """Of the tables and indexes that it has to itself."""
    scanned: int
    changed: int


class Gauge:
    """Measures one session.

    Args:
        database: the session.
        onlooker: a second connection to the same database.
    """

    def __init__(self, database: Database, onlooker: Onlooker) -> None:
        self._database = database
        self._onlooker = onlooker
        self._existing = onlooker.relations()
        self._files = {oid: one.file for oid, one in self._existing.items()}
        self._pid = int(database.exchange(b"SELECT pg_catalog.pg_backend_pid()").rows[0][0] or 0)
        # Newer tables have higher numbers: what becomes of them is of no interest.
        self._probe = _PROBE % {b"newest": max(self._existing, default=0)}
        self._seen = 0
        self._now: set[tuple[int, str]] = set()
        self._before: set[tuple[int, str]] = set()

    def read(self) -> Reading | None:
        """Return what only the session knows of its open transaction; None when it cannot tell."""
        answer = self._database.exchange(self._probe)
        if answer.error is not None or not answer.rows:
            return None
        return _reading(answer)

    def run(
        self, statement: bytes, copies: Sequence[bytes], every_s: float
    ) -> tuple[Answer, Reading | None]:
        """Run a statement of an open transaction and read what it did, both in one message.

        Returns:
            its answer, and the reading where it finished.
        """
        answer = self._database.exchange(
            statement + b"\n;" + self._probe, copies=copies, tick_s=every_s, on_tick=self.look_on
        )
        if answer.error is not None or answer.lost or answer.interrupted:
            return answer, None
        ours = replace(answer, completed=answer.completed - 1, tags=answer.tags[:-1], rows=())
        return ours, _reading(answer)

    def counted(self) -> tuple[int, int]:
        """Return the rows scanned and changed by all transactions that have ended."""
        self._database.exchange(_TELL_COUNTERS)
        return self._onlooker.counters()

    def committed_files(self) -> Mapping[int, int]:
        """Return the files of the tables and indexes as everyone sees them."""
        return {oid: one.file for oid, one in self._onlooker.relations().items()}

    def begin(self) -> None:
        """Count locks anew: the session holds none."""
        self._before, self._now, self._seen = set(), set(), 0

    def look_on(self) -> None:
        """Remember the locks that the session holds at this moment."""
        self._now |= self._onlooker.locks_of(self._pid)

    def taken(self, holds: int | None = None) -> tuple[str, ...]:
        """Return the locks that came with the last statement, on tables that were there before.

        Args:
            holds: how many the session says that it holds. In a transaction locks only come: while
                it is the same number, there is nothing new to be seen from beside it.
        """
        if holds is None or holds != self._seen:
            self.look_on()
        self._seen = holds or 0
        new = self._now - self._before
        self._before |= self._now
        self._now = set()
        known = ((self._existing[oid], mode) for oid, mode in new if oid in self._existing)
        return tuple(
            sorted(
                f"{mode} on {one.name}"
                for one, mode in known
                if not one.index and mode not in _WEAK
            )
        )

    def rewritten(self, files: Mapping[int, int]) -> tuple[str, ...]:
        """Return the tables and indexes that were there before and have got another file."""
        names = [
            self._existing[oid].name
            for oid, file in files.items()
            if oid in self._existing and file not in (0, self._files[oid])
        ]
        self._files |= files
        return tuple(sorted(names))


def _reading(answer: Answer) -> Reading:
    told: dict[str, Any] = json.loads(answer.rows[0][0] or "{}")
    files = told["files"] or {}
    return Reading(
        took_ms=float(told["ms"]),
        locks=int(told["locks"] or 0),
        wal=int(told["wal"]),
        files={int(oid): file for oid, file in files.items() if file is not None},
        scanned=int(told["scanned"] or 0),
        changed=int(told["changed"] or 0),
    )
