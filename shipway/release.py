"""The release: its order is here and nowhere else.

Each step returns a proof and the next one demands it, so a wrong order is a type error.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import LogsBad, Stopped
from shipway.steps.deploy.automatic_rollback import (
    misfit,
    plan_of_retreat,
    tell_gone_back,
    tell_stays_live,
)
from shipway.steps.deploy.deploy import build_staged, deploy
from shipway.steps.deploy.rollback import go_back
from shipway.steps.release.database_half import DatabaseHalf, DatabasePlan, DatabasePowers
from shipway.steps.watch.verdict import refuse_bad, weigh_silence
from shipway.steps.watch.watch import watch
from shipway.values.basics import Unproven
from shipway.values.hosting import Deployed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shipway.steps.deploy.automatic_rollback import OldCode
    from shipway.steps.deploy.plan import DeployPlan
    from shipway.steps.deploy.powers import DeployPowers
    from shipway.steps.journal.course import Course
    from shipway.steps.release.database_half import Resumed
    from shipway.steps.watch.log_stream import Listening
    from shipway.steps.watch.plan import WatchPlan
    from shipway.steps.watch.powers import WatchPowers
    from shipway.values.backup import Backup
    from shipway.values.checks import Verified
    from shipway.values.logs import Baseline, Watched

__all__ = ["FinishPlan", "Powers", "ReleasePlan", "finish", "new_release_id", "release"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan(DatabasePlan):
    """What `invoke release` would do. A dry run prints the very value that a real run executes."""

    deploy: DeployPlan
    watch_window_s: float
    build_first: bool = False
    """The app is built before the database is touched: a failed build changes nothing then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishPlan(DatabasePlan):
    """What `invoke release.finish` would do."""

    finishes: str
    """The release whose code serves production."""
    soaked_s: float
    """How long the code before it has been out of service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers(DatabasePowers):
    """What the steps are handed to act on the world with."""

    deploy: DeployPowers
    logs: Listening
    watch: WatchPowers
    watch_plan: Callable[[Deployed, Baseline], WatchPlan]
    learn: Callable[[Watched], None]
    """Remembers a window that was not bad, for the next release."""
    old_code: Callable[[Deployed], OldCode | Unproven]
    """What is known of the version that served before this deployment."""


def new_release_id(now: datetime) -> str:
    """Return a name for a release that begins now; names sort by time, to the millisecond."""
    thousandths = now.microsecond // 1000
    return f"{now:%Y%m%d-%H%M%S}-{thousandths:03x}{secrets.randbelow(16):x}"


def release(
    plan: ReleasePlan,
    powers: Powers,
    *,
    course: Course,
    resumed: Resumed | None = None,
) -> Watched:
    """Carry out the plan and return how the new version behaves in production.

    Preflight has passed and the target's lock is held by the caller.

    Raises:
        Stopped: a step failed; its three sentences tell what stands. No step after it has begun.
    """
    before = plan.deploy.previous_id
    if before is not None:
        powers.logs.begin(before)

    database = DatabaseHalf(plan=plan, powers=powers, course=course, resumed=resumed)
    backup, seal = database.prepare()

    if plan.build_first:
        with course.step("build") as proven:
            # The deploy step finds this deployment by the release's id.
            proven(build_staged(plan.deploy, powers.deploy))

    verified = database.change(backup, seal)

    # A verdict that was reached before an interruption stands: nothing is put live after it.
    bad_before = resumed.past.bad_logs() if resumed else None
    was_live = resumed.past.proof("deploy", Deployed) if resumed and bad_before else None

    with course.step("deploy") as proven:
        deployed = proven(
            was_live
            or deploy(
                plan.deploy,
                verified,
                powers.deploy,
                when_staged=lambda staged: powers.logs.begin(staged.deployment_id),
            )
        )

    try:
        with course.step("logs") as proven:
            what = powers.watch_plan(deployed, powers.logs.heard(before or ""))
            watched = proven(bad_before or watch(what, powers.logs, powers.watch))
            refuse_bad(watched, next_step="")
            powers.learn(watched)
            weigh_silence(watched, fails=what.not_enough_fails, say=powers.say)
    except LogsBad as bad:
        raise _retreat(bad, plan, deployed, backup, powers, course=course) from None
    return watched


def finish(
    plan: FinishPlan,
    powers: DatabasePowers,
    *,
    course: Course,
    resumed: Resumed | None = None,
) -> Verified:
    """Carry out the contract phase: the code that needed what it takes away is long gone.

    Raises:
        Stopped: a step failed; its three sentences tell what stands. No step after it has begun.
    """
    database = DatabaseHalf(plan=plan, powers=powers, course=course, resumed=resumed)
    return database.change(*database.prepare())


def _retreat(  # noqa: PLR0913 - what the release knows by then
    bad: LogsBad,
    plan: ReleasePlan,
    deployed: Deployed,
    backup: Backup,
    powers: Powers,
    *,
    course: Course,
) -> LogsBad:
    """Go back to the old app where it fits the database, once; return what is to be said."""
    try:
        old = powers.old_code(deployed)
        why_not = misfit(old, database=powers.catalog, clock=powers.clock, say=powers.say)
        if why_not or isinstance(old, Unproven):
            return tell_stays_live(bad, deployed, backup, why_not=why_not, target=plan.target)
        with course.step("rollback") as proven:
            proven(go_back(plan_of_retreat(plan.deploy, deployed, old), powers.deploy))
    except Stopped as second:
        bad = tell_stays_live(bad, deployed, backup, why_not="it could not be.", target=plan.target)
        bad.add(f"{second.what} {second.unchanged}")
        return bad
    return tell_gone_back(bad, deployed, target=plan.target)
