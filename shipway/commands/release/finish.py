"""The contract phase: what the old code needed goes once that code is long out of service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.release.command import ReleaseCommand
from shipway.commands.release.resume import NOTHING_CHANGED
from shipway.commands.release.run import first_line
from shipway.errors import Refused
from shipway.migrations.plan import proof_of
from shipway.release import FinishPlan
from shipway.release import finish as run_finish
from shipway.values.hosting import Deployed
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from shipway.commands.release.command import Flags
    from shipway.commands.session import Session
    from shipway.release import Powers
    from shipway.steps.journal.course import Course
    from shipway.steps.journal.entries import Past
    from shipway.steps.release.database_half import Resumed
    from shipway.values.gates import Waiver
    from shipway.values.releases import Begun

__all__ = ["finish"]


def finish(session: Session, flags: Flags) -> Answer:
    """Run the contract migrations, with a backup, a rehearsal and a verification of their own."""
    return _Finish(session, flags).run()


class _Finish(ReleaseCommand[FinishPlan]):
    kind, task = "finish", "release.finish"

    def plan(self, release_id: str, waivers: tuple[Waiver, ...]) -> FinishPlan:
        wiring = self.session.wiring
        finishes, soaked_s = _soak_time(self.session)
        return FinishPlan(
            release_id=release_id,
            target=self.session.settings.target,
            backup=wiring.backups.plan(),
            migrations=wiring.database.plan(Phase.CONTRACT),
            expectations=wiring.database.expectations(),
            serving=wiring.backups.serving(),
            without_rehearsal=self.flags.without_rehearsal,
            copies_on=wiring.backups.copies_on,
            gates=wiring.gates.terms(waivers),
            finishes=finishes,
            soaked_s=soaked_s,
        )

    def idle(self, plan: FinishPlan) -> Answer | None:
        if plan.migrations.pending:
            return None
        self.session.terminal.note("no contract migration is pending")
        return Answer(value=proof_of(plan.migrations.applied))

    def left_of(self, plan: FinishPlan, past: Past) -> FinishPlan:
        reason = plan.without_rehearsal or past.begun.without_rehearsal
        return replace(plan, without_rehearsal=reason)

    def question(self, plan: FinishPlan, past: Past | None) -> str:
        what = (
            f"Go on with the contract phase {plan.release_id}" if past else "Run the contract phase"
        )
        return f"{what} on {self.session.wiring.database.place}?"

    def first_line(self, plan: FinishPlan, app: str) -> Begun:
        del app
        return first_line(plan, kind=self.kind)

    def work(
        self, plan: FinishPlan, powers: Powers, *, course: Course, resumed: Resumed | None
    ) -> object:
        return run_finish(plan, powers, course=course, resumed=resumed)


def _soak_time(session: Session) -> tuple[str, float]:
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
