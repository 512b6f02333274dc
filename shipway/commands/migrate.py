"""The commands that go forward: status, migrate, rehearse.

What runs migrations is imported when there is one to run: mostly nothing is pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.errors import Misconfigured, Refused
from shipway.migrations.creation import refuse_untouched
from shipway.migrations.plan import proof_of
from shipway.report.words import show
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.values.migrations import MigrationPlan

__all__ = ["migrate", "rehearse", "status"]

_NOTHING_DONE = "Nothing was run; the database is as it was."


def status(session: Session, *, check: bool) -> Answer:
    """Show what is applied and what is pending; writes nothing.

    With `check`, pending migrations are an error: a wrong history always is one.
    """
    plan = session.wiring.database.plan()
    if not check or not plan.pending:
        return Answer(value=plan)
    pending = Refused(
        f"{len(plan.pending)} pending, from {plan.pending[0].label} on.",
        unchanged=_NOTHING_DONE,
        next_step="Apply them: invoke db.migrate",
    )
    return Answer(value=plan, error=pending)


def migrate(
    session: Session, *, phase: str, transaction: str, without_rehearsal: str = ""
) -> Answer:
    """Apply what is pending in a phase, after a yes; a protected target wants it rehearsed."""
    if transaction not in ("file", "all"):
        raise Misconfigured(
            f"--transaction {transaction} is not known.",
            unchanged=_NOTHING_DONE,
            next_step="Use file (one each, the default) or all (one for the whole run).",
        )
    wiring = session.wiring
    plan = _plan(session, phase)
    if session.asked.dry:
        return Answer(value=plan)
    if not plan.pending:
        return Answer(value=proof_of(plan.applied))
    wiring.database.demand(writes=True)
    from shipway.commands.seal_check import hold_to, required_seal
    from shipway.steps.migrate.migrate import migrate as run_migrations

    seal = required_seal(session, plan, without_rehearsal)
    show(plan, session.terminal)
    session.confirm(f"Apply the {len(plan.pending)} pending to {wiring.database.place}?")
    with (
        wiring.database.lock("db.migrate"),
        wiring.database.open() as database,
        hold_to(seal, plan, session),
        wiring.database.recording(session.terminal),
    ):
        done = run_migrations(
            plan,
            wiring.backups.latest(),
            wiring.database.migrate_powers(database, session.terminal),
            together=transaction == "all",
        )
    return Answer(value=done)


def rehearse(session: Session, *, phase: str) -> Answer:
    """Run what is pending in a phase on a restored copy of the target's backup."""
    from shipway.commands.rehearsal import rehearse as run_rehearsal

    return run_rehearsal(session, _plan(session, phase))


def _plan(session: Session, phase: str) -> MigrationPlan:
    try:
        wanted = Phase(phase)
    except ValueError:
        raise Misconfigured(
            f"--phase {phase} is not a phase.",
            unchanged=_NOTHING_DONE,
            next_step="Use expand (the default) or contract.",
        ) from None
    plan = session.wiring.database.plan(wanted)
    refuse_untouched(plan.pending)
    return plan
