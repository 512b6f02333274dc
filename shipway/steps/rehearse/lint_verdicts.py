"""Weighs what linters found against what the copy has shown: refuted, confirmed, or open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count
from shipway.migrations.lint_rules import Claim, claim_of
from shipway.schema.policies import does_the_same, equal_in
from shipway.schema.vanished import FUNCTIONS, MEMBER
from shipway.values.lint import Severity, Weighed
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from shipway.values.inspection import Snapshot, Thing
    from shipway.values.lint import LintFinding, LintReport
    from shipway.values.rehearsal import RehearsedStatement

__all__ = ["Shown", "weigh"]

_SHORT_MS: Final = 100.0
"""Shorter than this, nobody notices a lock."""
_LONG_MS: Final = 1000.0
_MANY_ROWS: Final = 10_000
_OF_TABLES: Final = frozenset(
    (
        *("table", "column", "constraint", "trigger", "view", "materialized view"),
        *("default", "identity", "generated", "partition of", "definition", MEMBER),
        *("rows", "values", "privileges"),
    )
)
_OF_VIEWS: Final = frozenset(("view", "materialized view", "column", "privileges"))
_OF_FUNCTIONS: Final = frozenset((*FUNCTIONS, "trigger", "view", "default", "privileges"))
_TAKES: Final = {
    "squawk/ban-drop-column": ("column", frozenset({"column", "values"})),
    "squawk/ban-drop-constraint": ("constraint", frozenset({"constraint", "definition"})),
    "squawk/ban-drop-domain": ("domain", frozenset({"type", "column"})),
    "squawk/ban-drop-function": ("function", _OF_FUNCTIONS),
    "squawk/ban-drop-index": ("index", frozenset({"index"})),
    "squawk/ban-drop-schema": ("schema", _OF_TABLES | _OF_FUNCTIONS | {"schema", "type"}),
    "squawk/ban-drop-sequence": ("sequence", frozenset({"sequence", "default"})),
    "squawk/ban-drop-table": ("table", _OF_TABLES),
    "squawk/ban-drop-view": ("view", _OF_VIEWS),
    "squawk/ban-revoke": ("grant", frozenset({"privileges"})),
}
"""What a rule says is taken from clients: its name, and what must not be gone to refute it."""
_MAY_BE_EMPTY: Final = ("squawk/ban-drop-column", "squawk/ban-drop-table")
_EVERYONE: Final = ("anon", "public")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the copy has shown, for a finding to be weighed against."""

    statements: Sequence[RehearsedStatement]
    before: Snapshot
    after: Snapshot
    phases: Mapping[str, Phase]
    """Label of a migration to its phase."""
    whole: bool = True
    """The copy held every row of the target; else a short time proves nothing."""
    gone: AbstractSet[str] = frozenset()
    """Kinds of all that is gone for good, and of what is gone of things that stand."""
    held_nothing: AbstractSet[tuple[str, int | None]] = frozenset()
    """Migration and line of statements that took only what was empty."""


_NAMED_BY_NO_CLIENT: Final = ("alter policy", "alter index", "alter trigger")


def weigh(report: LintReport, shown: Shown) -> LintReport:
    """Return the report with what the copy has shown beside each finding."""
    return replace(report, findings=tuple(_weigh(one, shown) for one in report.findings))


def _weigh(finding: LintFinding, shown: Shown) -> LintFinding:
    ran = _statement_at(finding, shown.statements)
    claim = claim_of(finding.rule)
    weighed, measured = Weighed.OPEN, ""
    if claim is Claim.LOCK and ran is not None:
        weighed, measured = _lock(ran, whole=shown.whole)
    elif claim is Claim.ROWS and ran is not None:
        return _rows(finding, ran, proves=shown.whole and not _is_foreign(ran, shown))
    elif claim is Claim.CLIENT:
        weighed, measured = _client(finding, ran, shown)
        place = (finding.migration, ran.line if ran else None)
        if finding.rule in _MAY_BE_EMPTY and place in shown.held_nothing:
            finding = replace(finding, severity=Severity.NOTE)
            measured = measured or "it held nothing"
    elif claim is Claim.ACCESS and finding.about:
        weighed, measured = _access(finding, shown)
    return replace(finding, weighed=weighed, measured=measured)


def _statement_at(
    finding: LintFinding, statements: Sequence[RehearsedStatement]
) -> RehearsedStatement | None:
    """Return the statement that begins on the finding's line, or is the last one before it."""
    before = [
        one
        for one in statements
        if one.migration == finding.migration and (one.line or 0) <= finding.line
    ]
    return before[-1] if before else None


def _lock(ran: RehearsedStatement, *, whole: bool) -> tuple[Weighed, str]:
    took = f"{ran.held_ms:.0f} ms"
    if ran.rewritten:
        held = ", ".join(ran.locks) or "its locks"
        figure = f"{', '.join(ran.rewritten)} written anew in {ran.duration_ms:.0f} ms under {held}"
        if ran.held_ms >= _SHORT_MS or not whole:
            return Weighed.CONFIRMED, figure
        return Weighed.REFUTED, f"{figure}: few rows"
    if not ran.locks:
        return Weighed.REFUTED, f"took no lock on a table that was there ({took})"
    scanned = count(ran.rows_scanned, "row")
    figure = f"{took} under {', '.join(ran.locks)}, {scanned} scanned, none rewritten"
    if ran.held_ms >= _LONG_MS:
        return Weighed.CONFIRMED, figure
    if whole and ran.held_ms < _SHORT_MS:
        return Weighed.REFUTED, figure
    return Weighed.OPEN, figure if whole else f"{figure}; on a sample of the rows"


def _is_foreign(ran: RehearsedStatement, shown: Shown) -> bool:
    """Return whether its rows may lie elsewhere: none are counted of a foreign table."""
    things = (*shown.before.things, *shown.after.things)
    return not ran.locks and any(one.kind == "foreign table" for one in things)


def _rows(finding: LintFinding, ran: RehearsedStatement, *, proves: bool) -> LintFinding:
    if ran.rows_changed or ran.rewritten:
        many = ran.rows_changed >= _MANY_ROWS
        return replace(
            finding,
            severity=Severity.SERIOUS if many else finding.severity,
            weighed=Weighed.CONFIRMED,
            measured=f"changed {count(ran.rows_changed, 'row')} in {ran.duration_ms:.0f} ms",
        )
    if finding.rule.endswith("truncate") or not proves:
        return finding
    return replace(finding, weighed=Weighed.REFUTED, measured="it met no row")


def _client(
    finding: LintFinding, ran: RehearsedStatement | None, shown: Shown
) -> tuple[Weighed, str]:
    if shown.phases.get(finding.migration) is Phase.CONTRACT:
        return Weighed.EXPECTED, "a contract migration: the code that needed it is gone by then"
    # ALTER TABLE and DROP TABLE lock their table: without a lock it is one of this release's own.
    of_table = ran is not None and ran.text.lower().startswith(("alter table", "drop table"))
    if ran is not None and of_table and not ran.locks:
        return Weighed.REFUTED, "it concerns only what is new in this release"
    if ran is not None and ran.text.lower().startswith(_NAMED_BY_NO_CLIENT):
        return Weighed.REFUTED, "no client names it"
    name, kinds = _TAKES.get(finding.rule, ("", frozenset()))
    if kinds and not kinds & shown.gone:
        return Weighed.REFUTED, f"every {name} that was there before is there after"
    return Weighed.OPEN, ""


def _access(finding: LintFinding, shown: Shown) -> tuple[Weighed, str]:
    """Ask the schema behind the last file whether what the rule fears has come about."""
    if finding.rule == "shipway/row-security-off":
        table = _thing(shown.after, "table", finding.about)
        if table is None or table.fact("row level security") == "on":
            return Weighed.REFUTED, "it is on, or the table gone, after the last file"
        return Weighed.CONFIRMED, "it is off after the last file"
    if finding.rule == "shipway/grant-to-everyone":
        grants = [
            f"{one.name} may {one.fact('privileges')}"
            for one in shown.after.things
            if one.kind == "grant"
            and one.parent == f"table {finding.about}"
            and one.name in _EVERYONE
        ]
        held = "; ".join(grants)
        return (
            (Weighed.CONFIRMED, f"after the last file {held}")
            if grants
            else (Weighed.REFUTED, "nothing of it is left after the last file")
        )
    return _policy(finding, shown)


def _policy(finding: LintFinding, shown: Shown) -> tuple[Weighed, str]:
    before = _thing(shown.before, "policy", finding.about)
    after = _thing(shown.after, "policy", finding.about)
    if before == after:
        return Weighed.REFUTED, f"it is {'the same' if after else 'gone'} after the last file"
    if finding.rule == "shipway/policy-open":
        return Weighed.OPEN, ""
    same = after or (equal_in(shown.after, before, before=shown.before) if before else None)
    if before is not None and same is not None and does_the_same(before, same):
        return Weighed.REFUTED, f"{same.name} does the same after the last file"
    return Weighed.CONFIRMED, "another one after the last file" if after else "gone for good"


def _thing(snapshot: Snapshot, kind: str, name: str) -> Thing | None:
    return next((x for x in snapshot.things if x.kind == kind and x.full_name == name), None)
