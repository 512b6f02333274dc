"""A file that cannot be one transaction: run in parts, each recorded, resumed where it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.formats.figures import count
from shipway.migrations.ledger import messages, rows
from shipway.migrations.ledger.messages import Message
from shipway.steps.migrate.outside_transaction import Outside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.migrations.ledger.books import Book
    from shipway.migrations.sql.script import Unit
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.steps.migrate.send import Sending
    from shipway.values.exchange import Answer
    from shipway.values.migrations import DoneStep, LedgerState

__all__ = ["Parts"]


class Parts:
    """The parts of one file: units of its statements, in order."""

    def __init__(
        self, powers: MigratePowers, sending: Sending, state: LedgerState, book: Book
    ) -> None:
        self._powers = powers
        self._sending = sending
        self._migration = sending.migration
        self._script = sending.script
        self._state = state
        self._book = book
        self._began_s = powers.clock.monotonic()

    def run(
        self, units: Sequence[Unit], begun: Sequence[DoneStep], *, setup: Sequence[bytes]
    ) -> Answer:
        """Run the parts that are not done yet and return the answer that holds the ledger's row.

        Args:
            units: all parts of the file.
            begun: those that an earlier run has recorded.
            setup: what makes the ledger, where it is missing.

        Raises:
            Refused: the file's part that has run already was edited.
            StatementError: a part failed; those before it stay and are recorded.
        """
        for step in begun:
            self._refuse_edited(step)
        done = max((step.after for step in begun if step.finished), default=0)
        unfinished = next((step for step in begun if not step.finished), None)
        self._set_up_session(done, setup)
        left = [replace(unit, first=max(unit.first, done)) for unit in units if unit.after > done]
        if begun:
            line, _ = self._script.line_and_column(left[0].first) if left else (0, 0)
            where = f"goes on at line {line}" if left else "was complete"
            self._powers.say.note(f"{self._migration.label} was begun before: it {where}")
        answer = None
        for unit in left:
            self._tell_what_stays(unit.first)
            last = unit is left[-1]
            if unit.outside:
                resumed = unfinished if unfinished and unfinished.first == unit.first else None
                answer = self._outside(unit, resumed, last=last)
            else:
                answer = self._transaction(unit, last=last)
        if answer is None:
            answer = self._sending.send_own(self._finishing())
        return answer

    def _refuse_edited(self, step: DoneStep) -> None:
        same = step.after <= len(self._script) and (
            self._script.prefix_sha256(step.after) == step.prefix_sha256
        )
        if not same:
            name = self._script.name
            raise Refused(
                f"{name} was run in part, and that part has been edited since: "
                f"it does not begin with the {count(step.after, 'statement')} that ran any more.",
                unchanged="Nothing was run; the database is as it was.",
                next_step="Restore the statements that have run; change only those after them. "
                f"Then run: {self._book.command}",
            )

    def _set_up_session(self, done: int, setup: Sequence[bytes]) -> None:
        """Make the session what the file's earlier statements made it, with our own limits."""
        if setup:
            self._sending.send_own(setup)
        message = Message(messages.fresh(self._state))
        message.add_own(messages.limits(self._migration, self._powers.limits, local=False))
        message.add_own(self._script.settings_before(done))
        self._sending.send(message, in_transaction=False)

    def _transaction(self, unit: Unit, *, last: bool) -> Answer:
        def attempt() -> Answer:
            message = Message(unit.begin)
            for index in unit.rest:
                message.add(self._script, index)
                if message.size_bytes > messages.BATCH_BYTES or self._script.ends_message(index):
                    self._sending.send(message)
                    message = Message()
            message.add_own(messages.AS_OURSELVES)
            if last:
                message.add_own(self._finishing())
            else:
                message.add_own([rows.claim_step(self._migration, self._script, unit)])
            message.add_own([b"COMMIT"])
            return self._sending.send(message, commits=True)

        return self._sending.again_while_locked(attempt)

    def _outside(self, unit: Unit, begun: DoneStep | None, *, last: bool) -> Answer:
        Outside(self._powers, self._sending, unit).run(begun)
        return self._sending.send_own(
            self._finishing() if last else [rows.finish_step(self._migration, unit)]
        )

    def _finishing(self) -> list[bytes]:
        duration_ms = round((self._powers.clock.monotonic() - self._began_s) * 1000)
        last = self._book.last_of_parts(self._migration, self._script, duration_ms)
        return [*messages.AT_NEXT_BEGIN, *last]

    def _tell_what_stays(self, first: int) -> None:
        if first:
            line, _ = self._script.line_and_column(first)
            self._sending.stays = (
                f"What stands before line {line} of {self._script.name} is in the database and "
                "recorded; the next run goes on there."
            )
