"""The release command, and doctor, which looks at the same preconditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.checklist import still_open
from shipway.commands.preconditions import preconditions
from shipway.commands.session import Answer, interrupted
from shipway.commands.team import tell_begin, tell_end
from shipway.course import Course
from shipway.errors import Failed, Stopped
from shipway.journal import Journal
from shipway.migrations.shown import shown_sql
from shipway.record import PlannedMigration, PlannedRelease, below, make_record
from shipway.release import Powers, ReleasePlan, new_release_id
from shipway.release import release as run_release
from shipway.report.files import write_files
from shipway.report.narrator import Narrator
from shipway.report.words import show
from shipway.steps.gates import told
from shipway.steps.kept import keep
from shipway.steps.preflight import Precondition, examine, preflight
from shipway.steps.sources import described
from shipway.steps.waivers import read_waivers
from shipway.values import COMMIT_META

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shipway.commands.session import Asked, Session
    from shipway.values import Delivery, Migration, Waiver
    from shipway.wiring import Wiring

__all__ = ["doctor", "release"]


def doctor(session: Session) -> Answer:
    """Look at every precondition and tell each, with its cure."""
    diagnosis = examine(preconditions(session.wiring), clock=session.wiring.clock)
    return Answer(value=diagnosis, error=diagnosis.refusal())


def release(session: Session, *, without_rehearsal: str, now: str, waive: Sequence[str]) -> Answer:
    """Prepare, show the plan, ask, and carry it out.

    From the lock on, a record is written in every outcome.
    """
    wiring, terminal = session.wiring, session.terminal
    waivers = read_waivers(
        waive,
        now=now,
        without_rehearsal=without_rehearsal,
        person=lambda: wiring.gates.person,
    )
    release_id = new_release_id(wiring.clock.now())
    terminal.title(f"release {release_id} to {session.settings.target}")
    course = Course(screen=Narrator(terminal), clock=wiring.clock)
    with course.step("preflight") as proven:
        conditions = preconditions(wiring, copies=1 if without_rehearsal else 2)
        proven(preflight(conditions, clock=wiring.clock, say=terminal, waivers=waivers))
    if session.asked.dry:
        return Answer(value=_plan(wiring, release_id, without_rehearsal, waivers))
    with wiring.database.lock(f"release {release_id}"):
        plan = _plan(wiring, release_id, without_rehearsal, waivers)
        show(plan, terminal)
        session.confirm(f"Release to {plan.target} ({wiring.database.place})?")
        return _carried_out(session, plan, course)


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


def _powers(wiring: Wiring, release_id: str, deliveries: tuple[Delivery, ...]) -> Powers:
    return Powers(
        again=(
            *still_open(wiring),
            Precondition(name="team", look=lambda: told(deliveries)),
        ),
        dumper=wiring.backups.dumper,
        lister=wiring.backups.archives,
        platform=wiring.platform,
        vault=wiring.backups.vault,
        room=wiring.backups.room,
        linter=wiring.backups.linter,
        key=wiring.settings.backup_signing_key,
        open_database=wiring.database.open,
        limits=wiring.database.limits,
        catalog=wiring.database.catalog,
        means=wiring.database.means,
        vercel=wiring.hosting.vercel,
        web=wiring.hosting.web,
        build_log=wiring.hosting.build_log(release_id),
        logs=wiring.hosting.listening,
        watch_plan=wiring.hosting.watch_plan_of,
        learn=wiring.hosting.log_memory.learn,
        old_code=wiring.hosting.old_code,
        clock=wiring.clock,
    )


def _carried_out(session: Session, plan: ReleasePlan, course: Course) -> Answer:
    settings, wiring = session.settings, session.wiring
    directory = wiring.releases_folder / plan.release_id
    journal = Journal(directory / "journal.jsonl", wiring.clock)
    pending = [one.label for one in plan.migrations.pending]
    began = {"target": plan.target, "pending": pending, "backup": plan.backup.backup_id}
    journal.write("begun", "release", began)
    course.keep_in(journal)
    keep(
        directory,
        checks_dir=settings.under_root(settings.checks_dir),
        migrations=[one.label for one in wiring.database.files()],
    )

    planned = _planned(plan, settings.root)

    def ended(error: Stopped | None) -> Answer:
        record = make_record(
            release_id=plan.release_id,
            target=plan.target,
            ended_at=wiring.clock.now(),
            planned=planned,
            steps=tuple(course.steps),
            directory=directory,
            root=settings.root,
            error=error,
        )
        journal.write("ended", "release", {"end": record.end, "exit_code": record.exit_code})
        write_files(record, hide=session.terminal.hide)
        tell_end(session, record)
        return Answer(value=record, error=error)

    def work() -> None:
        powers = _powers(wiring, plan.release_id, tell_begin(session, plan))
        run_release(plan, powers, course=course, say=session.terminal)

    return _guarded(work, ended, session.asked)


def _planned(plan: ReleasePlan, root: Path) -> PlannedRelease:
    """Return what the record keeps of the plan."""
    return PlannedRelease(
        migrations=tuple(_planned_migration(one, root) for one in plan.migrations.pending),
        held_back=tuple(one.label for one in plan.migrations.held_back),
        project=plan.deploy.project_name,
        source=described(plan.deploy.source),
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


def _guarded(
    work: Callable[[], object], ended: Callable[[Stopped | None], Answer], asked: Asked
) -> Answer:
    """Do the work and return how it ended; no way out passes by the record."""
    try:
        work()
    except Stopped as error:
        return ended(error)
    except KeyboardInterrupt:
        return ended(interrupted(asked))
    except Exception as error:
        ended(
            Failed(
                f"shipway met an error that it did not expect: {type(error).__name__}.",
                unchanged="The steps that are done stand; the one that failed may stand in part.",
                next_step="Look at the state with: invoke db.status; then release again.",
            )
        )
        raise
    return ended(None)
