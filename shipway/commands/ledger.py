"""The commands of the migration history: status, migrate, rollback, adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.errors import Misconfigured
from shipway.migrations.adopt import plan_accept, plan_adopt, plan_forget
from shipway.migrations.undo import plan_undo
from shipway.report.words import show
from shipway.steps.migrate.adopt import adopt as write_ledger
from shipway.steps.migrate.rollback import look_at_losses, undo
from shipway.steps.verify.drift import plan_adoption
from shipway.steps.verify.recorded_schema import adopt_schema

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.values.histories import AdoptPlan

__all__ = ["adopt", "rollback"]

_NOTHING_DONE = "Nothing was run; the database is as it was."


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
        wiring.database.demand(writes=True)
        show(plan, session.terminal)
        session.confirm(f"Roll back {len(plan.undo)} of {wiring.database.place}?")
        with (
            wiring.database.lock("db.rollback"),
            wiring.database.recording(session.terminal),
        ):
            done = undo(
                plan,
                wiring.backups.latest(),
                wiring.database.migrate_powers(database, session.terminal),
            )
    return Answer(value=done)


def adopt(  # noqa: PLR0913 - each is a way in which the command can be called
    session: Session, *, source: str, up_to: str, accept: str, forget: str, schema: bool
) -> Answer:
    """Write into the ledger what the database has been through, without running anything."""
    given = [name for name in (up_to, accept, forget, schema) if name]
    if len(given) > 1:
        raise Misconfigured(
            "Several of --up-to, --accept, --forget and --schema are given.",
            unchanged=_NOTHING_DONE,
            next_step="Give one of them.",
        )
    if schema:
        return _adopt_schema(session)
    wiring = session.wiring
    with wiring.database.open() as database:
        files, state = wiring.database.files(), database.look()
        plan: AdoptPlan
        if accept:
            plan = plan_accept(files, state, _number("--accept", accept) or 0)
        elif forget:
            plan = plan_forget(files, state, _number("--forget", forget) or 0)
        else:
            plan = plan_adopt(
                files,
                state,
                source=source,
                up_to=_number("--up-to", up_to),
                project_ref=session.settings.project_ref,
                target=session.settings.target,
            )
        if session.asked.dry:
            return Answer(value=plan)
        show(plan, session.terminal)
        if not plan.record and not plan.forget:
            return Answer(value=plan)
        wiring.database.demand(writes=True)
        session.confirm(
            f"Write this into the ledger of {wiring.database.place}? No migration is run."
        )
        with (
            wiring.database.lock("db.adopt"),
            wiring.database.recording(session.terminal, adopts=True),
        ):
            done = write_ledger(plan, wiring.database.migrate_powers(database, session.terminal))
    return Answer(value=done)


def _adopt_schema(session: Session) -> Answer:
    """Take the schema that is there for the one that should be there; the ledger stays as it is."""
    database = session.wiring.database
    plan = plan_adoption(database.catalog, means=database.means)
    if session.asked.dry:
        return Answer(value=plan)
    show(plan, session.terminal)
    database.demand(writes=True)
    session.confirm(f"Take this for the schema that {database.place} should have?")
    with database.lock("db.adopt"):
        adopt_schema(database.catalog, database.records, clock=session.wiring.clock)
    return Answer(value=plan)


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
