"""Small files that follow each other, sent as one message: one round trip for all of them.

The server executes the statements of a message in their order and leaves off at the first error.
So each file is a transaction of its own with its row of the ledger, none is begun before the one
ahead of it is committed, and none is run behind one that failed.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from shipway.errors import Interrupted, MigrationFailed, OutcomeUnknown
from shipway.migrations.ledger.messages import Message, is_ours, join
from shipway.steps.migrate.blockers import InTheWay
from shipway.steps.migrate.send import StatementError, stopped_at_commit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.exchange import Answer
    from shipway.values.migrations import Migration

__all__ = ["MOST_BYTES", "MOST_FILES", "Batch"]

MOST_FILES: Final = 32
"""By then the round trip is a small part of the work; and whoever looks at the server sees this
many files in one query."""
MOST_BYTES: Final = 1 << 16


class Batch:
    """Files and the message of each.

    Args:
        powers: what they run with.
        command: what an operator types to go on.
        applied: told of each file after its commit, with the answer that ends in its row.
    """

    def __init__(
        self, powers: MigratePowers, command: str, applied: Callable[[Migration, Answer], None]
    ) -> None:
        self._powers = powers
        self._command = command
        self._applied = applied
        self._files: list[Migration] = []
        self._messages: list[Message] = []
        self._done = 0

    def add(self, migration: Migration, message: Message) -> None:
        """Add a file with all that is sent for it, from BEGIN to COMMIT."""
        self._files.append(migration)
        self._messages.append(message)

    def send(self, *, stays: Callable[[Migration], str]) -> StatementError | None:
        """Send the message and return why the first file that is not applied now failed.

        None means that they are all applied, or that the next one has not been tried: a mistake
        in the grammar of a later file keeps the server from beginning with any.

        Args:
            stays: says what is in the database when a file has failed.

        Raises:
            Interrupted: the operator stopped it.
            OutcomeUnknown: the connection was lost.
            MigrationFailed: a file was not committed, for no reason that the server gave.
        """
        in_the_way = InTheWay(self._powers)
        answer = self._powers.database.exchange(
            join(self._messages),
            copies=[data for message in self._messages for data in message.copies],
            tick_s=in_the_way.look_after_s,
            on_tick=lambda: in_the_way.tell(self._current.label),
            on_commit=self._committed,
        )
        if answer.error is None and self._done == len(self._files):
            if answer.interrupted:
                raise stopped_at_commit(self._current.path.name, self._command)
            return None
        self._tell_notices(self._current, answer)
        if answer.lost:
            raise self._lost(answer)
        if answer.error is not None:
            self._powers.database.exchange(b"ROLLBACK")
        if answer.interrupted:
            raise Interrupted(
                f"Stopped while {self._current.path.name} was run.",
                unchanged=stays(self._current),
                next_step=f"Go on with: {self._command}",
            )
        if answer.error is None:
            raise MigrationFailed(
                f"{self._current.path.name} was not committed: the server answered "
                f"{answer.tags[-1]}.",
                unchanged=stays(self._current),
                next_step=f"Look for transaction control in the file, then run: {self._command}",
            )
        return self._failure(answer)

    @property
    def _current(self) -> Migration:
        """The file that is being run, as far as is known."""
        return self._files[min(self._done, len(self._files) - 1)]

    def _ends(self) -> list[int]:
        """Return how many statements are answered when each file is committed."""
        return list(accumulate(len(message) for message in self._messages))

    def _committed(self, answer: Answer) -> None:
        if self._done < len(self._files) and answer.completed == self._ends()[self._done]:
            migration = self._current
            self._done += 1
            self._tell_notices(migration, answer)
            self._applied(migration, answer)

    def _tell_notices(self, migration: Migration, answer: Answer) -> None:
        for notice in answer.notices:
            if not is_ours(notice):
                self._powers.say.note(f"{migration.label}: {notice}")

    def _failure(self, answer: Answer) -> StatementError | None:
        error = answer.error
        if error is None:
            return None
        begun = [0, *self._ends()][self._done]
        message = self._messages[self._done]
        position = error.position
        if position is None:
            if not answer.completed:
                return None  # not even the first BEGIN: the text as a whole was refused
        else:
            ahead = join([*self._messages[: self._done], Message()]) if self._done else b""
            position -= len(ahead.decode("utf-8", "replace"))
            if position > len(message.text().decode("utf-8", "replace")):
                return None
        index, into = message.where(answer.completed - begun, position)
        return StatementError(index, into, error)

    def _lost(self, answer: Answer) -> OutcomeUnknown:
        said = answer.error.message if answer.error else "no reason was given"
        left = self._files[self._done :]
        which = left[0].path.name if len(left) == 1 else f"{left[0].label} to {left[-1].label}"
        return OutcomeUnknown(
            f"The connection was lost while {which} {'was' if len(left) == 1 else 'were'} run: "
            f"{said}",
            unchanged="Each file is in the database with its record, or neither is: they are one "
            "transaction.",
            next_step="See which: invoke db.status",
        )
