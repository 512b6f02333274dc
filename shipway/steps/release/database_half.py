"""The database's half of a release: backup, rehearsal, migrations, verification.

The contract phase is this half alone. A release that was cut off goes through it again: what it
proved before, and what still holds, is not done a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.steps.backup.take import take_backup
from shipway.steps.gates.gates import pass_gates
from shipway.steps.migrate.migrate import migrate
from shipway.steps.rehearse.rehearse import Beside, rehearse
from shipway.steps.release.resume import backup_that_holds, seal_that_holds
from shipway.steps.seal.check import refuse_another_base, refuse_another_result, schema_of
from shipway.steps.verify.before import earlier_on, held_before
from shipway.steps.verify.verify import ChecksFailed, after_migrating, verify
from shipway.values import Backup, Gated, Seal, Unproven

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from shipway.schema.expectations import Expectations
    from shipway.steps.backup.offsite import Vault
    from shipway.steps.backup.restore_points import PlatformDesk
    from shipway.steps.backup.store import Lister
    from shipway.steps.backup.take import BackupPlan, Dumper
    from shipway.steps.gates.preflight import Precondition
    from shipway.steps.journal.course import Course
    from shipway.steps.journal.entries import Past
    from shipway.steps.migrate.powers import Database
    from shipway.steps.rehearse.lint import Linter
    from shipway.steps.rehearse.rehearse import Room
    from shipway.steps.verify.powers import Database as Catalog
    from shipway.steps.verify.powers import Means
    from shipway.values import (
        Clock,
        GateTerms,
        Migrated,
        MigrationLimits,
        MigrationPlan,
        Query,
        Say,
        Secret,
        Verified,
    )
    from shipway.values.inspection import Before

__all__ = ["DatabasePlan", "DatabasePowers", "Resumed", "changed", "prepared"]


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
    gates: GateTerms
    """What the gates between rehearsal and migration hold to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePowers:
    """What the steps of this half are handed to act on the world with."""

    dumper: Dumper
    lister: Lister
    platform: PlatformDesk | None
    vault: Vault | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A release that was cut off and goes on now."""

    past: Past
    moved: bool
    """A part of its migrations is in the database already."""


def prepared(
    plan: DatabasePlan,
    powers: DatabasePowers,
    *,
    course: Course,
    say: Say,
    resumed: Resumed | None = None,
) -> tuple[Backup, Seal | Unproven]:
    """Back up, rehearse and pass the gates: the target is only read."""
    with course.step("backup") as proven:
        backup = proven(_backed_up(plan, powers, say, resumed))
    with course.step("rehearse") as proven:
        first = resumed.past.proof("backup", Backup) if resumed and resumed.moved else None
        before = held_before(
            powers.catalog,
            plan.expectations,
            backup,
            first=first,
            moved=resumed is not None and resumed.moved,
            key=powers.key,
            say=say,
        )
        seal = proven(_rehearsed(plan, backup, before, powers, say, resumed))
    if isinstance(seal, Seal):
        took_s = backup.restore_s if seal.restored.partly else seal.restored.duration_s
        backup = replace(backup, grade=seal.grade, restore_s=took_s)
    with course.step("gates") as proven:
        proven(_passed(plan, backup, seal, powers, say, resumed))
    return backup, seal


def changed(  # noqa: PLR0913 - plan, proofs and powers
    plan: DatabasePlan,
    backup: Backup,
    seal: Seal | Unproven,
    powers: DatabasePowers,
    *,
    course: Course,
    say: Say,
    resumed: Resumed | None = None,
) -> Verified:
    """Migrate and verify; both hold the target against what the rehearsal showed."""
    with course.step("migrate") as proven:
        done = _migrated(plan, backup, seal, powers, course=course, say=say, resumed=resumed)
        proven(done)
    with course.step("verify") as proven:
        return proven(_verified(plan, backup, done, powers, say))


def _verified(
    plan: DatabasePlan, backup: Backup, done: Migrated, powers: DatabasePowers, say: Say
) -> Verified:
    try:
        return verify(
            plan.expectations,
            database=powers.catalog,
            clock=powers.clock,
            say=say,
            means=powers.means,
            earlier=earlier_on(powers.catalog, powers.means.files, backup, key=powers.key),
            schema_before=schema_of(backup),
        )
    except ChecksFailed as failed:
        if done.applied_now:
            raise after_migrating(failed, done, backup, target=plan.target) from None
        raise


def _backed_up(
    plan: DatabasePlan, powers: DatabasePowers, say: Say, resumed: Resumed | None
) -> Backup:
    earlier = resumed.past.proof("backup", Backup) if resumed else None
    if resumed and earlier is not None:
        held = backup_that_holds(
            earlier,
            folder=plan.backup.directory.parent,
            pending=bool(plan.migrations.pending),
            moved=resumed.moved,
            lister=powers.lister,
            vault=powers.vault,
            clock=powers.clock,
            say=say,
            key=powers.key,
        )
        if held is not None:
            return held
    return take_backup(
        plan.backup,
        dumper=powers.dumper,
        lister=powers.lister,
        platform=powers.platform,
        vault=powers.vault,
        clock=powers.clock,
        say=say,
        key=powers.key,
    )


def _rehearsed(  # noqa: PLR0913, PLR0917 - plan, proofs and powers
    plan: DatabasePlan,
    backup: Backup,
    before: Before | None,
    powers: DatabasePowers,
    say: Say,
    resumed: Resumed | None,
) -> Seal | Unproven:
    if plan.without_rehearsal:
        say.warn(f"not rehearsed: {plan.without_rehearsal}")
        return Unproven(
            missing=f"a rehearsal: it was left out ({plan.without_rehearsal})",
            command="invoke db.rehearse",
        )
    earlier = resumed.past.proof("rehearse", Seal) if resumed else None
    held = seal_that_holds(earlier, backup, plan.migrations, say) if earlier is not None else None
    if held is not None:
        return held
    if resumed and resumed.moved and not plan.migrations.pending:
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
        say=say,
        beside=Beside(
            before=before,
            serving=plan.serving,
            linter=powers.linter,
            traffic=powers.traffic,
            means=powers.means,
        ),
        key=powers.key,
    )


def _passed(  # noqa: PLR0913, PLR0917 - plan, proofs and powers
    plan: DatabasePlan,
    backup: Backup,
    seal: Seal | Unproven,
    powers: DatabasePowers,
    say: Say,
    resumed: Resumed | None,
) -> Gated:
    earlier = resumed.past.proof("gates", Gated) if resumed else None
    if resumed and resumed.moved and not plan.migrations.pending and earlier is not None:
        say.note(f"passed at {earlier.at:%H:%M:%S} UTC, before all was applied")
        return earlier
    return pass_gates(
        plan.migrations,
        backup,
        seal,
        terms=plan.gates,
        again=powers.again,
        clock=powers.clock,
        say=say,
    )


def _migrated(  # noqa: PLR0913 - plan, proofs and powers
    plan: DatabasePlan,
    backup: Backup,
    seal: Seal | Unproven,
    powers: DatabasePowers,
    *,
    course: Course,
    say: Say,
    resumed: Resumed | None,
) -> Migrated:
    looker, folder = powers.catalog, backup.directory.parent
    with powers.open_database() as database:
        done_before = resumed is not None and resumed.moved and not plan.migrations.pending
        if isinstance(seal, Seal) and not done_before:
            refuse_another_base(seal, plan.migrations, looker=looker, folder=folder, say=say)
        done = migrate(
            plan.migrations,
            backup,
            database=database,
            limits=powers.limits,
            clock=powers.clock,
            say=say,
            before=course.before,
        )
        if isinstance(seal, Seal):
            refuse_another_result(seal, looker=looker, folder=folder, say=say)
    if resumed is None:
        return done
    wanted = {one.label for one in resumed.past.begun.pending}
    earlier = tuple(row for row in plan.migrations.applied if row.label in wanted)
    return replace(done, applied_now=earlier + done.applied_now)
