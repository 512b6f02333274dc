"""The plan on the copy: up under watch, down, and up again, with the engine that runs it later."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.errors import Interrupted, MigrationFailed, Stopped
from shipway.steps.migrate.migrate import migrate
from shipway.steps.migrate.powers import MigratePowers
from shipway.steps.rehearse.copy_lacks import what_next
from shipway.steps.rehearse.measured import Watched
from shipway.steps.rehearse.narration import OnTheCopy
from shipway.steps.rehearse.restored_copy_check import UNTOUCHED
from shipway.steps.rehearse.rollback_proof import Stage, prove_reversal
from shipway.values.basics import Plainly
from shipway.values.migrations import MigrationPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.steps.migrate.powers import Database
    from shipway.steps.rehearse.restored_copy_check import Copy
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say
    from shipway.values.exchange import MigrationLimits
    from shipway.values.migrations import Migration
    from shipway.values.rehearsal import Reversal

__all__ = ["Trial"]

_AGAIN: Final = "invoke db.rehearse"


class Trial:
    """The pending migrations on a copy.

    Args:
        plan: what is pending.
        backup: that the copy was made from.
        copy: where they run.
        database: the copy's connection for migrations.
        limits: as on the target.
        clock: for durations.
        say: told what happens, as of the copy.

    Attributes:
        watched: what was measured.
        durations_ms: of each migration, in order.
    """

    def __init__(  # noqa: PLR0913 - what a run works with
        self,
        plan: MigrationPlan,
        backup: Backup,
        copy: Copy,
        database: Database,
        *,
        limits: MigrationLimits,
        clock: Clock,
        say: Say,
    ) -> None:
        self._plan = plan
        self._proof = backup
        self._copy = copy
        self._database = database
        self._limits = limits
        self._clock = clock
        self._say = OnTheCopy(say)
        self.watched = Watched(database, copy.onlooker, clock)
        self.durations_ms: list[int] = []
        self._stand_ins = copy.stand_ins()

    def up(self, base: Stage, *, comparable: bool) -> list[Stage]:
        """Run every migration under watch and return the states between them.

        Args:
            base: the copy as it was restored.
            comparable: that is the target's schema.

        Raises:
            MigrationFailed: one fails on this data.
            Stopped: it did not come to an end, which says nothing of the target.
        """
        stages = [replace(base, identities=self._copy.catalog.identities())]
        for migration in self._plan.pending:
            self.watched.begin(migration)
            try:
                self.durations_ms.append(self._migrate(migration, self.watched, self._say))
            except Stopped as error:
                raise self._reworded(error, comparable=comparable) from None
            stages.append(self._look())
        return stages

    def undo(self, stages: Sequence[Stage]) -> list[tuple[Reversal, str]]:
        """Prove which migrations can be undone.

        Raises:
            Interrupted: the operator stopped it.
        """
        try:
            return prove_reversal(
                self._plan.pending,
                stages,
                database=self._database,
                look=self._look,
                again=lambda migration: self._migrate(migration, self._database, Plainly()),
            )
        except Interrupted as error:
            raise self._reworded(error, comparable=False) from None

    def _reworded(self, error: Stopped, *, comparable: bool) -> Stopped:
        """Return the end of a run on the copy in words that hold for the target.

        The engine speaks of the database that it works on: what stays there, and how to go on
        there, is of no use once the copy is gone.
        """
        next_step = f"Rehearse again: {_AGAIN}"
        if isinstance(error, MigrationFailed) and error.place:
            next_step = what_next(
                error,
                self._copy.restored,
                unread=self._proof.manifest.left_out,
                comparable=comparable,
                pending=self._plan.pending,
                stand_ins=self._stand_ins,
            )
        elif not isinstance(error, Interrupted):
            next_step = f"Find out why; what the target would do was not tried. Then run: {_AGAIN}"
        stopped = "was stopped" if isinstance(error, Interrupted) else "failed"
        reworded = type(error)(
            f"The rehearsal {stopped}. {error.what}",
            unchanged=UNTOUCHED,
            next_step=next_step,
            place=error.place,
            rows=error.rows,
        )
        reworded.also = error.also
        return reworded

    def _migrate(self, migration: Migration, database: Database, say: Say) -> int:
        only = MigrationPlan(
            applied=database.look().applied,
            pending=(migration,),
            project_ref=self._plan.project_ref,
        )
        done = migrate(
            only,
            self._proof,
            MigratePowers(database=database, limits=self._limits, clock=self._clock, say=say),
        )
        return done.applied_now[0].duration_ms

    def _look(self) -> Stage:
        return Stage(
            schema=self._copy.catalog.snapshot(),
            contents=self._copy.contents(),
            identities=self._copy.catalog.identities(),
        )
