"""The release command, and doctor, which looks at the same preconditions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.release.begin import Beginning
from shipway.commands.release.checklist import still_open
from shipway.commands.release.preconditions import preconditions
from shipway.commands.release.resume import refuse_another_plan
from shipway.commands.release.run import begun, carried_out
from shipway.release import Powers, ReleasePlan
from shipway.release import release as run_release
from shipway.report.words import show
from shipway.steps.gates.gates import told
from shipway.steps.gates.preflight import Precondition, examine
from shipway.steps.release.database_half import Resumed
from shipway.values import PREVIOUS_META

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.commands.session import Session
    from shipway.steps.journal.course import Course
    from shipway.steps.journal.entries import Past
    from shipway.values import Delivery, Waiver
    from shipway.wiring import Wiring

__all__ = ["doctor", "powers", "release"]


def doctor(session: Session) -> Answer:
    """Look at every precondition and tell each, with its cure."""
    diagnosis = examine(preconditions(session.wiring), clock=session.wiring.clock)
    return Answer(value=diagnosis, error=diagnosis.refusal())


def release(
    session: Session, *, without_rehearsal: str, now: str, waive: Sequence[str], resume: bool
) -> Answer:
    """Prepare, show the plan, ask, and carry it out, or go on with one that was cut off.

    Once it is under way, a record is written in every outcome.
    """
    wiring = session.wiring
    beginning = Beginning(session, "release", resume=resume)
    waivers = beginning.waivers(waive, now=now, without_rehearsal=without_rehearsal)
    course = beginning.checked(waivers)
    if session.asked.dry:
        return Answer(value=_plan(wiring, beginning.new_id, without_rehearsal, waivers))
    with wiring.database.lock(f"release {beginning.new_id}") as lock:
        past = beginning.decided(lock)
        release_id = past.release_id if past else beginning.new_id
        plan, resumed = _plan(wiring, release_id, without_rehearsal, waivers), None
        app = wiring.hosting.sources.made_of(plan.deploy.source)
        if past is not None:
            plan, resumed = _continued(wiring, plan, past, app)
        show(plan, session.terminal)
        what = f"Go on with release {release_id}" if past else f"Release to {plan.target}"
        session.confirm(f"{what} ({wiring.database.place})?")
        return carried_out(
            session,
            plan,
            lambda deliveries: run_release(
                plan,
                powers(session, release_id, deliveries, course),
                course=course,
                resumed=resumed,
            ),
            lock=lock,
            course=course,
            first=begun(plan, kind="release", previous_id=plan.deploy.previous_id, app=app),
            resumed=resumed,
        )


def _plan(
    wiring: Wiring, release_id: str, without_rehearsal: str, waivers: tuple[Waiver, ...]
) -> ReleasePlan:
    migrations = wiring.database.plan()
    versions = [one.version for one in migrations.applied]
    versions += [one.version for one in migrations.pending]
    return ReleasePlan(
        release_id=release_id,
        target=wiring.settings.target,
        backup=wiring.backups.plan(),
        migrations=migrations,
        expectations=wiring.database.expectations(),
        deploy=wiring.hosting.deploy_plan(release_id, max(versions, default=0)),
        watch_window_s=wiring.settings.watch_window_s,
        build_first=wiring.hosting.build_first,
        serving=wiring.backups.serving(),
        without_rehearsal=without_rehearsal,
        gates=wiring.gates.terms(waivers),
    )


def _continued(
    wiring: Wiring, plan: ReleasePlan, past: Past, app: str
) -> tuple[ReleasePlan, Resumed]:
    """Return the plan of what is left of a release that was cut off.

    Raises:
        Refused: the files are others than those that it set out with.
    """
    moved = refuse_another_plan(past, plan.migrations, wiring.database.ledger_state(), app)
    # What serves production by now may be this release's own, once it has asked for that.
    before = past.previous_id if past.asked_to_promote else plan.deploy.previous_id
    meta = {name: text for name, text in plan.deploy.meta.items() if name != PREVIOUS_META}
    meta |= {PREVIOUS_META: before} if before else {}
    left = replace(
        plan,
        deploy=replace(plan.deploy, previous_id=before, meta=meta),
        without_rehearsal=plan.without_rehearsal or past.begun.without_rehearsal,
    )
    return left, Resumed(past=past, moved=moved)


def powers(
    session: Session, release_id: str, deliveries: tuple[Delivery, ...], course: Course
) -> Powers:
    """Return what the steps are handed."""
    wiring, say = session.wiring, session.terminal
    return Powers(
        again=(
            *still_open(wiring),
            Precondition(name="team", look=lambda: told(deliveries)),
        ),
        backup=wiring.backups.powers(say),
        room=wiring.backups.room,
        linter=wiring.backups.linter,
        traffic=wiring.database.traffic,
        key=wiring.settings.backup_signing_key,
        open_database=wiring.database.open,
        limits=wiring.database.limits,
        catalog=wiring.database.catalog,
        means=wiring.database.means,
        deploy=wiring.hosting.deploy_powers(release_id, say, piece=course.piece),
        logs=wiring.hosting.listening,
        watch=wiring.hosting.watch_powers(say),
        watch_plan=wiring.hosting.watch_plan_of,
        learn=wiring.hosting.log_memory.learn,
        old_code=wiring.hosting.old_code,
        clock=wiring.clock,
        say=say,
    )
