"""Migration files on the target: one transaction each, or parts where Postgres asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from shipway.migrations.ledger import messages, rows
from shipway.migrations.ledger.messages import BEAT, Message
from shipway.migrations.ledger.supabase_history import with_supabase_history
from shipway.migrations.sql.opened import open_script
from shipway.migrations.sql.statement_kinds import Label
from shipway.steps.migrate.batch import MOST_BYTES, MOST_FILES, Batch
from shipway.steps.migrate.parts import Parts
from shipway.steps.migrate.send import Sending, StatementError
from shipway.values.migrations import AppliedMigration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shipway.migrations.ledger.books import Book
    from shipway.migrations.sql.script import Script, Unit
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.exchange import Answer
    from shipway.values.migrations import DoneStep, LedgerState, Migration

__all__ = ["Runner", "row_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# "cannot run inside a transaction block" and a COMMIT in a procedure: the server knows better
# than any reading of the text which statements want no transaction around them.
_WANTS_NONE: Final = ("25001", "2D000")
_NEW_ENUM_VALUE: Final = "55P04"


class Runner:
    """Runs files one after the other on a database whose only runner we are."""

    def __init__(
        self,
        powers: MigratePowers,
        state: LedgerState,
        book: Book,
        *,
        project_ref: str | None = None,
        before: int | None = None,
    ) -> None:
        self._powers = powers
        self._state = state
        self._book = book
        self._project_ref = project_ref
        self._before = before
        self._setup = rows.setup(state, project_ref, before=before)
        self._applied: list[str] = []
        self._small: set[int] = set()

    def check(self, migration: Migration) -> None:
        """Look whether the file can be run at all, without running any of it.

        Raises:
            Misconfigured: it cannot.
        """
        with open_script(migration, standard_strings=self._state.standard_strings) as script:
            units = script.units()
            one = len(units) == 1 and not units[0].outside
            whole = one and not script.switches and not script.timed
        if whole and migration.size_bytes <= MOST_BYTES and not _parts_of(migration, self._state):
            self._small.add(migration.version)

    def together(self, files: Iterable[Migration]) -> list[Migration]:
        """Return those of the first files that can go as one message; one at least."""
        found: list[Migration] = []
        size_bytes = 0
        for migration in islice(files, MOST_FILES):
            size_bytes += migration.size_bytes
            if found and (migration.version not in self._small or size_bytes > MOST_BYTES):
                break
            found.append(migration)
            if migration.version not in self._small:
                break
        return found

    def run_together(
        self, files: Sequence[Migration], applied: Callable[[Migration, Answer], None]
    ) -> StatementError | None:
        """Run small files as one message and return why the first that is not applied failed.

        None without all applied means that the next one was not tried.

        Raises:
            Stopped: it was interrupted, or the connection was lost.
        """

        def one_is_applied(migration: Migration, answer: Answer) -> None:
            self._keep(migration)
            applied(migration, answer)

        batch = Batch(self._powers, self._book.command, one_is_applied)
        for migration in files:
            strings = self._state.standard_strings
            with open_script(migration, standard_strings=strings) as script:
                (unit,) = script.units()
                first = migration is files[0]
                message = self._begin(migration, unit, self._setup if first else [BEAT])
                for index in unit.rest:
                    message.add(script, index)
                self._end(message, migration, script)
            batch.add(migration, message)
        return batch.send(stays=self._what_stays)

    def run(self, migration: Migration, failed: StatementError | None = None) -> Answer:
        """Run one file and return the answer to its last message, which ended in a commit.

        Args:
            migration: the file.
            failed: how the first attempt at it has ended already.

        Raises:
            Stopped: it failed; what it began was rolled back, as far as it was one transaction.
        """
        with open_script(migration, standard_strings=self._state.standard_strings) as script:
            sending = Sending(
                self._powers, migration, script, self._what_stays(migration), self._book.command
            )
            begun = _parts_of(migration, self._state)
            alone = frozenset(step.first for step in begun if not step.finished)
            apart = bool(begun)
            while True:
                try:
                    units = script.units(alone=alone, apart=apart)
                    answer = self._run_units(sending, units, begun, failed)
                    break
                except StatementError as error:
                    failed, index = None, error.index
                    wants_none = error.error.sqlstate in _WANTS_NONE
                    # The server says the same of a SET TRANSACTION that comes too late.
                    if index is not None and script.kind(index).label is Label.OF_TRANSACTION:
                        wants_none = False
                    if wants_none and index is not None and index not in alone:
                        alone |= {index}
                    elif error.error.sqlstate == _NEW_ENUM_VALUE and not apart:
                        apart = True
                    else:
                        raise sending.stopped(error) from None
                    state = with_supabase_history(self._powers.database.look(), [migration])
                    begun = _parts_of(migration, state)
                    self._setup = rows.setup(state, self._project_ref, before=self._before)
            if script.switches:
                # The next file's message would be read by this file's rules for strings.
                self._powers.database.exchange(b"RESET ALL")
        self._keep(migration)
        return answer

    def _run_units(
        self,
        sending: Sending,
        units: list[Unit],
        begun: list[DoneStep],
        failed: StatementError | None,
    ) -> Answer:
        if len(units) == 1 and not units[0].outside and not begun:
            return self._in_one_transaction(sending, units[0], failed)
        parts = Parts(self._powers, sending, self._state, self._book)
        return parts.run(units, begun, setup=[] if begun else self._setup)

    def _in_one_transaction(
        self, sending: Sending, unit: Unit, failed: StatementError | None
    ) -> Answer:
        migration, script = sending.migration, sending.script
        had = [failed] if failed else []

        def attempt() -> Answer:
            if had:
                raise had.pop()
            message = self._begin(migration, unit, self._setup)
            for index in unit.rest:
                message.add(script, index)
                if message.size_bytes > messages.BATCH_BYTES or script.ends_message(index):
                    sending.send(message)
                    message = Message()
            self._end(message, migration, script)
            return sending.send(message, commits=True)

        return sending.again_while_locked(attempt)

    def _begin(self, migration: Migration, unit: Unit, own: Sequence[bytes]) -> Message:
        """Return what stands before a file's statements in their transaction, `own` in it."""
        message = Message([*unit.begin, *messages.fresh(self._state)])
        message.add_own(messages.limits(migration, self._powers.limits, local=True))
        message.add_own([*own, *self._book.first(migration)])
        return message

    def _end(self, message: Message, migration: Migration, script: Script) -> None:
        """Add what stands after them."""
        message.add_own([*messages.AS_OURSELVES, *messages.AT_NEXT_BEGIN])
        message.add_own([*self._book.last(migration, script), b"COMMIT"])

    def _keep(self, migration: Migration) -> None:
        """Remember that the file is in the database."""
        self._setup = []
        self._applied.append(migration.label)

    def _what_stays(self, migration: Migration) -> str:
        rolled_back = f"{migration.label} was rolled back: the database is as it was before it."
        if not self._applied:
            return rolled_back
        return f"{rolled_back} Done before it in this run, and staying: {_list(self._applied)}"


def _parts_of(migration: Migration, state: LedgerState) -> list[DoneStep]:
    return [step for step in state.steps if step.label == migration.label]


def _list(labels: list[str]) -> str:
    few = 5
    if len(labels) <= few:
        return ", ".join(labels) + "."
    return f"{labels[0]} to {labels[-1]} ({len(labels)} files)."


def row_of(migration: Migration, answer: Answer) -> AppliedMigration:
    """Return the ledger's row that the answer ends with."""
    ((applied_us, duration_ms, applied_by),) = answer.rows
    return AppliedMigration(
        version=migration.version,
        label=migration.label,
        sha256=migration.sha256,
        applied_at=_EPOCH + timedelta(microseconds=int(applied_us or 0)),
        duration_ms=int(duration_ms or 0),
        applied_by=applied_by or "",
    )
