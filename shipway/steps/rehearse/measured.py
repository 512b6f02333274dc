"""Runs what the engine sends one statement at a time, and measures each from beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.migrations.shown import without_rows
from shipway.migrations.sql.opened import open_script
from shipway.steps.rehearse.single_statements import join_answers, split_message
from shipway.steps.rehearse.statement_cost import Gauge
from shipway.values.rehearsal import RehearsedStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.steps.migrate.powers import Database
    from shipway.steps.rehearse.statement_cost import Onlooker, Reading
    from shipway.values.basics import Clock
    from shipway.values.exchange import Answer, Session
    from shipway.values.migrations import LedgerState, Migration

__all__ = ["Watched"]

_TEXT_CHARS: Final = 120
_LINES_UP_TO_BYTES: Final = 1 << 20
"""Larger files are bulk data: their statements are measured without a line."""
_LOOK_EVERY_S: Final = 0.05
_LOOK_OUTSIDE_EVERY_S: Final = 0.01
"""Outside a transaction a statement's locks are gone at its end: they are seen while it runs."""
_BEGINS: Final = re.compile(rb"begin|start transaction", re.IGNORECASE)
_COMMITS: Final = re.compile(rb"commit", re.IGNORECASE)
_ROLLS_BACK: Final = re.compile(rb"rollback", re.IGNORECASE)
_EMPTIES: Final = re.compile(rb"truncate", re.IGNORECASE)
"""A truncated table has a new file too, but nothing is written into it."""

# The ledger's own statements around a file's. A file that says the same is not measured there.
_OWN: Final = re.compile(
    rb"(?:begin|commit|rollback|reset|deallocate|discard|set local|set (?:lock|statement|idle)"
    rb"|start transaction|insert into shipway\.|update shipway\.|delete from shipway\."
    rb"|(?:create|comment on) (?:schema|table)[^(]* shipway|alter table shipway|revoke all on)",
    re.IGNORECASE,
)


class Watched:
    """A database of `migrate` that measures what goes through it.

    Args:
        database: the real one, a copy.
        onlooker: a second connection to the same copy.
        clock: for durations.

    Attributes:
        statements: those measured so far, in order.
    """

    def __init__(self, database: Database, onlooker: Onlooker, clock: Clock) -> None:
        self._database = database
        self._gauge = Gauge(database, onlooker)
        self._clock = clock
        self._migration: Migration | None = None
        self._lines: list[tuple[bytes, int]] = []
        self._lined = False
        self._last: Reading | None = None
        self._inside = False
        self._since_begin = (0, 0)
        self._next_line = 0
        self.statements: list[RehearsedStatement] = []

    def begin(self, migration: Migration) -> None:
        """Tell whose statements come now."""
        self._migration, self._lines, self._next_line = migration, [], 0
        self._lined = migration.size_bytes <= _LINES_UP_TO_BYTES
        if self._lined:
            with open_script(migration) as script:
                self._lines = [
                    (script.sql(index), line) for index, line in enumerate(script.lines())
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
        on_commit: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send the statements of a message one by one; answer as if they had gone as one."""
        del tick_s, on_tick  # they look for who is in the way, and nobody else is on a copy
        del on_commit  # a copy is handed one file at a time
        whole: Answer | None = None
        for offset, statement, data in split_message(message, copies):
            answer = self._one(statement, data)
            if answer.error is not None and answer.error.position is not None:
                before = len(message[:offset].decode("utf-8", "replace"))
                error = replace(answer.error, position=answer.error.position + before)
                answer = replace(answer, error=error)
            whole = answer if whole is None else join_answers(whole, answer)
            if whole.error is not None or whole.lost or whole.interrupted:
                break
        return whole or self._database.exchange(message)

    def _one(self, statement: bytes, copies: Sequence[bytes]) -> Answer:
        if _OWN.match(statement):
            answer = self._database.exchange(statement, copies=copies)
            self._last = None
            if answer.error is None:
                self._keep_books(statement)
            return answer
        place = self._place(statement)
        if place is None and self._lined:
            return self._database.exchange(statement, copies=copies)
        if self._inside:
            return self._in_transaction(statement, copies, place)
        return self._outside(statement, copies, place)

    def _keep_books(self, statement: bytes) -> None:
        """Know whether a transaction is open; at its end, how long each lock in it was held."""
        if _BEGINS.match(statement):
            self._inside = True
            self._since_begin = (len(self.statements), self._next_line)
            self._gauge.begin()
        elif _ROLLS_BACK.match(statement):
            # The engine tries the same statements again, outside or in smaller parts.
            self._inside = False
            first, self._next_line = self._since_begin
            del self.statements[first:]
        elif _COMMITS.match(statement):
            self._inside = False
            held_ms = 0.0
            for at in range(len(self.statements) - 1, self._since_begin[0] - 1, -1):
                held_ms += self.statements[at].duration_ms
                self.statements[at] = replace(self.statements[at], held_ms=round(held_ms, 3))
            self._since_begin = (len(self.statements), self._next_line)

    def _in_transaction(
        self, statement: bytes, copies: Sequence[bytes], place: int | None
    ) -> Answer:
        before = self._last or self._gauge.read()
        answer, after = self._gauge.run(statement, copies, _LOOK_EVERY_S)
        self._last = after
        if before is not None and after is not None:
            rewritten = self._gauge.rewritten(after.files)
            self._note(
                statement,
                place,
                after.took_ms,
                locks=self._gauge.taken(after.locks),
                rewritten=() if _EMPTIES.match(statement) else rewritten,
                counts=(after.scanned - before.scanned, after.changed - before.changed),
                wal_bytes=after.wal - before.wal,
            )
        return answer

    def _outside(self, statement: bytes, copies: Sequence[bytes], place: int | None) -> Answer:
        """Measure a statement that ends its own transaction: its traces are there for everyone."""
        gauge = self._gauge
        gauge.begin()
        counted, before = gauge.counted(), gauge.read()
        began = self._clock.monotonic()
        answer = self._database.exchange(
            statement, copies=copies, tick_s=_LOOK_OUTSIDE_EVERY_S, on_tick=gauge.look_on
        )
        duration_ms = (self._clock.monotonic() - began) * 1000
        if answer.error is None and not answer.lost and not answer.interrupted:
            after, found = gauge.read(), gauge.counted()
            self._note(
                statement,
                place,
                duration_ms,
                locks=gauge.taken(),
                rewritten=gauge.rewritten(gauge.committed_files()),
                counts=(found[0] - counted[0], found[1] - counted[1]),
                wal_bytes=after.wal - before.wal if before and after else 0,
            )
            self._since_begin = (len(self.statements), self._next_line)
        return answer

    def _note(  # noqa: PLR0913 - what was measured
        self,
        statement: bytes,
        place: int | None,
        duration_ms: float,
        *,
        locks: tuple[str, ...],
        rewritten: tuple[str, ...],
        counts: tuple[int, int],
        wal_bytes: int,
    ) -> None:
        if place is not None:
            self._next_line = place + 1
        told = without_rows(statement[: 4 * _TEXT_CHARS].decode("utf-8", "replace"))
        text = " ".join(told.split())
        self.statements.append(
            RehearsedStatement(
                migration=self._migration.label if self._migration else "",
                line=None if place is None else self._lines[place][1],
                text=text if len(text) <= _TEXT_CHARS else text[:_TEXT_CHARS] + "…",
                duration_ms=round(duration_ms, 3),
                held_ms=round(duration_ms, 3),
                locks=locks,
                rewritten=rewritten,
                # A truncated table begins to count anew: no figure is below zero.
                rows_scanned=max(0, counts[0]),
                rows_changed=max(0, counts[1]),
                wal_bytes=max(0, wal_bytes),
            )
        )

    def _place(self, statement: bytes) -> int | None:
        """Return which of the file's statements comes now; None for one of the engine's own."""
        for at in range(self._next_line, len(self._lines)):
            if statement.startswith(self._lines[at][0]):
                return at
        return None
