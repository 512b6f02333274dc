"""Runs what the engine sends one statement at a time, and measures each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shipway.migrations.script import open_script
from shipway.migrations.split import BadScript, pieces
from shipway.values import Answer, RehearsedStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.steps.migrate import Database
    from shipway.values import Clock, LedgerState, Migration, Session

__all__ = ["Watched"]

_TEXT_CHARS: Final = 120
_LINES_UP_TO_BYTES: Final = 1 << 20
"""Larger files are bulk data: their statements are measured without a line."""
_INSERT: Final = re.compile(rb"insert\s+into\s+(?!shipway\.)", re.IGNORECASE)

# The ledger's own statements around a file's. A file that says the same is not measured there.
_OWN: Final = re.compile(
    rb"(?:begin|commit|rollback|reset|deallocate|discard|set local|set (?:lock|statement|idle)"
    rb"|start transaction|insert into shipway\.|update shipway\.|delete from shipway\."
    rb"|(?:create|comment on) (?:schema|table)[^(]* shipway|alter table shipway|revoke all on)",
    re.IGNORECASE,
)

# One row of JSON, taken in the session itself: nobody else can see a transaction's new files.
# What lies in the catalog's own schemas and in the ledger's does not count.
_PROBE: Final = b"""
WITH ours AS MATERIALIZED (
  SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind,
         pg_catalog.pg_relation_filenode(c.oid) AS file
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'i') AND n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'shipway')
)
SELECT pg_catalog.json_build_object(
  'wal', pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn,
  'files', (SELECT pg_catalog.json_object_agg(oid, pg_catalog.json_build_array(name, file))
            FROM ours),
  'locks', (SELECT pg_catalog.json_agg(DISTINCT l.mode || ' on ' || o.name)
            FROM pg_catalog.pg_locks AS l JOIN ours AS o ON o.oid = l.relation
            WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND o.relkind <> 'i'),
  'scanned', (SELECT coalesce(sum(s.seq_tup_read), 0)
              FROM pg_catalog.pg_stat_xact_user_tables AS s JOIN ours AS o ON o.oid = s.relid),
  'changed', (SELECT coalesce(sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del), 0)
              FROM pg_catalog.pg_stat_xact_user_tables AS s JOIN ours AS o ON o.oid = s.relid)
)
"""
_WEAK: Final = ("AccessShareLock", "RowShareLock")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What the session looked like at one moment."""

    wal: int
    files: dict[str, tuple[str, int | None]]
    locks: frozenset[str]
    scanned: int
    changed: int


class Watched:
    """A database of `migrate` that measures what goes through it.

    Args:
        database: the real one, a copy.
        clock: for durations.

    Attributes:
        existing: the tables that were there before the first migration; set by the caller.
        statements: those measured so far, in order.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._migration: Migration | None = None
        self._lines: list[tuple[bytes, int]] = []
        self._lined = False
        self._last: _Reading | None = None
        self.existing: frozenset[str] = frozenset()
        self.statements: list[RehearsedStatement] = []

    def begin(self, migration: Migration) -> None:
        """Tell whose statements come now."""
        self._migration, self._lines = migration, []
        self._lined = migration.size_bytes <= _LINES_UP_TO_BYTES
        if self._lined:
            with open_script(migration.path) as script:
                self._lines = [
                    (script.sql(index), script.line_and_column(index)[0])
                    for index in range(len(script))
                ]

    def look(self) -> LedgerState:
        """Return what the copy says about its migrations."""
        return self._database.look()

    def take_run_lock(self) -> tuple[Session, ...] | None:
        """Become the only runner on the copy."""
        return self._database.take_run_lock()

    def blockers(self) -> tuple[Session, ...]:
        """Return who holds the lock that the connection waits for."""
        return self._database.blockers()

    def exchange(
        self,
        message: bytes,
        *,
        copies: Sequence[bytes] = (),
        tick_s: float = 1.0,
        on_tick: Callable[[], None] | None = None,
    ) -> Answer:
        """Send the statements of a message one by one; answer as if they had gone as one."""
        whole: Answer | None = None
        for offset, statement, data in _parted(message, copies):
            answer = self._one(statement, data, tick_s, on_tick)
            if answer.error is not None and answer.error.position is not None:
                before = len(message[:offset].decode("utf-8", "replace"))
                error = replace(answer.error, position=answer.error.position + before)
                answer = replace(answer, error=error)
            whole = answer if whole is None else _joined(whole, answer)
            if whole.error is not None or whole.lost or whole.interrupted:
                break
        return whole or self._database.exchange(message)

    def _one(
        self,
        statement: bytes,
        copies: Sequence[bytes],
        tick_s: float,
        on_tick: Callable[[], None] | None,
    ) -> Answer:
        if _OWN.match(statement):
            self._last = None
            return self._send(statement, copies, tick_s, on_tick)
        before = self._last or self._read()
        began = self._clock.monotonic()
        answer = self._send(statement, copies, tick_s, on_tick)
        duration_ms = (self._clock.monotonic() - began) * 1000
        self._last = None
        if answer.error is None and not answer.lost and not answer.interrupted:
            self._last = self._read()
            if before is not None and self._last is not None:
                self._note(statement, before, self._last, duration_ms)
        return answer

    def _send(
        self,
        statement: bytes,
        copies: Sequence[bytes],
        tick_s: float,
        on_tick: Callable[[], None] | None,
    ) -> Answer:
        return self._database.exchange(statement, copies=copies, tick_s=tick_s, on_tick=on_tick)

    def _read(self) -> _Reading | None:
        answer = self._database.exchange(_PROBE)
        if answer.error is not None or not answer.rows:
            return None
        told: dict[str, Any] = json.loads(answer.rows[0][0] or "{}")
        return _Reading(
            wal=int(told["wal"]),
            files={oid: (name, file) for oid, (name, file) in (told["files"] or {}).items()},
            locks=frozenset(told["locks"] or ()),
            scanned=int(told["scanned"]),
            changed=int(told["changed"]),
        )

    def _note(
        self, statement: bytes, before: _Reading, after: _Reading, duration_ms: float
    ) -> None:
        line = self._line(statement)
        if line is None and self._lined:
            return  # one of the engine's own
        text = " ".join(statement.decode("utf-8", "replace").split())
        taken = sorted(after.locks - before.locks)
        # A new transaction counts from nothing: the figures are never less than zero.
        self.statements.append(
            RehearsedStatement(
                migration=self._migration.label if self._migration else "",
                line=line,
                text=text if len(text) <= _TEXT_CHARS else text[:_TEXT_CHARS] + "…",
                duration_ms=round(duration_ms, 3),
                locks=tuple(
                    lock
                    for lock in taken
                    if not lock.startswith(_WEAK) and lock.partition(" on ")[2] in self.existing
                ),
                rewritten=tuple(
                    sorted(
                        name
                        for oid, (name, file) in after.files.items()
                        if oid in before.files and file != before.files[oid][1]
                    )
                ),
                rows_scanned=max(0, after.scanned - before.scanned),
                rows_changed=max(0, after.changed - before.changed),
                wal_bytes=max(0, after.wal - before.wal),
            )
        )

    def _line(self, statement: bytes) -> int | None:
        """Return the line of the file on which the statement begins."""
        for at, (text, line) in enumerate(self._lines):
            if statement.startswith(text):
                del self._lines[: at + 1]
                return line
        return None


def _parted(message: bytes, copies: Sequence[bytes]) -> list[tuple[int, bytes, Sequence[bytes]]]:
    """Return the statements of a message with their offsets.

    One with inline data stays whole. INSERTs that follow each other stay together: files have
    thousands of them, and to measure each would take longer than to run them.
    """
    if copies:
        return [(0, message, copies)]
    spans: list[tuple[int, int]] = []
    try:
        for one in pieces(message):
            inserts = _INSERT.match(message, one.start)
            if inserts and spans and _INSERT.match(message, spans[-1][0]):
                spans[-1] = (spans[-1][0], one.end)
            else:
                spans.append((one.start, one.end))
    except BadScript:
        return [(0, message, ())]
    return [(start, message[start:end], ()) for start, end in spans]


def _joined(first: Answer, second: Answer) -> Answer:
    return Answer(
        completed=first.completed + second.completed,
        tags=(*first.tags, *second.tags)[-3:],
        rows=second.rows or first.rows,
        notices=(*first.notices, *second.notices),
        error=second.error,
        lost=second.lost,
        interrupted=second.interrupted,
    )
