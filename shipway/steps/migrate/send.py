"""One file's messages: sent, tried again while a lock cannot be had, explained on failure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from shipway.errors import (
    Interrupted,
    MigrationFailed,
    OutcomeUnknown,
    Place,
    Refused,
    Stopped,
)
from shipway.migrations.failure import cure_of, describe, message_of
from shipway.migrations.ledger.messages import AS_OURSELVES, OWN_BEGIN, Message, is_ours
from shipway.steps.migrate.blockers import InTheWay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.migrations.sql.script import Script
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.exchange import Answer, SqlError
    from shipway.values.migrations import Migration

__all__ = ["Sending", "StatementError", "stopped_at_commit"]

_LOCK_NOT_AVAILABLE: Final = ("55P03", "40P01")
_LONGEST_PAUSE_S: Final = 15.0


class StatementError(Exception):
    """Postgres refused a statement; the transaction was rolled back.

    Attributes:
        index: the statement in its file; None for one of the ledger's own.
        into: the byte in the statement.
        error: what Postgres said.
    """

    def __init__(self, index: int | None, into: int, error: SqlError) -> None:
        super().__init__(error.message)
        self.index = index
        self.into = into
        self.error = error


class Sending:
    """Sends the messages of one file and turns what goes wrong into three sentences.

    Attributes:
        migration: the file.
        script: its statements.
        stays: what is in the database whatever happens next, as a sentence.
    """

    def __init__(
        self, powers: MigratePowers, migration: Migration, script: Script, stays: str, command: str
    ) -> None:
        self._powers = powers
        self.migration = migration
        self.script = script
        self._in_the_way = InTheWay(powers)
        self._command = command
        self.stays = stays

    def send(
        self, message: Message, *, commits: bool = False, in_transaction: bool = True
    ) -> Answer:
        """Send a message and return its answer.

        Args:
            message: what to send.
            commits: it ends with COMMIT.
            in_transaction: after a failure there is a transaction to be rolled back.

        Raises:
            StatementError: Postgres refused a statement.
            Interrupted: the operator stopped it.
            OutcomeUnknown: the connection was lost on the way to the commit.
            MigrationFailed: the connection was lost before.
        """
        answer = self._powers.database.exchange(
            message.text(),
            copies=message.copies,
            tick_s=self._in_the_way.look_after_s,
            on_tick=lambda: self._in_the_way.tell(self.migration.label),
        )
        for notice in answer.notices:
            if not is_ours(notice):
                self._powers.say.note(f"{self.migration.label}: {notice}")
        if answer.lost:
            raise self._lost(answer, commits=commits)
        if answer.error is not None and in_transaction:
            self._powers.database.exchange(b"ROLLBACK")
        if answer.interrupted and commits and answer.error is None:
            raise stopped_at_commit(self.script.name, self._command)
        if answer.interrupted:
            raise Interrupted(
                f"Stopped while {self.script.name} was run.",
                unchanged=self.stays,
                next_step=f"Go on with: {self._command}",
            )
        if answer.error is not None:
            index, into = message.where(answer.completed, answer.error.position)
            raise StatementError(index, into, answer.error)
        if commits and answer.tags[-1:] != ("COMMIT",):
            raise MigrationFailed(
                f"{self.script.name} was not committed: the server answered {answer.tags[-1]}.",
                unchanged=self.stays,
                next_step=f"Look for transaction control in the file, then run: {self._command}",
            )
        return answer

    def send_own(self, statements: Sequence[bytes]) -> Answer:
        """Send statements of the ledger, in a transaction of their own."""
        message = Message([OWN_BEGIN, *AS_OURSELVES, *statements, b"COMMIT"])
        return self.send(message, commits=True)

    def again_while_locked(self, attempt: Callable[[], Answer]) -> Answer:
        """Make the attempt, again and again while a lock cannot be had, up to the deadline.

        Raises:
            StatementError: of the last attempt, or for another reason than a lock.
        """
        clock, limits = self._powers.clock, self._powers.limits
        deadline = clock.monotonic() + limits.lock_retry_s
        pause_s = limits.lock_backoff_s
        tries = 1
        while True:
            try:
                return attempt()
            except StatementError as failed:
                # Jitter, so that two who wait for the same table do not meet again and again.
                wait_s = pause_s * random.uniform(0.5, 1.5)  # noqa: S311 - no secret hangs on it
                late = clock.monotonic() + wait_s > deadline
                if failed.error.sqlstate not in _LOCK_NOT_AVAILABLE or late:
                    raise
                tries += 1
                self._powers.say.note(
                    f"{self.migration.label}: {failed.error.message}; rolled back, "
                    f"attempt {tries} follows in {wait_s:.1f} s"
                )
                clock.sleep(wait_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def stopped(self, failed: StatementError) -> Stopped:
        """Return the failure in three sentences."""
        error = failed.error
        if failed.index is None and error.sqlstate == "42501":
            return Refused(
                f"The ledger in the schema shipway cannot be written: {error.message}.",
                unchanged=self.stays,
                next_step="Connect as the role that made it, or one that may create it (on "
                "Supabase: postgres).",
            )
        return MigrationFailed(
            describe(self.script, failed.index, failed.into, error),
            unchanged=self.stays,
            next_step=cure_of(
                error,
                self._command,
                b"" if failed.index is None else self.script.sql(failed.index),
            ),
            place=self._place(failed),
            rows=error.rows,
        )

    def _place(self, failed: StatementError) -> Place | None:
        if failed.index is None:
            return None
        line, column = self.script.line_and_column(failed.index, failed.into)
        message = message_of(self.script, failed.index, failed.error)
        what = f"{message} (SQLSTATE {failed.error.sqlstate})"
        return Place(
            file=self.migration.path,
            line=line,
            column=column,
            what=what,
            sqlstate=failed.error.sqlstate,
        )

    def _lost(self, answer: Answer, *, commits: bool) -> Stopped:
        said = answer.error.message if answer.error else "no reason was given"
        if commits:
            return OutcomeUnknown(
                f"The connection was lost while {self.script.name} was run: {said}",
                unchanged="The file's last part is in the database with its record, or neither "
                "is: they are one transaction.",
                next_step="See which: invoke db.status",
            )
        return MigrationFailed(
            f"The connection was lost while {self.script.name} was run: {said}",
            unchanged=self.stays,
            next_step=f"Find out why, then run: {self._command}",
        )


def stopped_at_commit(name: str, command: str) -> Interrupted:
    """Return the end of a run that was stopped too late to keep a file from its commit."""
    return Interrupted(
        f"Stopped after {name} was run.",
        unchanged="What ran until then was committed: it is in the database with its record.",
        next_step=f"Go on with: {command}",
    )
