"""How proofs about backups are told to a person: a rehearsal, its absence, a plan to prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count, duration, size
from shipway.report.words import show, summary
from shipway.steps.backup.retention import PrunePlan
from shipway.steps.restore.restore import BroughtBack
from shipway.values.basics import Unproven
from shipway.values.lint import LintReport, Severity
from shipway.values.rehearsal import RehearsedStatement, Seal

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal

__all__: list[str] = []

_LONG_MS = 100.0
_MOST_ROWS = 15
_HEAD = (
    *("statement", "finding", "#took", "locks", "rewritten"),
    *("#scanned", "#changed", "#WAL", "#would wait"),
)
_WORST_LAST = (Severity.NOTE, Severity.WARNING, Severity.SERIOUS)


@summary.register(Seal)
def _(proof: Seal) -> str:
    if not proof.migrations:
        head = "the backup restores"
    else:
        head = f"{count(len(proof.migrations), 'migration')} ran on the restored copy"
    severities = [one.severity for one in proof.findings]
    severities += [one.severity for one in proof.lint.standing]
    worst = [one for one in severities if one is not Severity.NOTE]
    found = f", {count(len(worst), 'finding')}" if worst else ", nothing found against it"
    return f"{head}{found}; grade L{proof.grade.value}"


@summary.register(Unproven)
def _(proof: Unproven) -> str:
    return f"there is no {proof.missing.removeprefix('a ')}"


def _worth_showing(seal: Seal) -> list[RehearsedStatement]:
    """Return the statements that touched what was there, or took long; the longest first."""
    touching = [
        one
        for one in seal.statements
        if one.locks or one.rewritten or one.rows_changed or one.duration_ms >= _LONG_MS
    ]
    return sorted(touching, key=lambda one: -one.duration_ms)[:_MOST_ROWS]


@show.register(Seal)
def _(value: Seal, terminal: Terminal) -> None:
    severity = _severities(value)
    rows = [
        (
            f"{one.migration}:{one.line or '?'}",
            severity.get((one.migration, one.line), "-"),
            duration(one.duration_ms / 1000),
            ", ".join(lock.replace("Lock on ", " ") for lock in one.locks) or "-",
            ", ".join(one.rewritten) or "-",
            str(one.rows_scanned),
            str(one.rows_changed),
            size(one.wal_bytes),
            _would_wait(one, unknown=bool(value.traffic_unknown)),
        )
        for one in _worth_showing(value)
    ]
    if rows:
        terminal.note("")
        terminal.table(_HEAD, rows)
        terminal.note("")
        if value.traffic_unknown and any(one.locks for one in value.statements):
            terminal.note(f"which queries would wait is not known: {value.traffic_unknown}")
    quiet = len(value.statements) - len(rows)
    if quiet:
        terminal.note(f"{count(quiet, 'statement')} more touched nothing that was there")
    _show_lint(value.lint, terminal)
    terminal.note(f"sealed on {value.backup_id}: {summary(value)}")
    terminal.note(f"  from    {value.base_fingerprint[:12]}…")
    terminal.note(f"  to      {value.result_fingerprint[:12]}…")


def _would_wait(one: RehearsedStatement, *, unknown: bool) -> str:
    if not one.locks:
        return "-"
    return "?" if unknown else f"{one.queued_per_minute:.0f}/min"


def _severities(seal: Seal) -> dict[tuple[str, int | None], str]:
    """Return migration and line of a statement to the worst that was found about it."""
    found = sorted(seal.findings, key=lambda one: _WORST_LAST.index(one.severity))
    return {(one.migration, one.line): one.severity.value for one in found}


def _show_lint(lint: LintReport, terminal: Terminal) -> None:
    if not lint.findings:
        return
    terminal.note("")
    terminal.table(
        ("linted", "rule", "weighed", "why"),
        [
            (f"{one.migration}:{one.line}", one.rule, one.weighed.value, one.measured or one.what)
            for one in lint.findings
        ],
    )
    terminal.note("")


@show.register(PrunePlan)
def _(value: PrunePlan, terminal: Terminal) -> None:
    rows = [("keep", name, reason) for name, reason in value.kept]
    rows += [("delete", path.name, "no rule keeps it") for path in value.drop]
    rows += [("delete", path.name, "half of an interrupted backup") for path in value.leftovers]
    terminal.table(("", "backup", "why"), rows)


@show.register(BroughtBack)
def _(value: BroughtBack, terminal: Terminal) -> None:
    terminal.note(
        f"{value.backup.manifest.backup_id} came back in {duration(value.restored.duration_s)} "
        f"into {value.place}: {count(value.rows, 'row')}, grade L{value.backup.grade.value}"
    )
