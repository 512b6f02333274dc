"""When the logs are bad: go back to the old app by itself, but only where it fits the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import LogsBad, Misconfigured, VerificationFailed
from shipway.formats.figures import duration, size
from shipway.steps.deploy.promote import command
from shipway.steps.deploy.rollback import BackPlan
from shipway.steps.verify.verify import verify
from shipway.values.basics import Unproven

if TYPE_CHECKING:
    from shipway.schema.expectations import Expectations
    from shipway.steps.deploy.plan import DeployPlan
    from shipway.steps.deploy.smoke import SmokePage
    from shipway.steps.verify.powers import Database
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say
    from shipway.values.hosting import Deployed

__all__ = ["OldCode", "misfit", "plan_of_retreat", "tell_gone_back", "tell_stays_live"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCode:
    """The version that served before, and what is known of what it needs."""

    release_id: str
    deployment_id: str
    expectations: Expectations
    """What that release promised of the database: the old code relies on it."""
    pages: tuple[SmokePage, ...]
    """What that release promised of its pages."""
    contracted: tuple[str, ...]
    """Contract migrations that were applied since it was released."""


def misfit(old: OldCode | Unproven, *, database: Database, clock: Clock, say: Say) -> str:
    """Return why the old code does not fit the database as it is; empty when it does.

    It fits when no contract migration has run since it was released, and its own release's
    checks still pass now.
    """
    if isinstance(old, Unproven):
        return old.missing
    if old.contracted:
        return (
            "a contract migration has run since it was released: "
            f"{', '.join(old.contracted)}. The old code may need what it took away."
        )
    say.note(f"checking whether the code of release {old.release_id} still fits the database")
    try:
        # What the old code asks of the database; who else may read it is the new one's affair.
        only = ["schema", "queries"]
        verify(old.expectations, database=database, clock=clock, say=say, only=only)
    except (VerificationFailed, Misconfigured) as error:
        return f"its checks do not pass on the database as it is now: {error.what}"
    return ""


def plan_of_retreat(plan: DeployPlan, deployed: Deployed, old: OldCode) -> BackPlan:
    """Return the way back from a deployment whose logs are bad; pure."""
    return BackPlan(
        from_id=deployed.deployment.deployment_id,
        to_id=old.deployment_id,
        pages=old.pages,
        timeout_s=plan.promote_timeout_s,
        why=f"release {plan.release_id}: its logs were bad",
        target=plan.target,
    )


def tell_gone_back(bad: LogsBad, deployed: Deployed, *, target: str) -> LogsBad:
    """Return what is said after the old app serves again."""
    return LogsBad(
        f"{bad.what}\nThe app was rolled back: production is {deployed.previous_id} again, "
        "as Vercel says.",
        unchanged="The database stays on the new schema, on which the old version's checks pass; "
        "nothing that was written since is lost.",
        next_step=f"Mend the new version, whose lines stand above, and run: "
        f"{command('release', target)}",
    )


def tell_stays_live(
    bad: LogsBad, deployed: Deployed, backup: Backup, *, why_not: str, target: str
) -> LogsBad:
    """Return what is said when the new version stays live, with both ways on from there."""
    live = deployed.deployment.deployment_id
    forward = f"Forward (loses nothing): mend the app, then run {command('deploy', target)}"
    if deployed.previous_id:
        back = command("deploy.rollback", target)
        forward += f", or go back by hand, if you know that the old code copes: {back}"
    return LogsBad(
        f"{bad.what}\nThe app was NOT rolled back: {why_not}",
        unchanged=f"Production is {live}; the database is on the new schema.",
        next_step=(f"{forward}\n{_restores(backup)}"),
    )


def _restores(backup: Backup) -> str:
    """Return the ways to the database from before, and what each takes."""
    made = backup.manifest
    took = (
        f"to restore it took {duration(backup.restore_s)} on this machine."
        if backup.restore_s is not None
        else f"how long that takes was not measured; the dump took {duration(made.duration_s)}."
    )
    told = (
        f"Restore (loses what was written since {made.taken_at:%H:%M:%S} UTC): "
        f"invoke db.restore {made.backup_id} --into {made.target} "
        f"({backup.directory}, {size(made.archive_bytes)}); {took}"
    )
    if made.platform is not None and made.platform.pitr_enabled:
        told += (
            "\nOr let Supabase go back to the moment just before the first migration, which stands "
            "in the record (dashboard: Database > Backups > Point in time); the project is down "
            "meanwhile."
        )
    return told
