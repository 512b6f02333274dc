"""Verify: the database is what the project promises, and every check says what it found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Stopped, VerificationFailed
from shipway.inspection import Remembered
from shipway.migrations.files import losing_tables
from shipway.schema.access import API_ROLES, access_results
from shipway.schema.changes import access_changes, schema_changes
from shipway.schema.judging import (
    declared_results,
    finding_results,
    query_result,
    row_count_results,
)
from shipway.schema.platform import advice_results, health_results, not_asked
from shipway.schema.promised import applied_files, promised_results, unknown_history
from shipway.values import CheckResult, Checks, Outcome, Verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shipway.inspection import Access, Advice, Finding, Snapshot
    from shipway.schema.expectations import Expectations, QueryCheck
    from shipway.steps.means import Database, Means
    from shipway.values import AccessChange, Clock, Manifest, Say, SchemaChange

__all__ = ["GROUPS", "ChecksFailed", "verify"]

GROUPS = ("schema", "access", "queries", "data", "platform")
_PLAN_LINES = 20


class ChecksFailed(VerificationFailed):
    """The database is not what it should be.

    Args:
        checks: what was found, also by the checks that passed.
    """

    def __init__(self, checks: Checks) -> None:
        results = checks.results
        failed = [result for result in results if result.outcome is Outcome.FAILED]
        lines = [f"- {result.name}: {result.detail}" for result in failed]
        cures: dict[str, list[str]] = defaultdict(list)
        for result in failed:
            cures[result.cure].append(result.name)
        super().__init__(
            f"{len(failed)} of {len(results)} checks failed:\n" + "\n".join(lines),
            unchanged="Verify only looks; the database is as it was.",
            next_step="\n".join(
                f"- {', '.join(dict.fromkeys(names))}: {cure}" for cure, names in cures.items()
            ),
            found=checks,
        )
        self.checks = checks


def verify(  # noqa: PLR0913 - what is promised, what it is held against, and the powers
    expectations: Expectations,
    *,
    database: Database,
    clock: Clock,
    say: Say,
    means: Means | None = None,
    backup: Manifest | None = None,
    only: Sequence[str] = (),
    schema_before: Snapshot | None = None,
) -> Verified:
    """Run every check and return the proof that all passed.

    Args:
        expectations: what the checks folder promises.
        database: the target, or a copy of it.
        clock: for durations and the proof's time.
        say: told of each group once it is through.
        means: what the target is held against beside that; of a copy, whose migrations are being
            tried, nothing more is known.
        backup: what was in the database just before the migrations; None without a fresh one.
        only: names of groups; all of them when empty.
        schema_before: what the schema was before the migrations; the proof tells what changed.

    Raises:
        ChecksFailed: one or more failed; it carries the results of all.
        Misconfigured: `only` names a group that there is not.
    """
    look = _Look(expectations, database, means, backup)
    groups: dict[str, Callable[[], Iterator[CheckResult]]] = {
        "schema": look.schema,
        "access": look.access,
        "queries": look.queries,
        "data": look.data,
        "platform": look.platform,
    }
    if means is None:
        del groups["platform"]  # a copy is no project of Supabase's
    results: list[CheckResult] = []
    for group in _wanted(only):
        if group not in groups:
            continue
        began = clock.monotonic()
        found = list(groups[group]())
        results += found
        _tell(group, found, clock.monotonic() - began, say)
    checks = Checks(
        results=tuple(results),
        schema_changes=look.schema_changes(schema_before),
        access_changes=look.access_changes(schema_before),
    )
    if any(result.outcome is Outcome.FAILED for result in results):
        raise ChecksFailed(checks)
    look.remember()
    applied = database.applied()
    return Verified(
        at=clock.now(),
        ledger_version=max((row.version for row in applied), default=0),
        results=checks.results,
        schema_changes=checks.schema_changes,
        access_changes=checks.access_changes,
    )


class _Look:
    """One look at the target, group by group."""

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
        snapshot = self._schema_now()
        yield from declared_results(self._expectations.tables, snapshot)
        if self._means is None:
            return
        files = applied_files(self._database.applied(), self._means.files)
        if isinstance(files, str):
            yield unknown_history(files)
            return
        try:
            expected = self._means.blueprint.build(
                files,
                server_version=snapshot.server_version,
                beforehand=self._database.default_privileges(),
            )
        except Stopped as stopped:
            yield unknown_history(f"the migrations could not be run elsewhere: {stopped.what}")
            return
        yield from promised_results(expected, snapshot, migrations=len(files))

    def access(self) -> Iterator[CheckResult]:
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
        for check in self._expectations.queries:
            yield _query_result(check, self._database, self._expectations.timeout_s)

    def data(self) -> Iterator[CheckResult]:
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


def _wanted(only: Sequence[str]) -> tuple[str, ...]:
    for name in only:
        if name not in GROUPS:
            raise Misconfigured(
                f"There is no group of checks named '{name}'.",
                unchanged="Nothing was checked.",
                next_step=f"Name one or more of: {', '.join(GROUPS)}",
            )
    return tuple(group for group in GROUPS if not only or group in only)


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


def _tell(group: str, results: Sequence[CheckResult], took_s: float, say: Say) -> None:
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    line = f"{group}: {told or 'nothing to check'} ({took_s * 1000:.0f} ms)"
    if counts[Outcome.FAILED] or counts[Outcome.WARNED]:
        say.warn(line)
    else:
        say.note(line)
