"""Carries a plan out under its journal; whatever happens, a record of it is written."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from shipway.cleanup import also
from shipway.commands.asked import Answer
from shipway.commands.release.notices import tell_begin, tell_end
from shipway.commands.session import with_notes
from shipway.environment import github_actions
from shipway.errors import Failed, Interrupted, Stopped
from shipway.formats.decoding import FORMAT
from shipway.migrations.shown import shown_sql
from shipway.release import ReleasePlan
from shipway.report.files import write_files
from shipway.report.github.actions import tell_release
from shipway.steps.deploy.sources import describe
from shipway.steps.journal.course import StepEnd
from shipway.steps.release.record import PlannedMigration, PlannedRelease, below, make_record
from shipway.steps.release.serving_promises import keep, pack
from shipway.values.hosting import COMMIT_META
from shipway.values.releases import Begun, PlannedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shipway.commands.session import Session
    from shipway.edges.postgres.advisory_lock import Lock
    from shipway.steps.journal.course import Course
    from shipway.steps.journal.journal import Journal
    from shipway.steps.release.database_half import DatabasePlan, Resumed
    from shipway.values.gates import Delivery
    from shipway.values.migrations import Migration

__all__ = ["carry_out", "first_line"]


def first_line(
    plan: DatabasePlan, *, kind: str, previous_id: str | None = None, app: str = ""
) -> Begun:
    """Return the first line of a journal: what the plan sets out to do."""
    return Begun(
        kind=kind,
        target=plan.target,
        pending=tuple(
            PlannedFile(label=one.label, sha256=one.sha256) for one in plan.migrations.pending
        ),
        previous_id=previous_id,
        app=app,
        host=socket.gethostname(),
        without_rehearsal=plan.without_rehearsal,
        waivers=plan.gates.waivers,
        format=FORMAT,
    )


def carry_out(  # noqa: PLR0913 - what a release works with
    session: Session,
    plan: DatabasePlan,
    work: Callable[[tuple[Delivery, ...]], object],
    *,
    lock: Lock,
    course: Course,
    first: Begun,
    resumed: Resumed | None = None,
) -> Answer:
    """Do the work, a release or its contract phase, with everything written down.

    Args:
        session: of the command.
        plan: what is carried out.
        work: what does it, by way of the course; handed how the team was told that it begins.
        lock: of the target, held.
        course: the steps, with preflight behind it.
        first: what a new journal begins with.
        resumed: the release that goes on, instead of a new one.
    """
    settings, wiring = session.settings, session.wiring
    lock.sign(f"release {plan.release_id}")
    if lock.left_by is not None:
        session.terminal.warn(f"the lock was left behind by {lock.left_by.told}: taken over")
    journal = wiring.journals.open(
        plan.release_id, lock, hide=session.terminal.hide, whole=session.interruptions.whole
    )
    directory = wiring.journals.folder(plan.release_id)
    files = wiring.database.files()
    wanted = {one.label for one in (resumed.past.begun if resumed else first).pending}
    migrations = [one for one in files if one.label in wanted]
    planned = _planned_release(plan, migrations, settings.root)

    def all_of_it() -> None:
        if resumed is None:
            journal.write("begun", "release", first)
        else:
            again = {"host": first.host, "previous_id": first.previous_id}
            journal.write("resumed", "release", again)
        course.keep_in(journal)
        keep(
            directory,
            checks_dir=settings.under_root(settings.checks_dir),
            migrations=[one.label for one in files],
        )
        kept = pack(wiring.releases_folder, plan.release_id)
        known = resumed is not None and any(one.event == "kept" for one in resumed.past.entries)
        if kept is not None and not known:
            # The next release may run on another machine: a runner of CI remembers nothing.
            journal.write("kept", "release", kept)
        work(tell_begin(session, plan))

    def ended(error: Stopped | None) -> Answer:
        with session.interruptions.last_words():
            return told(error)

    def told(error: Stopped | None) -> Answer:
        record = make_record(
            release_id=plan.release_id,
            target=plan.target,
            ended_at=wiring.clock.now(),
            planned=planned,
            steps=tuple(course.steps),
            directory=directory,
            root=settings.root,
            error=error,
            shows_rows=settings.show_rows,
        )
        _close(journal, record.end.value, record.exit_code, error)
        try:
            write_files(record, hide=session.terminal.hide)
        except OSError as failure:
            session.terminal.warn(
                f"the record could not be written to {directory}: {failure.strerror}. "
                f"The journal in the database has all of it: invoke release.show {plan.release_id}"
            )
        tell_release(record, migrations, github_actions(), session.terminal)
        tell_end(session, record)
        return Answer(value=record, error=error)

    return _guard(all_of_it, ended, lambda: _interruption(session, plan, course))


def _planned_release(plan: DatabasePlan, migrations: list[Migration], root: Path) -> PlannedRelease:
    """Return what the record keeps of the plan."""
    made = tuple(_planned_migration(one, root) for one in migrations)
    held_back = tuple(one.label for one in plan.migrations.held_back)
    if not isinstance(plan, ReleasePlan):
        return PlannedRelease(
            migrations=made,
            held_back=held_back,
            project="",
            source="",
            commit=None,
            serving_id=None,
            without_rehearsal=plan.without_rehearsal,
            watch_window_s=0.0,
        )
    return PlannedRelease(
        migrations=made,
        held_back=held_back,
        project=plan.deploy.project_name,
        source=describe(plan.deploy.source),
        commit=plan.deploy.meta.get(COMMIT_META),
        serving_id=plan.deploy.previous_id,
        without_rehearsal=plan.without_rehearsal,
        watch_window_s=plan.watch_window_s,
    )


def _planned_migration(migration: Migration, root: Path) -> PlannedMigration:
    sql, cut = shown_sql(migration)
    return PlannedMigration(
        label=migration.label,
        phase=migration.phase,
        file=below(root, migration.path),
        sha256=migration.sha256,
        size_bytes=migration.size_bytes,
        reversible_by=migration.down_path.name if migration.down_path else None,
        sql=sql,
        sql_cut=cut,
    )


def _close(journal: Journal, end: str, exit_code: int, error: Stopped | None) -> None:
    name = type(error).__name__ if error is not None else None
    told = {"end": end, "exit_code": exit_code, "error": name}
    if error is None:
        # Unless it is written down, it has not ended.
        journal.write("ended", "release", told)
    else:
        journal.close("ended", "release", told, error)


def _interruption(session: Session, plan: DatabasePlan, course: Course) -> Interrupted:
    """Say what stands, and both ways on."""
    done = [step.name for step in course.steps if step.end is StepEnd.DONE]
    broken = [step.name for step in course.steps if step.end is not StepEnd.DONE]
    flag = f" --target {session.asked.target}" if session.asked.target else ""
    return Interrupted(
        f"Interrupted in release {plan.release_id}"
        + (f", in step {broken[-1]}." if broken else "."),
        unchanged=f"Done and standing: {', '.join(done)}, and what the lines above report. The "
        "piece of work in progress was given up: a migration was rolled back by the database.",
        next_step=f"Go on with it: {session.asked.again} --resume; or give it up, "
        f"which undoes nothing: invoke release.abandon{flag}",
    )


def _guard(
    work: Callable[[], object],
    ended: Callable[[Stopped | None], Answer],
    interrupted: Callable[[], Interrupted],
) -> Answer:
    """Do the work and return how it ended; no way out passes by the record."""
    try:
        work()
    except Stopped as error:
        return _after(error, ended)
    except KeyboardInterrupt as error:
        return _after(with_notes(interrupted(), error), ended)
    except OSError as error:
        return _after(
            Failed(
                f"This machine gave out: {error.strerror or error}"
                + (f" ({error.filename})." if error.filename else "."),
                unchanged="The steps that are done stand; the one that failed may stand in part.",
                next_step="Mend that, then go on with: invoke release --resume",
            ),
            ended,
        )
    except Exception as error:
        _after(
            Failed(
                f"shipway met an error that it did not expect: {type(error).__name__}.",
                unchanged="The steps that are done stand; the one that failed may stand in part.",
                next_step="Look at the state with: invoke db.status; then release again.",
            ),
            ended,
        )
        raise
    return ended(None)


def _after(error: Stopped, ended: Callable[[Stopped | None], Answer]) -> Answer:
    """Tell how it ended; what fails in the telling is added to the error."""
    try:
        return ended(error)
    except Exception as second:  # noqa: BLE001 - whatever it is, it is the second
        also(error, second)
        return Answer(error=error)
