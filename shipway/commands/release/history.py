"""The commands about releases that were: their state, their list, their journal, its audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.release.resume import NOTHING_CHANGED, state_of
from shipway.errors import Failed, Refused
from shipway.report.words import show
from shipway.steps.journal.entries import ABANDONED, Standing, past_of
from shipway.steps.journal.journal import verify_chain
from shipway.values.releases import Audited, ReleaseLine, Releases
from shipway.wiring.journals import IN_DATABASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.commands.session import Session
    from shipway.edges.postgres.advisory_lock import Lock
    from shipway.steps.journal.entries import Past

__all__ = ["abandon", "audit", "history", "mark_abandoned", "show_release", "status"]


def status(session: Session) -> Answer:
    """Tell how far the latest release came, and what is true now."""
    return Answer(value=state_of(session.wiring, _latest(session)))


def history(session: Session) -> Answer:
    """List the target's releases."""
    lines, unreadable = [], []
    for release_id, journal in reversed(session.wiring.journals.book.journals().items()):
        try:
            past = past_of(release_id, journal)
        except Failed as error:
            unreadable.append(error.what)
            continue
        lines.append(
            ReleaseLine(
                release_id=release_id,
                kind=past.begun.kind,
                began_at=past.began_at,
                standing=past.standing.value,
                end=past.end,
                last_step=past.last_step,
                host=past.begun.host,
                lines=len(journal),
            )
        )
    target = session.settings.target
    return Answer(
        value=Releases(target=target, releases=tuple(lines), unreadable=tuple(unreadable))
    )


def show_release(session: Session, release_id: str) -> Answer:
    """Show the journal of a release."""
    return Answer(value=session.wiring.journals.past(release_id))


def audit(session: Session, release_id: str) -> Answer:
    """Verify the chain of a journal, or of all, and that its copies agree."""
    journals = session.wiring.journals
    if release_id:
        journals.folder(release_id)  # refuses what cannot be an id
    there = journals.book.releases()
    known = list(there) + [one for one in journals.here() if one not in there]
    wanted = [one for one in known if not release_id or one == release_id]
    if not wanted and release_id:
        raise Refused(
            f"No release {release_id} is known to the target, nor to this machine.",
            unchanged=NOTHING_CHANGED,
            next_step="See which there are: invoke release.history",
        )
    found = tuple(
        _audit(one, journals.book.lines(one), journals.file(one).lines()) for one in wanted
    )
    faults = [fault for one in found for fault in one.faults]
    error = None
    if faults:
        error = Failed(
            f"{len([one for one in found if one.faults])} of {len(found)} journals are not as "
            "shipway wrote them.",
            unchanged="An audit only looks.",
            next_step="Compare the copies where they differ; find out who can write there. What "
            "is true of the target itself: invoke db.status and invoke deploy.status",
        )
    return Answer(value=found, error=error)


def _audit(release_id: str, there: Sequence[str], here: Sequence[str]) -> Audited:
    """Judge both copies of a journal; pure."""
    faults, notes = [], []
    places = {IN_DATABASE: there, "its folder here": here}
    kept = {place: list(lines) for place, lines in places.items() if lines}
    for place, lines in kept.items():
        _, fault = verify_chain(lines)
        if fault is not None:
            faults.append(f"{place}: {fault.what}")
    common = min(len(there), len(here))
    if there and here:
        for number, (one, other) in enumerate(zip(there, here, strict=False), start=1):
            if one != other:
                faults.append(f"the copies differ in line {number}")
                break
        if len(here) > common:
            faults.append(
                f"{IN_DATABASE} lacks the last {len(here) - common} lines: they were removed, or "
                "it was put back to an earlier state"
            )
        if len(there) > common:
            notes.append(
                f"its folder here lacks the last {len(there) - common} lines: it was cut off "
                "here, or has gone on elsewhere"
            )
    elif here:
        faults.append(f"{IN_DATABASE} has none of it: it was removed, or the target put back")
    entries, fault = verify_chain(max(kept.values(), key=len))
    return Audited(
        release_id=release_id,
        lines=len(entries),
        head=entries[-1].digest() if entries and fault is None else "",
        places=tuple(kept),
        faults=tuple(faults),
        notes=tuple(notes),
    )


def abandon(session: Session) -> Answer:
    """Give up the unfinished release; nothing is undone."""
    wiring = session.wiring
    past = _latest(session)
    if past.standing is Standing.OVER:
        raise Refused(
            f"The latest release, {past.release_id}, is over: there is nothing to give up.",
            unchanged=NOTHING_CHANGED,
            next_step="Begin a new one: invoke release",
        )
    state = state_of(wiring, past)
    if session.asked.dry:
        return Answer(value=state)
    wiring.database.demand(writes=True)
    show(state, session.terminal)
    session.confirm(f"Give up release {past.release_id}? What is done stays done.")
    with wiring.database.lock("release.abandon") as lock:
        mark_abandoned(session, wiring.journals.past(past.release_id), lock)
    return Answer(value=state_of(wiring, wiring.journals.past(past.release_id)))


def mark_abandoned(session: Session, past: Past, lock: Lock) -> None:
    """Write down that a release is given up; the lock is held by the caller."""
    lock.sign("release.abandon")
    journal = session.wiring.journals.open(
        past.release_id, lock, hide=session.terminal.hide, whole=session.interruptions.whole
    )
    journal.write("ended", "release", {"end": ABANDONED, "exit_code": 0, "error": None})
    session.terminal.note(f"release {past.release_id} is given up; nothing was undone")


def _latest(session: Session) -> Past:
    past = session.wiring.journals.latest()
    if past is None:
        raise Refused(
            "There was no release to this target yet.",
            unchanged=NOTHING_CHANGED,
            next_step="Begin one: invoke release",
        )
    return past
