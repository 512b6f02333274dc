"""The release: its order is here and nowhere else.

Each step returns a proof and the next one demands it, so a wrong order is a type error.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.steps.backup import take_backup
from shipway.steps.deploy import deploy
from shipway.steps.migrate import migrate
from shipway.steps.verify import verify
from shipway.steps.watch import refuse_bad, watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from shipway.course import Course
    from shipway.schema.expectations import Expectations
    from shipway.steps.backup import BackupPlan, Dumper, PlatformDesk, Vault
    from shipway.steps.deploy import DeployPlan, Vercel
    from shipway.steps.migrate import Database
    from shipway.steps.smoke import Web
    from shipway.steps.verify import Database as Catalog
    from shipway.steps.watch import Logs, WatchPlan
    from shipway.values import Clock, Deployed, MigrationLimits, MigrationPlan, Say, Watched

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What the steps are handed to act on the world with."""

    dumper: Dumper
    platform: PlatformDesk | None
    vault: Vault | None
    open_database: Callable[[], AbstractContextManager[Database]]
    limits: MigrationLimits
    catalog: Catalog
    vercel: Vercel
    web: Web
    logs: Logs
    watch_plan: Callable[[Deployed], WatchPlan]
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
    clock = powers.clock

    with course.step("backup") as proven:
        backup = proven(
            take_backup(
                plan.backup,
                dumper=powers.dumper,
                platform=powers.platform,
                vault=powers.vault,
                clock=clock,
                say=say,
            )
        )

    with course.step("migrate") as proven, powers.open_database() as database:
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

    with course.step("verify") as proven:
        verified = proven(verify(plan.expectations, database=powers.catalog, clock=clock, say=say))

    with course.step("deploy") as proven:
        deployed = proven(
            deploy(
                plan.deploy,
                verified,
                vercel=powers.vercel,
                web=powers.web,
                clock=clock,
                say=say,
            )
        )

    with course.step("logs") as proven:
        watched = proven(
            watch(
                powers.watch_plan(deployed),
                logs=powers.logs,
                web=powers.web,
                clock=clock,
                say=say,
            )
        )
        refuse_bad(watched, next_step=_way_back(plan, deployed))
    return watched


def _way_back(plan: ReleasePlan, deployed: Deployed) -> str:
    if deployed.previous_id is None:
        return "This is the first deployment: mend the app and release again."
    again = f" --target {plan.target}" if plan.target != "default" else ""
    return (
        f"Look at the lines above. To go back to {deployed.previous_id}, which served production "
        f"before: invoke deploy.rollback{again}. The database stays as it is: the migrations of "
        "this release must fit the old code too."
    )
