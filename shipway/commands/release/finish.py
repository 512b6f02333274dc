"""The contract phase: what the old code needed goes once that code is long out of service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.release.begin import Beginning
from shipway.commands.release.release import powers
from shipway.commands.release.resume import NOTHING_CHANGED, refuse_another_plan
from shipway.commands.release.run import begun, carried_out
from shipway.errors import Refused
from shipway.migrations.plan import proof_of
from shipway.release import FinishPlan
from shipway.release import finish as run_finish
from shipway.report.words import show
from shipway.steps.release.database_half import Resumed
from shipway.values import Deployed, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.commands.session import Session
    from shipway.values import Waiver

__all__ = ["finish"]


def finish(
    session: Session, *, without_rehearsal: str, now: str, waive: Sequence[str], resume: bool
) -> Answer:
    """Run the contract migrations, with a backup, a rehearsal and a verification of their own."""
    wiring = session.wiring
    beginning = Beginning(session, "finish", resume=resume)
    waivers = beginning.waivers(waive, now=now, without_rehearsal=without_rehearsal)
    course = beginning.checked(waivers)
    if session.asked.dry:
        return Answer(value=_plan(session, beginning.new_id, without_rehearsal, waivers))
    with wiring.database.lock(f"release.finish {beginning.new_id}") as lock:
        past = beginning.decided(lock)
        release_id = past.release_id if past else beginning.new_id
        plan, resumed = _plan(session, release_id, without_rehearsal, waivers), None
        if past is None and not plan.migrations.pending:
            session.terminal.note("no contract migration is pending")
            return Answer(value=proof_of(plan.migrations.applied))
        if past is not None:
            state = wiring.database.ledger_state()
            moved = refuse_another_plan(past, plan.migrations, state, "")
            resumed = Resumed(past=past, moved=moved)
            reason = without_rehearsal or past.begun.without_rehearsal
            plan = replace(plan, without_rehearsal=reason)
        show(plan, session.terminal)
        session.confirm(f"Run the contract phase on {wiring.database.place}?")
        return carried_out(
            session,
            plan,
            lambda deliveries: run_finish(
                plan,
                powers(session, release_id, deliveries, course),
                course=course,
                resumed=resumed,
            ),
            lock=lock,
            course=course,
            first=begun(plan, kind="finish"),
            resumed=resumed,
        )


def _plan(
    session: Session, release_id: str, without_rehearsal: str, waivers: tuple[Waiver, ...]
) -> FinishPlan:
    wiring = session.wiring
    finishes, soaked_s = _soaked(session)
    return FinishPlan(
        release_id=release_id,
        target=session.settings.target,
        backup=wiring.backups.plan(),
        migrations=wiring.database.plan(Phase.CONTRACT),
        expectations=wiring.database.expectations(),
        serving=wiring.backups.serving(),
        without_rehearsal=without_rehearsal,
        gates=wiring.gates.terms(waivers),
        finishes=finishes,
        soaked_s=soaked_s,
    )


def _soaked(session: Session) -> tuple[str, float]:
    """Return the release that serves, and how long the code before it has been out of service.

    Both by the target's own journal and clock, and by what Vercel says serves now.

    Raises:
        Refused: it is not long enough, or no release of shipway put live what serves.
    """
    wiring = session.wiring
    serving = wiring.hosting.vercel.hosting().production_id
    book = wiring.journals.book
    for release_id in reversed(book.releases()):
        past = wiring.journals.past(release_id)
        deployed = past.proof("deploy", Deployed)
        if deployed is None:
            continue
        if deployed.deployment.deployment_id != serving:
            break
        written = book.written(release_id, past.number_of("deploy") or 0)
        soaked_s = written[1] if written else 0.0
        wanted_s = session.settings.soak_s
        if soaked_s < wanted_s:
            raise Refused(
                f"Release {release_id} is live for {soaked_s / 3600:.1f} hours, and the code "
                f"before it has to be out of service for {wanted_s / 3600:g} (the setting soak_s).",
                unchanged=NOTHING_CHANGED,
                next_step=f"Run it again in {(wanted_s - soaked_s) / 3600:.1f} hours, or set "
                "SHIPWAY_SOAK_S when you know that no old code is at work any more.",
            )
        return release_id, soaked_s
    raise Refused(
        f"Production is {serving or 'empty'}, which the latest release did not put live: how "
        "long the code before it has been out of service is not known.",
        unchanged=NOTHING_CHANGED,
        next_step="Release what is to stay live first: invoke release",
    )
