"""How a release and its contract phase begin: waivers, preflight, and what is unfinished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.release.preconditions import preconditions
from shipway.commands.release.resume import to_go_on_with
from shipway.errors import Stopped
from shipway.release import new_release_id
from shipway.report.narrator import Narrator
from shipway.steps.gates.preflight import preflight
from shipway.steps.gates.waivers import read_waivers
from shipway.steps.journal.course import Course

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.commands.session import Session
    from shipway.edges.postgres.advisory_lock import Lock
    from shipway.steps.journal.entries import Past
    from shipway.values import Waiver

__all__ = ["Beginning"]


class Beginning:
    """The way to the first line of a journal.

    Args:
        session: of the command.
        kind: release or finish.
        resume: the operator asked to go on with the one that did not come to its end.

    Attributes:
        new_id: the release's name, unless an earlier one goes on.
    """

    def __init__(self, session: Session, kind: str, *, resume: bool) -> None:
        self._session = session
        self._kind = kind
        self._resume = resume
        self.new_id = new_release_id(session.wiring.clock.now())
        session.terminal.title(f"{kind} to {session.settings.target}")

    def waivers(
        self, given: Sequence[str], *, now: str, without_rehearsal: str
    ) -> tuple[Waiver, ...]:
        """Return what is waived on the command line, and what was when the release began."""
        waived = read_waivers(
            given,
            now=now,
            without_rehearsal=without_rehearsal,
            person=lambda: self._session.wiring.gates.person,
        )
        known = {one.gate for one in waived}
        return (*waived, *(one for one in self._earlier() if one.gate not in known))

    def _earlier(self) -> tuple[Waiver, ...]:
        if not self._resume:
            return ()
        try:
            past = self._session.wiring.journals.latest()
        except Stopped:
            return ()  # preflight says it better
        return past.begun.waivers if past is not None else ()

    def checked(self, waivers: tuple[Waiver, ...]) -> Course:
        """Return the course after its first step, preflight."""
        session, wiring = self._session, self._session.wiring
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

    def decided(self, lock: Lock) -> Past | None:
        """Return the release that goes on; None when a new one begins. The lock is held."""
        past, given_up = to_go_on_with(self._session, resume=self._resume, kind=self._kind)
        if past is not None and given_up:
            from shipway.commands.release.history import abandoned

            abandoned(self._session, past, lock)
            return None
        return past
