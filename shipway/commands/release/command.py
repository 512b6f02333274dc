"""What a release and its contract phase have in common, from the command line to the record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from shipway.commands.asked import Answer
from shipway.commands.release.checklist import still_open
from shipway.commands.release.preconditions import preconditions
from shipway.commands.release.resume import refuse_another_plan, to_go_on_with
from shipway.commands.release.run import carry_out
from shipway.errors import Stopped
from shipway.release import Powers, new_release_id
from shipway.report.narrator import Narrator
from shipway.report.words import show
from shipway.steps.gates.gates import judge_notices
from shipway.steps.gates.preflight import Precondition, preflight
from shipway.steps.gates.waivers import read_waivers
from shipway.steps.journal.course import Course
from shipway.steps.release.database_half import DatabasePlan, Resumed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.commands.session import Session
    from shipway.edges.postgres.advisory_lock import Lock
    from shipway.steps.journal.entries import Past
    from shipway.values.gates import Delivery, Waiver
    from shipway.values.releases import Begun

__all__ = ["Flags", "ReleaseCommand"]

_Plan = TypeVar("_Plan", bound=DatabasePlan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says of how it is to go."""

    without_rehearsal: str
    """Why it is left out; empty: it is not."""
    now: str
    waive: Sequence[str]
    resume: bool
    """The operator asked to go on with the unfinished one."""


class ReleaseCommand(ABC, Generic[_Plan]):
    """Prepares, shows the plan, asks, and carries it out, or goes on with one that was cut off.

    Once it is under way, a record is written in every outcome.

    Args:
        session: of the command.
        flags: of its command line.
    """

    kind: str
    """As the journal has it: release or finish."""
    task: str
    """As the lock has it."""

    def __init__(self, session: Session, flags: Flags) -> None:
        self.session = session
        self.flags = flags

    @abstractmethod
    def plan(self, release_id: str, waivers: tuple[Waiver, ...]) -> _Plan:
        """Return what would be done."""

    def idle(self, plan: _Plan) -> Answer | None:
        """Return what is told where nothing is to be done."""
        del plan
        return None

    def app(self, plan: _Plan) -> str:
        """Return what names the app's files; empty where no app is deployed."""
        del plan
        return ""

    @abstractmethod
    def left_of(self, plan: _Plan, past: Past) -> _Plan:
        """Return what is left of one that was cut off."""

    @abstractmethod
    def question(self, plan: _Plan, past: Past | None) -> str:
        """Return what the operator has to say yes to."""

    @abstractmethod
    def first_line(self, plan: _Plan, app: str) -> Begun:
        """Return what a new journal begins with."""

    @abstractmethod
    def work(
        self, plan: _Plan, powers: Powers, *, course: Course, resumed: Resumed | None
    ) -> object:
        """Do it."""

    def run(self) -> Answer:
        """Go all the way."""
        session, wiring = self.session, self.session.wiring
        release_id = new_release_id(wiring.clock.now())
        session.terminal.title(f"{self.kind} to {session.settings.target}")
        waivers = self._waivers()
        course = self._checked(waivers)
        if session.asked.dry:
            return Answer(value=self.plan(release_id, waivers))
        with wiring.database.lock(f"{self.task} {release_id}") as lock:
            past, resumed = self._decided(lock), None
            release_id = past.release_id if past else release_id
            plan = self.plan(release_id, waivers)
            if past is None and (answer := self.idle(plan)) is not None:
                return answer
            app = self.app(plan)
            if past is not None:
                state = wiring.database.ledger_state()
                moved = refuse_another_plan(past, plan.migrations, state, app)
                plan, resumed = self.left_of(plan, past), Resumed(past=past, moved=moved)
            show(plan, session.terminal)
            session.confirm(self.question(plan, past))
            return carry_out(
                session,
                plan,
                lambda deliveries: self.work(
                    plan,
                    _powers(session, release_id, deliveries, course),
                    course=course,
                    resumed=resumed,
                ),
                lock=lock,
                course=course,
                first=self.first_line(plan, app),
                resumed=resumed,
            )

    def _waivers(self) -> tuple[Waiver, ...]:
        """Return what is waived on the command line, and what was when the release began."""
        waived = read_waivers(
            self.flags.waive,
            now=self.flags.now,
            without_rehearsal=self.flags.without_rehearsal,
            person=lambda: self.session.wiring.gates.person,
        )
        known = {one.gate for one in waived}
        return (*waived, *(one for one in self._waived_before() if one.gate not in known))

    def _waived_before(self) -> tuple[Waiver, ...]:
        if not self.flags.resume:
            return ()
        try:
            past = self.session.wiring.journals.latest()
        except Stopped:
            return ()  # preflight says it better
        return past.begun.waivers if past is not None else ()

    def _checked(self, waivers: tuple[Waiver, ...]) -> Course:
        """Return the course after its first step, preflight."""
        session, wiring = self.session, self.session.wiring
        course = Course(
            screen=Narrator(session.terminal),
            clock=wiring.clock,
            whole=session.interruptions.whole,
        )
        rehearsed = all(one.gate != "rehearsed" for one in waivers)
        conditions = preconditions(wiring, copies=2 if rehearsed else 1)
        with course.step("preflight") as proven:
            proven(preflight(conditions, clock=wiring.clock, say=session.terminal, waivers=waivers))
        return course

    def _decided(self, lock: Lock) -> Past | None:
        """Return the release that goes on; None when a new one begins. The lock is held."""
        past, given_up = to_go_on_with(self.session, resume=self.flags.resume, kind=self.kind)
        if past is not None and given_up:
            from shipway.commands.release.history import mark_abandoned

            mark_abandoned(self.session, past, lock)
            return None
        return past


def _powers(
    session: Session, release_id: str, deliveries: tuple[Delivery, ...], course: Course
) -> Powers:
    """Return what the steps are handed."""
    wiring, say = session.wiring, session.terminal
    return Powers(
        again=(
            *still_open(wiring),
            Precondition(name="team", look=lambda: judge_notices(deliveries)),
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
