"""A release's record taken apart for its page: what each section shows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from shipway.steps.gates.preflight import Diagnosis, Ready
from shipway.steps.journal.course import StepEnd
from shipway.steps.release.record import ReleaseEnd
from shipway.values.backup import Backup
from shipway.values.checks import Checks, Outcome, Verified
from shipway.values.gates import Gated, GateState
from shipway.values.hosting import Deployed, WentBack
from shipway.values.lint import Severity
from shipway.values.logs import Watched
from shipway.values.migrations import Migrated
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.steps.release.record import PlannedMigration, ReleaseRecord
    from shipway.values.checks import AccessChange, CheckResult, SchemaChange
    from shipway.values.gates import Gate
    from shipway.values.lint import LintFinding
    from shipway.values.migrations import AppliedMigration
    from shipway.values.rehearsal import Finding, RehearsedMigration

__all__ = ["Head", "Parts", "Right", "Run", "take_apart"]

_T = TypeVar("_T")
_GRAVITY = (Severity.SERIOUS, Severity.WARNING, Severity.NOTE)
_QUIET_GATES = frozenset({GateState.PASSED, GateState.NOT_ASKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands on top: the verdict."""

    tone: str
    """good, warn or bad."""
    title: str
    why: str
    """The sentence with the figures; empty when an error tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One migration: what was planned, and how it went on the copy and on the target."""

    planned: PlannedMigration
    applied: AppliedMigration | None
    rehearsed: RehearsedMigration | None
    findings: tuple[Finding, ...]
    lint: tuple[LintFinding, ...]
    """What linters said and the rehearsal did not refute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What changed for one role and one object; commands that changed alike stand together."""

    object: str
    role: str
    commands: str
    before: str
    after: str
    wider: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The record of a release by the sections of its page; None or empty: not reached."""

    head: Head
    shut: tuple[Gate, ...]
    """Gates that a person should know about: waived, failed, or open with a warning."""
    quiet: tuple[Gate, ...]
    runs: tuple[Run, ...]
    loose: tuple[Finding, ...]
    """Findings about the pending set as a whole."""
    backup: Backup | None
    """With the grade that it has reached in this release."""
    seal: Seal | None
    migrated: Migrated | None
    schema: tuple[SchemaChange, ...] | None
    rights: tuple[Right, ...] | None
    checks: tuple[CheckResult, ...]
    troubled: tuple[CheckResult, ...]
    """Those of them that did not pass."""
    on_the_copy: bool
    """The checks were of the rehearsal's copy, and stopped the release there."""
    deployed: Deployed | None
    watched: Watched | None
    went_back: WentBack | None


def take_apart(record: ReleaseRecord) -> Parts:
    """Return the record by sections; pure."""
    seal, migrated = _of(record, Seal), _of(record, Migrated)
    # A gate that was looked at again is shown as it stood then.
    named = {
        gate.name: gate
        for step in record.steps
        if isinstance(step.proof, Ready | Gated | Diagnosis)
        for gate in step.proof.gates
    }
    gates = list(named.values())
    looked = _of(record, Verified) or _of(record, Checks)
    checks = looked.results if looked else ()
    return Parts(
        head=_head(record),
        shut=tuple(one for one in gates if one.state not in _QUIET_GATES),
        quiet=tuple(one for one in gates if one.state in _QUIET_GATES),
        runs=_runs(record, seal, migrated),
        loose=tuple(one for one in seal.findings if not one.migration) if seal else (),
        backup=_proven(_of(record, Backup), seal),
        seal=seal,
        migrated=migrated,
        schema=looked.schema_changes if looked else None,
        rights=_rights(looked.access_changes) if looked else None,
        checks=checks,
        troubled=tuple(one for one in checks if one.outcome is not Outcome.PASSED),
        on_the_copy=record.steps[-1].name == "rehearse",
        deployed=_of(record, Deployed),
        watched=_of(record, Watched),
        went_back=_of(record, WentBack),
    )


def _of(record: ReleaseRecord, kind: type[_T]) -> _T | None:
    found = [step.proof for step in record.steps if isinstance(step.proof, kind)]
    return found[-1] if found else None


def _proven(backup: Backup | None, seal: Seal | None) -> Backup | None:
    if backup is None or seal is None:
        return backup
    return replace(backup, grade=max(backup.grade, seal.grade))


def _head(record: ReleaseRecord) -> Head:
    watched = _of(record, Watched)
    why = watched.reason if watched else ""
    stopped = next((one.name for one in record.steps if one.end is not StepEnd.DONE), "the start")
    tone, title = {
        ReleaseEnd.GOOD: ("good", "Live and good"),
        ReleaseEnd.NOT_ENOUGH_EVIDENCE: ("warn", "Live, with too little traffic to judge"),
        ReleaseEnd.FINISHED: ("good", "Finished"),
        ReleaseEnd.BAD: ("bad", "Live, and its logs are bad"),
        ReleaseEnd.ROLLED_BACK: ("bad", "Rolled back: its logs were bad"),
        ReleaseEnd.FAILED: ("bad", f"Stopped at {stopped}"),
        ReleaseEnd.INTERRUPTED: ("warn", f"Interrupted at {stopped}"),
    }[record.end]
    return Head(tone=tone, title=title, why=why)


def _runs(record: ReleaseRecord, seal: Seal | None, migrated: Migrated | None) -> tuple[Run, ...]:
    applied = {one.label: one for one in migrated.applied_now} if migrated else {}
    rehearsed = {one.label: one for one in seal.migrations} if seal else {}
    findings = seal.findings if seal else ()
    linted = seal.lint.standing if seal else ()
    return tuple(
        Run(
            planned=one,
            applied=applied.get(one.label),
            rehearsed=rehearsed.get(one.label),
            findings=tuple(
                sorted(
                    (found for found in findings if found.migration == one.label),
                    key=lambda found: _GRAVITY.index(found.severity),
                )
            ),
            lint=tuple(found for found in linted if found.migration == one.label),
        )
        for one in record.planned.migrations
    )


def _rights(changes: Sequence[AccessChange] | None) -> tuple[Right, ...] | None:
    if changes is None:
        return None
    alike: dict[tuple[str, str, str, str, bool], list[str]] = defaultdict(list)
    for one in changes:
        alike[one.object, one.role, one.before, one.after, one.wider].append(one.command)
    return tuple(
        Right(
            object=name,
            role=role,
            commands=", ".join(commands),
            before=before,
            after=after,
            wider=wider,
        )
        for (name, role, before, after, wider), commands in alike.items()
    )
