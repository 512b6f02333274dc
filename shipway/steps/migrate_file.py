"""One migration file on the target: sent, answered, recorded; or undone and explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from shipway.errors import Interrupted, MigrationFailed, OutcomeUnknown, Refused, Stopped
from shipway.migrations import messages
from shipway.migrations.failure import cure_of, describe
from shipway.migrations.messages import Message
from shipway.migrations.script import open_script
from shipway.values import AppliedMigration

if TYPE_CHECKING:
    from shipway.migrations.script import Script, Unit
    from shipway.steps.migrate import Database
    from shipway.values import Answer, Clock, LedgerState, Migration, MigrationLimits, Say

__all__ = ["Runner"]

_BATCH_BYTES: Final = 1 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMMAND: Final = "invoke db.migrate"


class Runner:
    """Runs files one after the other on a database whose only runner we are."""

    def __init__(  # noqa: PLR0913 - the state, and the powers that the step was handed
        self,
        database: Database,
        state: LedgerState,
        project_ref: str | None,
        *,
        limits: MigrationLimits,
        clock: Clock,
        say: Say,
    ) -> None:
        self._database = database
        self._state = state
        self._limits = limits
        self._clock = clock
        self._say = say
        self._setup = messages.setup(state, project_ref)
        self._applied: list[str] = []

    def run(self, migration: Migration) -> AppliedMigration:
        """Run one file and return its ledger row, as the server gave it before the commit."""
        with open_script(migration.path, standard_strings=self._state.standard_strings) as script:
            units = script.units()
            row = self._one_transaction(migration, script, units[0])
        self._setup = []
        self._applied.append(migration.label)
        return row

    def _one_transaction(
        self, migration: Migration, script: Script, unit: Unit
    ) -> AppliedMigration:
        message = Message([unit.begin, *messages.FRESH, *self._limit_statements(migration)])
        message.add_own([*self._setup, messages.claim(migration)])
        for index in range(unit.first, unit.after):
            message.add(script, index)
            if message.size_bytes > _BATCH_BYTES or script.switches_lexing(index):
                self._send(migration, script, message, commits=False)
                message = Message()
        message.add_own([*messages.AS_OURSELVES, messages.confirm(migration), b"COMMIT"])
        answer = self._send(migration, script, message, commits=True)
        return _row_of(migration, answer)

    def _limit_statements(self, migration: Migration) -> list[bytes]:
        lock_timeout_s = migration.lock_timeout_s
        statement_timeout_s = migration.statement_timeout_s
        return messages.limits(
            self._limits.lock_timeout_s if lock_timeout_s is None else lock_timeout_s,
            self._limits.statement_timeout_s
            if statement_timeout_s is None
            else statement_timeout_s,
            local=True,
        )

    def _send(
        self, migration: Migration, script: Script, message: Message, *, commits: bool
    ) -> Answer:
        answer = self._database.exchange(message.text(), copies=message.copies)
        for notice in answer.notices:
            self._say.note(f"{migration.label}: {notice}")
        if answer.error is not None:
            raise self._stopped(migration, script, message, answer, commits=commits)
        if commits and answer.tags[-1:] != ("COMMIT",):
            raise MigrationFailed(
                f"{script.name} was not committed: the server answered {answer.tags[-1:]}.",
                unchanged=self._unchanged(migration),
                next_step=f"Look for transaction control in the file, then run: {_COMMAND}",
            )
        return answer

    def _stopped(
        self,
        migration: Migration,
        script: Script,
        message: Message,
        answer: Answer,
        *,
        commits: bool,
    ) -> Stopped:
        """Undo what was begun and say why."""
        error = answer.error
        assert error is not None  # noqa: S101 - the caller looked
        if answer.lost and commits:
            return OutcomeUnknown(
                f"The connection was lost while {script.name} was run: {error.message}",
                unchanged=f"{migration.label} is in the database with its ledger row, or neither "
                "is: they are one transaction.",
                next_step="See which: invoke db.status",
            )
        if not answer.lost:
            self._database.exchange(b"ROLLBACK")
        if answer.interrupted:
            return Interrupted(
                f"Stopped while {script.name} was run.",
                unchanged=self._unchanged(migration),
                next_step=f"Go on with: {_COMMAND}",
            )
        index, into = message.where(answer.completed, error.position)
        if index is None and error.sqlstate == "42501" and self._setup:
            return Refused(
                f"The ledger cannot be made: {error.message}.",
                unchanged=self._unchanged(migration),
                next_step="Connect as a role that may create the schema shipway (on Supabase: "
                "postgres).",
            )
        return MigrationFailed(
            describe(script, index, into, error),
            unchanged=self._unchanged(migration),
            next_step=cure_of(error, _COMMAND),
        )

    def _unchanged(self, migration: Migration) -> str:
        rolled_back = f"{migration.label} was rolled back: the database is as it was before it."
        if not self._applied:
            return rolled_back
        return f"{rolled_back} Applied before it in this run, and staying: {_listed(self._applied)}"


def _listed(labels: list[str]) -> str:
    few = 5
    if len(labels) <= few:
        return ", ".join(labels) + "."
    return f"{labels[0]} to {labels[-1]} ({len(labels)} files)."


def _row_of(migration: Migration, answer: Answer) -> AppliedMigration:
    ((applied_us, duration_ms, applied_by),) = answer.rows
    return AppliedMigration(
        version=migration.version,
        label=migration.label,
        sha256=migration.sha256,
        applied_at=_EPOCH + timedelta(microseconds=int(applied_us or 0)),
        duration_ms=int(duration_ms or 0),
        applied_by=applied_by or "",
    )
