"""The commands of the migration history: status, migrate, rollback, adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.rehearsal import held_to, wanted_seal
from shipway.commands.rehearsal import rehearse as run_rehearsal
from shipway.commands.session import Answer
from shipway.errors import Misconfigured, Refused
from shipway.migrations.adopt import plan_accept, plan_adopt, plan_forget
from shipway.migrations.plan import plan_migrations
from shipway.migrations.undo import plan_undo
from shipway.report.words import show
from shipway.steps.adopt import adopt as write_ledger
from shipway.steps.migrate import migrate as run_migrations
from shipway.steps.migrate import nothing_to_do
from shipway.steps.undo import look_at_losses, undo
from shipway.values import Phase

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.values import AdoptPlan, MigrationPlan

__all__ = ["adopt", "migrate", "rehearse", "rollback", "status"]

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
        return Answer(value=nothing_to_do(plan))
    seal = wanted_seal(session, plan, without_rehearsal)
    show(plan, session.terminal)
    session.confirm(f"Apply the {len(plan.pending)} pending to {wiring.database.place}?")
    with (
        wiring.database.lock("db.migrate"),
        wiring.database.open() as database,
        held_to(seal, plan, session),
    ):
        done = run_migrations(
            plan,
            wiring.backups.latest(),
            database=database,
            limits=wiring.database.limits,
            clock=wiring.clock,
            say=session.terminal,
            together=transaction == "all",
        )
    return Answer(value=done)


def rehearse(session: Session, *, phase: str) -> Answer:
    """Run what is pending in a phase on a restored copy of the target's backup."""
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
    wiring = session.wiring
    return plan_migrations(
        wiring.database.files(),
        wiring.database.ledger_state(),
        phase=wanted,
        project_ref=session.settings.project_ref,
    )


def rollback(session: Session, *, steps: str, to: str) -> Answer:
    """Run the down scripts of the newest migrations, after saying what they destroy."""
    wiring = session.wiring
    with wiring.database.open() as database:
        plan = plan_undo(
            wiring.database.files(),
            database.look(),
            steps=_number("--steps", steps),
            to=_number("--to", to),
        )
        plan = look_at_losses(plan, database=database)
        if session.asked.dry:
            return Answer(value=plan)
        show(plan, session.terminal)
        session.confirm(f"Roll back {len(plan.undo)} of {wiring.database.place}?")
        with wiring.database.lock("db.rollback"):
            done = undo(
                plan,
                wiring.backups.latest(),
                database=database,
                limits=wiring.database.limits,
                clock=wiring.clock,
                say=session.terminal,
            )
    return Answer(value=done)


def adopt(session: Session, *, source: str, up_to: str, accept: str, forget: str) -> Answer:
    """Write into the ledger what the database has been through, without running anything."""
    given = [name for name in (up_to, accept, forget) if name]
    if len(given) > 1:
        raise Misconfigured(
            "Several of --up-to, --accept and --forget are given.",
            unchanged=_NOTHING_DONE,
            next_step="Give one of them.",
        )
    wiring = session.wiring
    with wiring.database.open() as database:
        files, state = wiring.database.files(), database.look()
        plan: AdoptPlan
        if accept:
            plan = plan_accept(files, state, _number("--accept", accept) or 0)
        elif forget:
            plan = plan_forget(state, _number("--forget", forget) or 0)
        else:
            plan = plan_adopt(
                files,
                state,
                database.histories(),
                source=source,
                up_to=_number("--up-to", up_to),
                project_ref=session.settings.project_ref,
            )
        if session.asked.dry:
            return Answer(value=plan)
        show(plan, session.terminal)
        if not plan.record and not plan.forget:
            return Answer(value=plan)
        session.confirm(
            f"Write this into the ledger of {wiring.database.place}? No migration is run."
        )
        with wiring.database.lock("db.adopt"):
            done = write_ledger(
                plan,
                database=database,
                limits=wiring.database.limits,
                clock=wiring.clock,
                say=session.terminal,
            )
    return Answer(value=done)


def _number(flag: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Misconfigured(
            f"{flag} {text} is not a number.",
            unchanged=_NOTHING_DONE,
            next_step="Give a version by its digits, as invoke db.status shows it.",
        )
    return int(text)
