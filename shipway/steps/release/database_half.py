"""The database's half of a release: backup, rehearsal, migrations, verification.

The contract phase is this half alone. A release that was cut off goes through it again: what it
proved before, and what still holds, is not done a second time.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.steps.backup.take import take_backup
from shipway.steps.gates.gates import GatePowers, pass_gates
from shipway.steps.migrate.migrate import migrate
from shipway.steps.migrate.powers import MigratePowers
from shipway.steps.rehearse.rehearse import Beside, rehearse
from shipway.steps.release.resume import backup_that_holds, seal_that_holds
from shipway.steps.seal.check import refuse_another_base, refuse_another_result, schema_of
from shipway.steps.verify.before import earlier_on, read_or_keep_before
from shipway.steps.verify.recorded_schema import keep_schema, recording
from shipway.steps.verify.verify import ChecksFailed, after_migrating, verify
from shipway.values.backup import Backup
from shipway.values.basics import Unproven
from shipway.values.gates import Gated
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from shipway.schema.expectations import Expectations
    from shipway.steps.backup.take import BackupPlan, BackupPowers
    from shipway.steps.gates.preflight import Precondition
    from shipway.steps.journal.course import Course
    from shipway.steps.journal.entries import Past
    from shipway.steps.migrate.powers import Database
    from shipway.steps.rehearse.lint import Linter
    from shipway.steps.rehearse.rehearse import Room
    from shipway.steps.verify.powers import Database as Catalog
    from shipway.steps.verify.powers import Means
    from shipway.values.basics import Clock, Say, Secret
    from shipway.values.checks import Verified
    from shipway.values.exchange import MigrationLimits
    from shipway.values.gates import GateTerms
    from shipway.values.inspection import Before
    from shipway.values.migrations import Migrated, MigrationPlan
    from shipway.values.rehearsal import Query

__all__ = ["DatabaseHalf", "DatabasePlan", "DatabasePowers", "Resumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePlan:
    """What would be done to the database."""

    release_id: str
    target: str
    backup: BackupPlan
    migrations: MigrationPlan
    expectations: Expectations
    serving: Expectations | Unproven
    """What the code that serves now promised of the database, or why that is not known."""
    without_rehearsal: str = ""
    """Why the migrations are not rehearsed; empty: they are."""
    copies_on: str
    """The server that they are rehearsed on, in words."""
    gates: GateTerms
    """What the gates between rehearsal and migration hold to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePowers:
    """What the steps of this half are handed to act on the world with."""

    backup: BackupPowers
    room: Room
    linter: Linter | Unproven
    """Reads the pending files beside the rehearsal."""
    traffic: Callable[[], tuple[Query, ...] | Unproven]
    """Asks the target for its busiest queries."""
    key: Secret | None
    """Signs what is kept with the backup."""
    open_database: Callable[[], AbstractContextManager[Database]]
    limits: MigrationLimits
    catalog: Catalog
    means: Means
    again: Sequence[Precondition]
    """Gates of preflight that time may have shut; they are looked at once more."""
    clock: Clock
    say: Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A release that was cut off and goes on now."""

    past: Past
    moved: bool
    """A part of its migrations is in the database already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseHalf:
    """One way through it: `prepare`, which only reads the target, then `change`."""

    plan: DatabasePlan
    powers: DatabasePowers
    course: Course
    resumed: Resumed | None = None
    """The release that was cut off and goes on."""

    def prepare(self) -> tuple[Backup, Seal | Unproven]:
        """Back up, rehearse and pass the gates: the target is only read."""
        with self.course.step("backup") as proven:
            backup = proven(self._back_up())
        with self.course.step("rehearse") as proven:
            seal = proven(self._rehearse(backup, self._before(backup)))
        if isinstance(seal, Seal):
            took_s = backup.restore_s if seal.restored.partly else seal.restored.duration_s
            backup = replace(backup, grade=seal.grade, restore_s=took_s)
        with self.course.step("gates") as proven:
            proven(self._pass_gates(backup, seal))
        return backup, seal

    def change(self, backup: Backup, seal: Seal | Unproven) -> Verified:
        """Migrate and verify; both hold the target against what the rehearsal showed."""
        with self.course.step("migrate") as proven:
            done = proven(self._migrate(backup, seal))
        with self.course.step("verify") as proven:
            verified = proven(self._verify(backup, done))
        powers = self.powers
        keep_schema(powers.catalog, powers.means.records, clock=powers.clock, say=powers.say)
        return verified

    @property
    def _moved(self) -> bool:
        """Whether a part of the migrations was in the database before this way through."""
        return self.resumed is not None and self.resumed.moved

    @property
    def _all_applied_before(self) -> bool:
        return self._moved and not self.plan.migrations.pending

    def _back_up(self) -> Backup:
        plan = self.plan
        earlier = self.resumed.past.proof("backup", Backup) if self.resumed else None
        if earlier is not None:
            held = backup_that_holds(
                earlier,
                self.powers.backup,
                folder=plan.backup.directory.parent,
                pending=bool(plan.migrations.pending),
                moved=self._moved,
            )
            if held is not None:
                return held
        return take_backup(plan.backup, self.powers.backup)

    def _before(self, backup: Backup) -> Before | None:
        """Return what the target was before the first of its migrations."""
        past = self.resumed.past if self.resumed and self._moved else None
        return read_or_keep_before(
            self.powers.catalog,
            self.plan.expectations,
            backup,
            first=past.proof("backup", Backup) if past else None,
            moved=self._moved,
            key=self.powers.key,
            say=self.powers.say,
        )

    def _rehearse(self, backup: Backup, before: Before | None) -> Seal | Unproven:
        plan, powers = self.plan, self.powers
        if plan.without_rehearsal:
            powers.say.warn(f"not rehearsed: {plan.without_rehearsal}")
            return Unproven(
                missing=f"a rehearsal: it was left out ({plan.without_rehearsal})",
                command="invoke db.rehearse",
            )
        earlier = self.resumed.past.proof("rehearse", Seal) if self.resumed else None
        if earlier is not None:
            held = seal_that_holds(earlier, backup, plan.migrations, powers.say)
            if held is not None:
                return held
        if self._all_applied_before:
            return Unproven(
                missing="a rehearsal: all was applied before the interruption",
                command="invoke db.verify",
            )
        return rehearse(
            plan.migrations,
            backup,
            room=powers.room,
            expectations=plan.expectations,
            limits=powers.limits,
            clock=powers.clock,
            say=powers.say,
            beside=Beside(
                before=before,
                serving=plan.serving,
                linter=powers.linter,
                traffic=powers.traffic,
                means=powers.means,
            ),
            key=powers.key,
        )

    def _pass_gates(self, backup: Backup, seal: Seal | Unproven) -> Gated:
        powers = self.powers
        earlier = self.resumed.past.proof("gates", Gated) if self.resumed else None
        if earlier is not None and self._all_applied_before:
            powers.say.note(f"passed at {earlier.at:%H:%M:%S} UTC, before all was applied")
            return earlier
        return pass_gates(
            self.plan.migrations,
            backup,
            seal,
            self.plan.gates,
            GatePowers(again=powers.again, clock=powers.clock, say=powers.say),
        )

    def _migrate(self, backup: Backup, seal: Seal | Unproven) -> Migrated:
        plan, powers = self.plan.migrations, self.powers
        looker, folder, say = powers.catalog, backup.directory.parent, powers.say
        with powers.open_database() as database:
            if isinstance(seal, Seal) and not self._all_applied_before:
                refuse_another_base(seal, plan, looker=looker, folder=folder, say=say)
            with self._recording():
                done = migrate(
                    plan,
                    backup,
                    MigratePowers(
                        database=database, limits=powers.limits, clock=powers.clock, say=say
                    ),
                    before=self.course.before,
                )
            if isinstance(seal, Seal):
                refuse_another_result(seal, looker=looker, folder=folder, say=say)
        if self.resumed is None:
            return done
        wanted = {one.label for one in self.resumed.past.begun.pending}
        earlier = tuple(row for row in plan.applied if row.label in wanted)
        return replace(done, applied_now=earlier + done.applied_now)

    def _recording(self) -> AbstractContextManager[None]:
        """Record in the target what its schema should be after the block, if that runs anything."""
        powers = self.powers
        if not self.plan.migrations.pending:
            return nullcontext()
        return recording(powers.catalog, powers.means.records, clock=powers.clock, say=powers.say)

    def _verify(self, backup: Backup, done: Migrated) -> Verified:
        powers = self.powers
        try:
            return verify(
                self.plan.expectations,
                database=powers.catalog,
                clock=powers.clock,
                say=powers.say,
                means=powers.means,
                earlier=earlier_on(powers.catalog, powers.means.files, backup, key=powers.key),
                schema_before=schema_of(backup),
            )
        except ChecksFailed as failed:
            if done.applied_now:
                raise after_migrating(failed, done, backup, target=self.plan.target) from None
            raise
