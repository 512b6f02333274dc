"""Looks at the target group by group, each time for what verify wants to know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import Stopped
from shipway.figures import count
from shipway.inspection import DEFAULT_PRIVILEGE, Remembered
from shipway.migrations.files import losing_tables
from shipway.migrations.unadopted import unadopted
from shipway.schema.access import API_ROLES, access_results
from shipway.schema.changes import access_changes, schema_changes
from shipway.schema.differences import differences
from shipway.schema.judging import (
    declared_results,
    finding_results,
    query_result,
    row_count_results,
)
from shipway.schema.platform import advice_results, health_results, not_asked
from shipway.schema.promised import (
    applied_files,
    default_results,
    promised_results,
    unknown_history,
)
from shipway.steps.expected import deviation
from shipway.values import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.inspection import Access, Advice, Finding, Snapshot
    from shipway.schema.expectations import Expectations, QueryCheck
    from shipway.steps.means import Database, Means
    from shipway.values import AccessChange, AppliedMigration, Manifest, SchemaChange

__all__ = ["Look"]

_PLAN_LINES = 20


class Look:
    """One look at the target. What several groups want to know is asked once.

    Args:
        expectations: what the checks folder promises.
        database: the target, or a copy of it.
        means: what it is held against beside that; None for a copy.
        backup: what was in it just before the migrations; None without a fresh one.
    """

    def __init__(
        self,
        expectations: Expectations,
        database: Database,
        means: Means | None,
        backup: Manifest | None,
    ) -> None:
        self._expectations = expectations
        self._means = means
        self._database = database
        self._backup = backup
        self._remembered = means.memory.recall() if means else None
        self._snapshot: Snapshot | None = None
        self._findings: tuple[Finding, ...] | None = None
        self._access: tuple[Access, ...] | None = None
        self._advice: tuple[Advice, ...] | None = None

    def schema(self) -> Iterator[CheckResult]:
        """Hold the schema against what the migrations make, and what is declared."""
        snapshot = self._schema_now()
        yield from declared_results(self._expectations.tables, snapshot)
        if self._means is None:
            return
        state = self._database.ledger()
        applied = state.applied
        files = unadopted(self._means.files, state) or applied_files(applied, self._means.files)
        try:
            if isinstance(files, str):
                yield from self._as_sealed(applied, files)
                return
            told = deviation(
                files, snapshot, database=self._database, blueprint=self._means.blueprint
            )
        except Stopped as stopped:
            why = f"the migrations could not be run elsewhere: {stopped.what}"
            yield from self._as_sealed(applied, why)
            return
        made = f"after {count(len(files), 'migration')} on an empty database"
        yield from promised_results(told.objects, snapshot, made=made)
        yield from default_results(told.defaults)

    def _as_sealed(self, applied: Sequence[AppliedMigration], why: str) -> Iterator[CheckResult]:
        """Where the files cannot tell: what the rehearsal of the last ones led to."""
        expected = self._means.sealed(applied) if self._means else None
        if expected is None:
            yield unknown_history(why)
        else:
            made = f"after the last rehearsal ({why})"
            told = [
                one
                for one in differences(expected, self._schema_now())
                if one.kind != DEFAULT_PRIVILEGE
            ]
            yield from promised_results(told, self._schema_now(), made=made)

    def access(self) -> Iterator[CheckResult]:
        """Derive and try who may do what, and hold it against what is expected."""
        told = self._expectations.access
        named = {one.role for one in told or ()}
        self._access = self._database.access(
            self._expectations.exposed_schemas,
            [*API_ROLES, *sorted(named - {*API_ROLES})],
            timeout_s=self._expectations.timeout_s,
        )
        previous = self._remembered.access if self._remembered else None
        yield from access_results(self._access, expected=told, previous=previous)
        yield from finding_results(self._found(), "access")

    def queries(self) -> Iterator[CheckResult]:
        """Ask the critical queries."""
        for check in self._expectations.queries:
            yield _query_result(check, self._database, self._expectations.timeout_s)

    def data(self) -> Iterator[CheckResult]:
        """Look beneath the schema, and count what the backup counted."""
        yield from finding_results(self._found(), "data")
        if self._backup is None:
            return
        there = {one.full_name for one in self._schema_now().things if one.kind == "table"}
        ours = {name: n for name, n in self._backup.row_counts.items() if name in there}
        since = self._backup.ledger_version
        losing = {*self._expectations.may_lose_rows}
        for file in self._means.files if self._means else ():
            if file.version > since:
                losing |= {*losing_tables(file)}
        now = self._database.count_rows(sorted(ours), timeout_s=self._expectations.timeout_s)
        yield from row_count_results(ours, now, may_lose=sorted(losing))

    def platform(self) -> Iterator[CheckResult]:
        """Ask Supabase itself."""
        if self._means is None:
            return
        platform = self._means.platform
        if platform is None:
            yield not_asked(
                "there is no SUPABASE_ACCESS_TOKEN", "Set it to let Supabase's advisors be asked."
            )
            return
        try:
            yield from health_results(
                platform.project(), platform.health(), readonly=platform.readonly()
            )
            self._advice = platform.advice()
        except Stopped as stopped:
            yield not_asked(stopped.what, stopped.next_step)
            return
        known = self._remembered.advice if self._remembered else None
        yield from advice_results(self._advice, known=known)

    def schema_changes(self, before: Snapshot | None) -> tuple[SchemaChange, ...] | None:
        """Return what became of the schema since it was so."""
        return schema_changes(before, self._schema_now()) if before else None

    def access_changes(self, before: Snapshot | None) -> tuple[AccessChange, ...] | None:
        """Return which rights are others than at the last release that passed."""
        previous = self._remembered.access if self._remembered else None
        return access_changes(previous, self._access, schema_before=before)

    def remember(self) -> None:
        """Keep what was seen; what was not looked at this time stays as it was."""
        before = self._remembered
        if self._means is None or (self._access is None and self._advice is None):
            return
        advice = (
            tuple(one.key for one in self._advice if one.available)
            if self._advice is not None
            else None
        )
        access = self._access if self._access is not None else (before.access if before else ())
        if advice is None and before is not None:
            advice = before.advice
        self._means.memory.keep(Remembered(access=access, advice=advice))

    def _schema_now(self) -> Snapshot:
        if self._snapshot is None:
            self._snapshot = self._database.snapshot()
        return self._snapshot

    def _found(self) -> tuple[Finding, ...]:
        if self._findings is None:
            self._findings = self._database.findings(self._expectations.exposed_schemas)
        return self._findings


def _query_result(check: QueryCheck, database: Database, timeout_s: float) -> CheckResult:
    # A query may use its whole budget and a little more, to tell how far over it is.
    longest_s = max(timeout_s, 2 * (check.within_s or 0.0))
    answer = database.ask(
        check.statement, role=check.role, claims=check.claims, timeout_s=longest_s
    )
    result = query_result(check, answer)
    if check.within_s is None or result.outcome is not Outcome.PASSED:
        return result
    if answer.duration_ms <= check.within_s * 1000:
        return result
    plan = database.ask(
        f"explain {check.statement}",
        role=check.role,
        claims=check.claims,
        timeout_s=longest_s,
        most_rows=_PLAN_LINES,
    )
    lines = "\n".join(str(row[0]) for row in plan.rows) + ("\n…" if plan.more else "")
    return replace(
        result,
        outcome=Outcome.FAILED,
        detail=f"took {result.duration_ms:.0f} ms, allowed are {check.within_s * 1000:.0f} ms. "
        f"Its plan:\n{lines}",
        cure=f"Add an index that serves it, or raise 'within' in checks/{check.file}.",
    )
