"""The release command, and doctor, which looks at the same preconditions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.release.command import ReleaseCommand
from shipway.commands.release.machine import machine
from shipway.commands.release.preconditions import preconditions
from shipway.commands.release.run import first_line
from shipway.release import Powers, ReleasePlan
from shipway.release import release as run_release
from shipway.steps.gates.preflight import examine
from shipway.values.hosting import PREVIOUS_META

if TYPE_CHECKING:
    from shipway.commands.release.command import Flags
    from shipway.commands.session import Session
    from shipway.steps.journal.course import Course
    from shipway.steps.journal.entries import Past
    from shipway.steps.release.database_half import Resumed
    from shipway.values.gates import Waiver
    from shipway.values.releases import Begun

__all__ = ["doctor", "release"]


def doctor(session: Session) -> Answer:
    """Look at every precondition and tell each, with its cure."""
    wiring = session.wiring
    diagnosis = examine((*preconditions(wiring), *machine(wiring)), clock=wiring.clock)
    return Answer(value=diagnosis, error=diagnosis.refusal())


def release(session: Session, flags: Flags) -> Answer:
    """Prepare, show the plan, ask, and carry it out, or go on with one that was cut off."""
    return _Release(session, flags).run()


class _Release(ReleaseCommand[ReleasePlan]):
    kind = task = "release"

    def plan(self, release_id: str, waivers: tuple[Waiver, ...]) -> ReleasePlan:
        wiring = self.session.wiring
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
            without_rehearsal=self.flags.without_rehearsal,
            copies_on=wiring.backups.copies_on,
            gates=wiring.gates.terms(waivers),
        )

    def app(self, plan: ReleasePlan) -> str:
        return self.session.wiring.hosting.sources.made_of(plan.deploy.source)

    def left_of(self, plan: ReleasePlan, past: Past) -> ReleasePlan:
        # What serves production by now may be this release's own, once it has asked for that.
        before = past.previous_id if past.asked_to_promote else plan.deploy.previous_id
        meta = {name: text for name, text in plan.deploy.meta.items() if name != PREVIOUS_META}
        meta |= {PREVIOUS_META: before} if before else {}
        return replace(
            plan,
            deploy=replace(plan.deploy, previous_id=before, meta=meta),
            without_rehearsal=plan.without_rehearsal or past.begun.without_rehearsal,
        )

    def question(self, plan: ReleasePlan, past: Past | None) -> str:
        what = f"Go on with release {plan.release_id}" if past else f"Release to {plan.target}"
        return f"{what} ({self.session.wiring.database.place})?"

    def first_line(self, plan: ReleasePlan, app: str) -> Begun:
        return first_line(plan, kind=self.kind, previous_id=plan.deploy.previous_id, app=app)

    def work(
        self, plan: ReleasePlan, powers: Powers, *, course: Course, resumed: Resumed | None
    ) -> object:
        return run_release(plan, powers, course=course, resumed=resumed)
