"""The release: its order is here and nowhere else.

Each step returns a proof and the next one demands it, so a wrong order is a type error.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.errors import LogsBad, Stopped
from shipway.steps.backup import take_backup
from shipway.steps.deploy import deploy, staged_build
from shipway.steps.gates import pass_gates
from shipway.steps.go_back import go_back
from shipway.steps.migrate import migrate
from shipway.steps.rehearse import rehearse
from shipway.steps.retreat import gone_back, misfit, plan_of_retreat, stays_live
from shipway.steps.sealed import refuse_another_base, refuse_another_result
from shipway.steps.shelf import schema_of
from shipway.steps.verify import verify
from shipway.steps.watch import refuse_bad, watch
from shipway.values import Seal, Unproven

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from shipway.course import Course
    from shipway.schema.expectations import Expectations
    from shipway.steps.backup import BackupPlan, Dumper
    from shipway.steps.build_log import BuildLog
    from shipway.steps.copies import Vault
    from shipway.steps.deploy import DeployPlan, Vercel
    from shipway.steps.listening import Listening
    from shipway.steps.means import Database as Catalog
    from shipway.steps.means import Means
    from shipway.steps.migrate import Database
    from shipway.steps.platform import PlatformDesk
    from shipway.steps.preflight import Precondition
    from shipway.steps.rehearse import Room
    from shipway.steps.retreat import OldCode
    from shipway.steps.review import Linter
    from shipway.steps.shelf import Lister
    from shipway.steps.smoke import Web
    from shipway.steps.watch import WatchPlan
    from shipway.values import (
        Backup,
        Baseline,
        Clock,
        Deployed,
        GateTerms,
        MigrationLimits,
        MigrationPlan,
        Say,
        Secret,
        Watched,
    )

__all__ = ["Powers", "ReleasePlan", "new_release_id", "release"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What `invoke release` would do. A dry run prints the very value that a real run executes."""

    release_id: str
    target: str
    backup: BackupPlan
    migrations: MigrationPlan
    expectations: Expectations
    deploy: DeployPlan
    watch_window_s: float
    serving: Expectations | Unproven
    """What the code that serves now promised of the database, or why that is not known."""
    build_first: bool = False
    """The app is built before the database is touched: a failed build changes nothing then."""
    without_rehearsal: str = ""
    """Why the migrations are not rehearsed; empty: they are."""
    gates: GateTerms
    """What the gates between rehearsal and migration hold to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What the steps are handed to act on the world with."""

    dumper: Dumper
    lister: Lister
    platform: PlatformDesk | None
    vault: Vault | None
    room: Room
    linter: Linter | Unproven
    """Reads the pending files beside the rehearsal."""
    key: Secret | None
    """Signs what is kept with the backup."""
    open_database: Callable[[], AbstractContextManager[Database]]
    limits: MigrationLimits
    catalog: Catalog
    means: Means
    vercel: Vercel
    web: Web
    build_log: BuildLog
    logs: Listening
    watch_plan: Callable[[Deployed, Baseline], WatchPlan]
    learn: Callable[[Watched], None]
    """Remembers a window that was not bad, for the next release."""
    old_code: Callable[[Deployed], OldCode | Unproven]
    """What is known of the version that served before this deployment."""
    again: Sequence[Precondition]
    """Gates of preflight that time may have shut; they are looked at once more."""
    clock: Clock


def new_release_id(now: datetime) -> str:
    """Return a name for a release that begins now; names sort by time."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def release(plan: ReleasePlan, powers: Powers, *, course: Course, say: Say) -> Watched:
    """Carry out the plan and return how the new version behaves in production.

    Preflight has passed and the target's lock is held by the caller.

    Raises:
        Stopped: a step failed; its three sentences tell what stands. No step after it has begun.
    """
    clock, before = powers.clock, plan.deploy.previous_id
    if before is not None:
        powers.logs.begin(before)

    with course.step("backup") as proven:
        backup = proven(
            take_backup(
                plan.backup,
                dumper=powers.dumper,
                lister=powers.lister,
                platform=powers.platform,
                vault=powers.vault,
                clock=clock,
                say=say,
                key=powers.key,
            )
        )

    with course.step("rehearse") as proven:
        seal = proven(_rehearsed(plan, backup, powers, say))
    if isinstance(seal, Seal):
        backup = replace(backup, grade=seal.grade, restore_s=seal.restored.duration_s)

    with course.step("gates") as proven:
        proven(
            pass_gates(
                plan.migrations,
                backup,
                seal,
                terms=plan.gates,
                again=powers.again,
                clock=clock,
                say=say,
            )
        )

    if plan.build_first:
        with course.step("build") as proven:
            # The deploy step finds this deployment by the release's id.
            proven(
                staged_build(
                    plan.deploy,
                    vercel=powers.vercel,
                    build_log=powers.build_log,
                    clock=clock,
                    say=say,
                )
            )

    with course.step("migrate") as proven, powers.open_database() as database:
        folder = backup.directory.parent
        if isinstance(seal, Seal):
            looker = powers.catalog
            refuse_another_base(seal, plan.migrations, looker=looker, folder=folder, say=say)
        proven(
            migrate(
                plan.migrations,
                backup,
                database=database,
                limits=powers.limits,
                clock=clock,
                say=say,
            )
        )
        if isinstance(seal, Seal):
            refuse_another_result(seal, looker=powers.catalog, folder=folder, say=say)

    with course.step("verify") as proven:
        verified = proven(
            verify(
                plan.expectations,
                database=powers.catalog,
                clock=clock,
                say=say,
                means=powers.means,
                backup=backup.manifest,
                schema_before=schema_of(backup),
            )
        )

    with course.step("deploy") as proven:
        deployed = proven(
            deploy(
                plan.deploy,
                verified,
                vercel=powers.vercel,
                web=powers.web,
                build_log=powers.build_log,
                clock=clock,
                say=say,
                when_staged=lambda staged: powers.logs.begin(staged.deployment_id),
            )
        )

    try:
        with course.step("logs") as proven:
            watched = proven(
                watch(
                    powers.watch_plan(deployed, powers.logs.heard(before or "")),
                    logs=powers.logs,
                    web=powers.web,
                    clock=clock,
                    say=say,
                )
            )
            refuse_bad(watched, next_step="")
            powers.learn(watched)
    except LogsBad as bad:
        raise _retreated(bad, plan, deployed, backup, powers, course=course, say=say) from None
    return watched


def _rehearsed(plan: ReleasePlan, backup: Backup, powers: Powers, say: Say) -> Seal | Unproven:
    if plan.without_rehearsal:
        say.warn(f"not rehearsed: {plan.without_rehearsal}")
        return Unproven(
            missing=f"a rehearsal: it was left out ({plan.without_rehearsal})",
            command="invoke db.rehearse",
        )
    return rehearse(
        plan.migrations,
        backup,
        room=powers.room,
        expectations=plan.expectations,
        limits=powers.limits,
        clock=powers.clock,
        say=say,
        serving=plan.serving,
        linter=powers.linter,
        key=powers.key,
    )


def _retreated(  # noqa: PLR0913 - what the release knows by then
    bad: LogsBad,
    plan: ReleasePlan,
    deployed: Deployed,
    backup: Backup,
    powers: Powers,
    *,
    course: Course,
    say: Say,
) -> LogsBad:
    """Go back to the old app where it fits the database, once; return what is to be said."""
    try:
        old = powers.old_code(deployed)
        why_not = misfit(old, database=powers.catalog, clock=powers.clock, say=say)
        if why_not or isinstance(old, Unproven):
            return stays_live(bad, deployed, backup, why_not=why_not, target=plan.target)
        with course.step("rollback") as proven:
            proven(
                go_back(
                    plan_of_retreat(plan.deploy, deployed, old),
                    vercel=powers.vercel,
                    web=powers.web,
                    clock=powers.clock,
                    say=say,
                )
            )
    except Stopped as second:
        bad = stays_live(bad, deployed, backup, why_not="it could not be.", target=plan.target)
        bad.add(f"{second.what} {second.unchanged}")
        return bad
    return gone_back(bad, deployed, target=plan.target)
