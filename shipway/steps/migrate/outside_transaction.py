"""One statement that takes no transaction: recorded before and after, its leftovers cleared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shipway.errors import Locked
from shipway.migrations.ledger import repair, rows
from shipway.migrations.ledger.messages import Message
from shipway.steps.migrate.send import StatementError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.migrations.sql.script import Unit
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.steps.migrate.send import Sending
    from shipway.values.exchange import Answer
    from shipway.values.migrations import DoneStep

__all__ = ["Outside"]


class Outside:
    """Runs the statement of one unit.

    Before it stands a record that it was begun, with the indexes of its table. So after a crash
    the next run knows where to look for what came of it; and where the server itself reports a
    failure, what the statement has left is cleared away at once and the record taken back.
    """

    def __init__(self, powers: MigratePowers, sending: Sending, unit: Unit) -> None:
        self._powers = powers
        self._sending = sending
        self._migration = sending.migration
        self._script = sending.script
        self._unit = unit
        self._kind = sending.script.kind(unit.first)

    def run(self, begun: DoneStep | None) -> None:
        """Bring the statement's effect about, once.

        Args:
            begun: the record of an earlier run that did not see it end.

        Raises:
            StatementError: the server refused it; nothing of it is left.
            Locked: another session is still at work on what it left.
        """
        seen = self._claim() if begun is None else begun.seen
        resumed = begun is not None

        def attempt() -> Answer:
            finding = self._look(seen, begun=resumed)
            for leftover in finding.leftovers:
                self._drop(leftover, "it is dropped and built again")
            message = Message([finding.instead] if finding.instead else [])
            if finding.done:
                message.add_own([b"SELECT"])
            elif finding.instead is None:
                message.add(self._script, self._unit.first)
            try:
                return self._sending.send(message, in_transaction=False)
            except StatementError:
                self._clear_away(seen)
                raise

        try:
            self._sending.again_while_locked(attempt)
        except StatementError:
            self._sending.send_own([rows.forget_step(self._migration, self._unit)])
            raise

    def _claim(self) -> Sequence[int]:
        """Record that the statement is begun; return the indexes that its table has by now."""
        claim = rows.claim_step(
            self._migration, self._script, self._unit, seen=repair.index_expression(self._kind)
        )
        ((seen,),) = self._sending.send_own([claim]).rows
        return [int(index) for index in json.loads(seen or "[]")]

    def _look(self, seen: Sequence[int], *, begun: bool) -> repair.Finding:
        """Ask the catalog what an attempt at the statement has left."""
        asked = repair.question(self._kind, begun=begun)
        if asked is None:
            return repair.Finding()
        answer = self._sending.send(Message([asked]), in_transaction=False)
        return repair.judge(self._kind, answer.rows, begun=begun, seen=seen)

    def _clear_away(self, seen: Sequence[int]) -> None:
        for leftover in self._look(seen, begun=True).leftovers:
            self._drop(leftover, "it is dropped")

    def _drop(self, leftover: repair.Leftover, what_now: str) -> None:
        if leftover.being_built:
            raise Locked(
                f"The index {leftover.name} is being built by another session.",
                unchanged=self._sending.stays,
                next_step="Wait until it has ended, then run: invoke db.migrate",
            )
        self._powers.say.warn(
            f"{self._migration.label}: the index {leftover.name} is invalid, left by a build "
            f"that did not end: {what_now}"
        )
        self._sending.send(
            Message([f"DROP INDEX CONCURRENTLY {leftover.name}".encode()]), in_transaction=False
        )
