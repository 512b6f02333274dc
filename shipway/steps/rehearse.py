"""Rehearse: the pending migrations run on a restored copy of the backup, before production."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.errors import MigrationFailed, VerificationFailed
from shipway.papers import write_paper
from shipway.schema.fingerprint import fingerprint
from shipway.steps.brought_back import (
    UNTOUCHED,
    Copy,
    Room,
    brought_back,
    tell_restored,
)
from shipway.steps.findings import of_schema, of_statements
from shipway.steps.migrate import migrate
from shipway.steps.reversal import Stage, prove_reversal
from shipway.steps.shelf import RESULT, SEAL, record_proof
from shipway.steps.verify import verify
from shipway.steps.watched import Watched
from shipway.values import (
    Grade,
    MigrationPlan,
    Phase,
    Plainly,
    RehearsedMigration,
    Reversal,
    Seal,
    Severity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.schema.expectations import Expectations
    from shipway.steps.migrate import Database
    from shipway.values import (
        Backup,
        Clock,
        Finding,
        Migration,
        MigrationLimits,
        Progress,
        Say,
        Secret,
    )

__all__ = ["Copy", "Room", "rehearse"]

_WHAT_CODE_NEEDS = ("schema", "queries")
"""Groups of checks that speak of the code; the others speak of the database's own order."""


def rehearse(  # noqa: PLR0913 - the plan, the proof, and the powers that the step is handed
    plan: MigrationPlan,
    backup: Backup,
    *,
    room: Room,
    expectations: Expectations,
    limits: MigrationLimits,
    clock: Clock,
    say: Say,
    serving: Expectations | None = None,
    key: Secret | None = None,
) -> Seal:
    """Run the plan on a restored copy of the backup and return what that proved.

    The seal is kept with the backup, and the backup gets the grade that it has earned.

    Args:
        plan: the pending migrations.
        backup: of the target, taken before.
        room: where the copy lives.
        expectations: what the migrated copy must hold to.
        limits: of the migrations, as on the target.
        clock: for durations and the seal's time.
        say: told what became true, findings as warnings.
        serving: what the code that serves now relies on: it must hold on the migrated copy too.
        key: signs the seal.

    Raises:
        Failed: the backup does not bring the data back.
        Refused: it restores with errors.
        MigrationFailed: a migration fails on this data.
        VerificationFailed: the migrated copy is not what the checks promise.
    """
    began = clock.monotonic()
    with room.copy_of(backup) as copy, copy.open_database() as database:
        tell_restored(copy.restored, backup, say)
        base, comparable = brought_back(copy, backup, say)
        grade = Grade.EQUAL if comparable else Grade.RESTORES
        took_s = copy.restored.duration_s
        backup = record_proof(backup, grade, clock=clock, key=key, restore_s=took_s)
        run = _Run(plan, backup, copy, database, limits=limits, clock=clock, say=say)
        stages = run.up(base)
        findings = _findings(stages, run.watched)
        _tell_findings(findings, say)
        _check(expectations, copy, clock, say)
        _check_serving(serving, plan, copy, clock, say)
        undone = run.undo(stages)
        seal = Seal(
            backup_id=backup.manifest.backup_id,
            target=backup.manifest.target,
            project_ref=backup.manifest.project_ref,
            at=clock.now().replace(microsecond=0),
            duration_s=round(clock.monotonic() - began, 3),
            base_fingerprint=backup.manifest.fingerprint,
            result_fingerprint=fingerprint(stages[-1].schema),
            comparable=comparable,
            migrations=_rehearsed(plan.pending, run.durations_ms, undone),
            statements=tuple(run.watched.statements),
            findings=findings,
            restored=copy.restored,
            # Without an equal base the higher grades would include one that was not reached.
            grade=_reached(plan) if comparable else grade,
        )
    write_paper(backup.directory / RESULT, "schema", stages[-1].schema, key=key)
    write_paper(backup.directory / SEAL, "seal", seal, key=key)
    record_proof(backup, seal.grade, clock=clock, key=key)
    _tell(seal, say)
    return seal


def _reached(plan: MigrationPlan) -> Grade:
    return Grade.REHEARSED if plan.pending else Grade.CHECKED


class _OnTheCopy(Plainly):
    """Tells what happens on the copy so that nobody takes it for the target."""

    def __init__(self, say: Say, how: str = "") -> None:
        self._say = say
        self._where = f"on the copy, {how}: " if how else "on the copy: "

    def note(self, text: str) -> None:
        self._say.note(self._where + text)

    def warn(self, text: str) -> None:
        self._say.warn(self._where + text)

    @contextmanager
    def progress(self, text: str) -> Iterator[Progress]:
        with self._say.progress(self._where + text) as line:
            yield _LineOnTheCopy(line, self._where)


class _LineOnTheCopy:
    """A piece of work on the copy."""

    def __init__(self, line: Progress, where: str) -> None:
        self._line = line
        self._where = where

    def at(self, text: str) -> None:
        self._line.at(text)

    def done(self, text: str) -> None:
        self._line.done(self._where + text)


class _Run:
    """The plan on the copy: up, down and up again, with the real engine."""

    def __init__(  # noqa: PLR0913 - what a run works with
        self,
        plan: MigrationPlan,
        backup: Backup,
        copy: Copy,
        database: Database,
        *,
        limits: MigrationLimits,
        clock: Clock,
        say: Say,
    ) -> None:
        self._plan = plan
        self._proof = backup
        self._copy = copy
        self._database = database
        self._limits = limits
        self._clock = clock
        self._say = _OnTheCopy(say)
        self.watched = Watched(database, clock)
        self.durations_ms: list[int] = []

    def up(self, base: Stage) -> list[Stage]:
        """Run every migration under watch and return the states between them."""
        self.watched.existing = frozenset(base.contents)
        stages = [base]
        for migration in self._plan.pending:
            self.watched.begin(migration)
            try:
                self.durations_ms.append(self._migrate(migration, self.watched, self._say))
            except MigrationFailed as error:
                raise MigrationFailed(
                    f"The rehearsal failed. {error.what}",
                    unchanged=UNTOUCHED,
                    next_step="It would have failed on the target too. "
                    + error.next_step.replace("invoke db.migrate", "invoke db.rehearse"),
                ) from None
            stages.append(self._look())
        return stages

    def undo(self, stages: Sequence[Stage]) -> list[tuple[Reversal, str]]:
        """Prove which migrations can be undone."""
        return prove_reversal(
            self._plan.pending,
            stages,
            database=self._database,
            look=self._look,
            again=lambda migration: self._migrate(migration, self._database, Plainly()),
        )

    def _migrate(self, migration: Migration, database: Database, say: Say) -> int:
        only = MigrationPlan(
            applied=database.look().applied,
            pending=(migration,),
            project_ref=self._plan.project_ref,
        )
        done = migrate(
            only,
            self._proof,
            database=database,
            limits=self._limits,
            clock=self._clock,
            say=say,
        )
        return done.applied_now[0].duration_ms

    def _look(self) -> Stage:
        return Stage(schema=self._copy.catalog.snapshot(), contents=self._copy.contents())


def _check(expectations: Expectations, copy: Copy, clock: Clock, say: Say) -> None:
    try:
        verify(expectations, database=copy.catalog, clock=clock, say=_OnTheCopy(say))
    except VerificationFailed as error:
        raise VerificationFailed(
            f"The migrated copy is not what the project promises. {error.what}",
            unchanged=UNTOUCHED,
            next_step=error.next_step,
        ) from None


def _check_serving(
    serving: Expectations | None, plan: MigrationPlan, copy: Copy, clock: Clock, say: Say
) -> None:
    """Hold the migrated copy against the code that serves until the new one is promoted."""
    if serving is None or not plan.pending:
        return
    if any(migration.phase is Phase.CONTRACT for migration in plan.pending):
        say.note("contract migrations are pending: the checks of the code before are not asked")
        return
    try:
        verify(
            serving,
            database=copy.catalog,
            clock=clock,
            say=_OnTheCopy(say, "with the checks of the code that serves now"),
            only=_WHAT_CODE_NEEDS,
        )
    except VerificationFailed as error:
        raise VerificationFailed(
            "The code that serves now would not work on the migrated schema, and it serves until "
            f"the new one is promoted. {error.what}",
            unchanged=UNTOUCHED,
            next_step="Keep what it needs, and take it away in a contract migration of a later "
            "release (a line `-- shipway: phase=contract` at the file's head).",
        ) from None


def _rehearsed(
    pending: Sequence[Migration],
    durations_ms: Sequence[int],
    undone: Sequence[tuple[Reversal, str]],
) -> tuple[RehearsedMigration, ...]:
    return tuple(
        RehearsedMigration(
            label=migration.label,
            sha256=migration.sha256,
            duration_ms=duration_ms,
            reversal=reversal,
            detail=detail,
        )
        for migration, duration_ms, (reversal, detail) in zip(
            pending, durations_ms, undone, strict=True
        )
    )


def _findings(stages: Sequence[Stage], watched: Watched) -> tuple[Finding, ...]:
    rows = {name: content.rows for name, content in stages[0].contents.items()}
    return (
        *of_schema(stages[0].schema, stages[-1].schema),
        *of_statements(watched.statements, rows),
    )


def _tell_findings(findings: Sequence[Finding], say: Say) -> None:
    for finding in findings:
        where = f"{finding.migration}, line {finding.line}: " if finding.migration else ""
        text = f"{finding.severity}: {where}{finding.what} {finding.cure}"
        (say.note if finding.severity is Severity.NOTE else say.warn)(text)


def _tell(seal: Seal, say: Say) -> None:
    for one in seal.migrations:
        text = f"{one.label} is {one.reversal}" + (f": {one.detail}" if one.detail else "")
        (say.note if one.reversal is Reversal.REVERSIBLE else say.warn)(text)
    what = f"{len(seal.migrations)} pending rehearsed" if seal.migrations else "nothing is pending"
    say.note(
        f"{what}; {seal.backup_id} has reached grade L{seal.grade.value} "
        f"{seal.grade.name.lower()} ({seal.duration_s:.1f} s)"
    )
