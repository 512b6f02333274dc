"""Rehearse: the pending migrations run on a restored copy of the backup, before production."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.formats.signed_file import write_paper
from shipway.schema.fingerprint import fingerprint
from shipway.steps.backup.store import RESULT, SEAL, record_proof
from shipway.steps.backup.time_left import restoring
from shipway.steps.rehearse.blocked_queries import add_blocked_queries, wants_of
from shipway.steps.rehearse.copy_lacks import refuse_what_it_lacks, refuse_what_target_lacks
from shipway.steps.rehearse.findings import of_schema, of_statements
from shipway.steps.rehearse.generations import hold_to_expected, hold_to_promises, hold_to_serving
from shipway.steps.rehearse.lint import review
from shipway.steps.rehearse.lint_verdicts import Shown, weigh
from shipway.steps.rehearse.losses import Losses
from shipway.steps.rehearse.restored_copy_check import (
    Copy,
    Room,
    add_stand_ins,
    check_copy,
    tell_restored,
)
from shipway.steps.rehearse.run import Trial
from shipway.steps.verify.before import Earlier, Unlike, unlike
from shipway.values.backup import Grade
from shipway.values.lint import Severity
from shipway.values.rehearsal import RehearsedMigration, Reversal, Seal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.schema.expectations import Expectations
    from shipway.steps.rehearse.lint import Linter
    from shipway.steps.rehearse.rollback_proof import Stage
    from shipway.steps.verify.powers import Means
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say, Secret, Unproven
    from shipway.values.exchange import MigrationLimits
    from shipway.values.inspection import Before
    from shipway.values.lint import LintReport
    from shipway.values.migrations import Migration, MigrationPlan
    from shipway.values.rehearsal import Finding, Query, RehearsedStatement

__all__ = ["Beside", "Copy", "Room", "rehearse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a rehearsal is told beside the backup."""

    before: Before | None
    """What the target is like, asked while nothing has run; None: it cannot be known any more."""
    serving: Expectations | Unproven
    """What the code that serves now relies on: it must hold on the migrated copy too."""
    linter: Linter | Unproven
    """Reads the files; without it our own rules do alone."""
    traffic: Callable[[], tuple[Query, ...] | Unproven]
    """Asks the target for its busiest queries."""
    means: Means | None
    """What verify will hold the target against: the copy is held against its files before."""


def rehearse(  # noqa: PLR0913 - the plan, the proof, and the powers that the step is handed
    plan: MigrationPlan,
    backup: Backup,
    *,
    room: Room,
    expectations: Expectations,
    beside: Beside,
    limits: MigrationLimits,
    clock: Clock,
    say: Say,
    key: Secret | None = None,
) -> Seal:
    """Run the plan on a restored copy of the backup and return what that proved.

    The seal is kept with the backup, and the backup gets the grade that it has earned.

    Args:
        plan: the pending migrations.
        backup: of the target, taken before.
        room: where the copy lives.
        expectations: what the migrated copy must hold to.
        beside: what else is known: the code that serves, the target's queries, a linter.
        limits: of the migrations, as on the target.
        clock: for durations and the seal's time.
        say: told what became true, findings as warnings.
        key: signs the seal.

    Raises:
        Failed: the backup does not bring the data back.
        Refused: it restores with errors, or a file needs what the copy cannot have.
        MigrationFailed: a migration fails on this data.
        VerificationFailed: the migrated copy is not what the checks promise.
    """
    began = clock.monotonic()
    refuse_what_target_lacks(plan.pending, backup.manifest)
    report = review(plan.pending, beside.linter, server_version=backup.manifest.server_version)
    if instead := room.instead_of_whole(backup):
        say.warn(instead)
    with ExitStack() as opened:
        with restoring(backup, clock=clock, say=say) as tell:
            copy = opened.enter_context(room.copy_of(backup, tell))
        database = opened.enter_context(copy.open_database())
        tell_restored(copy.restored, backup, say)
        base, comparable = check_copy(copy, backup, say)
        refuse_what_it_lacks(
            plan.pending, copy.restored, copy.extensions(), backup.manifest.offered or ()
        )
        whole = not copy.restored.partly
        grade = backup.grade
        if whole:
            grade = Grade.EQUAL if comparable else Grade.RESTORES
            took_s = copy.restored.duration_s
            backup = record_proof(backup, grade, clock=clock, key=key, restore_s=took_s)
        wants, traffic_unknown = (
            wants_of(beside.traffic(), copy) if plan.pending else ((), "nothing is pending")
        )
        lacking = Unlike()
        if beside.before is not None and copy.restored.left_out:
            lacking = unlike(copy.catalog, expectations, beside.before)
        run = Trial(plan, backup, copy, database, limits=limits, clock=clock, say=say)
        stages = run.up(base, comparable=comparable)
        restored = add_stand_ins(copy.restored, copy, stages, say)
        statements = add_blocked_queries(run.watched.statements, wants)
        sampled = bool(copy.restored.sample)
        asked = expectations.exposed_schemas if beside.before else ()
        losses = Losses(
            plan.pending,
            stages,
            statements,
            row_counts=backup.manifest.row_counts,
            sampled=sampled,
            asked=asked,
        )
        findings = _findings(stages, statements, losses, asked)
        lint = weigh(report, _show(plan, stages, statements, losses, sampled=sampled))
        _tell_findings(findings, say)
        _tell_lint(lint, say)
        earlier = replace(_earlier(losses, beside.before, sampled=sampled), unlike=lacking)
        hold_to_promises(expectations, copy.catalog, earlier, clock, say)
        unasked = hold_to_serving(beside.serving, plan, copy.catalog, clock, say, sampled=sampled)
        if beside.means is not None:
            hold_to_expected(
                beside.means,
                copy.catalog,
                say,
                backup=backup,
                applied=plan.applied,
                stages=stages,
                comparable=comparable,
            )
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
            migrations=_rehearsed_files(plan.pending, run.durations_ms, undone),
            statements=tuple(statements),
            findings=findings,
            lint=lint,
            traffic_unknown=traffic_unknown,
            restored=restored,
            serving_unasked=unasked,
            # Without a whole copy, an equal base and sessions like the target's the higher grades
            # would include one that was not reached.
            grade=_grade_of(plan) if comparable and whole and not copy.restored.unlike else grade,
        )
    write_paper(backup.directory / RESULT, "schema", stages[-1].schema, key=key)
    write_paper(backup.directory / SEAL, "seal", seal, key=key)
    if seal.grade > backup.grade:
        record_proof(backup, seal.grade, clock=clock, key=key)
    _tell(seal, say)
    return seal


def _grade_of(plan: MigrationPlan) -> Grade:
    return Grade.REHEARSED if plan.pending else Grade.CHECKED


def _rehearsed_files(
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


def _findings(
    stages: Sequence[Stage],
    statements: Sequence[RehearsedStatement],
    losses: Losses,
    asked: Sequence[str],
) -> tuple[Finding, ...]:
    rows = {name: content.rows for name, content in stages[0].contents.items()}
    return (
        *losses.findings,
        *of_schema(stages[0].schema, stages[-1].schema, asked=asked),
        *of_statements(statements, rows),
    )


def _show(
    plan: MigrationPlan,
    stages: Sequence[Stage],
    statements: Sequence[RehearsedStatement],
    losses: Losses,
    *,
    sampled: bool,
) -> Shown:
    return Shown(
        statements=statements,
        before=stages[0].schema,
        after=stages[-1].schema,
        phases={one.label: one.phase for one in plan.pending},
        whole=not sampled,
        gone=losses.kinds,
        held_nothing=losses.held_nothing,
    )


def _earlier(losses: Losses, before: Before | None, *, sampled: bool) -> Earlier:
    """Return what the migrated copy is held against: the target's rights, the copy's own rows."""
    rows, rows_now = losses.rows_then_and_now()
    return Earlier(
        rows=rows,
        rows_now=rows_now,
        may_lose=losses.may_lose,
        before=before,
        places=losses.places,
        sampled=sampled,
    )


def _tell_findings(findings: Sequence[Finding], say: Say) -> None:
    for finding in findings:
        line = f", line {finding.line}" if finding.line is not None else ""
        where = f"{finding.migration}{line}: " if finding.migration else ""
        text = f"{_grave(finding.severity)}{where}{finding.what} {finding.cure}".rstrip()
        (say.note if finding.severity is Severity.NOTE else say.warn)(text)


def _tell_lint(lint: LintReport, say: Say) -> None:
    """Tell what stands; what the copy has refuted is shown with its figures beside the seal."""
    for why in lint.unread:
        say.note(f"not read by a linter: {why}")
    for one in lint.standing:
        if one.severity is not Severity.NOTE:
            measured = f" ({one.measured})" if one.measured else ""
            said = f"{one.what} {one.cure}".rstrip()
            say.warn(
                f"{_grave(one.severity)}{one.migration}, line {one.line}: {said}"
                f" [{one.rule}]{measured}"
            )


def _grave(severity: Severity) -> str:
    """Return the word for what weighs more than the line that it stands in."""
    return "" if severity is Severity.WARNING else f"{severity}: "


def _tell(seal: Seal, say: Say) -> None:
    for one in seal.migrations:
        text = f"{one.label} is {one.reversal}" + (f": {one.detail}" if one.detail else "")
        (say.note if one.reversal is Reversal.REVERSIBLE else say.warn)(text)
    what = f"{len(seal.migrations)} pending rehearsed" if seal.migrations else "nothing is pending"
    say.note(
        f"{what}; {seal.backup_id} has reached grade L{seal.grade.value} "
        f"{seal.grade.name.lower()} ({seal.duration_s:.1f} s)"
    )
