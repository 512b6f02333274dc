"""Looks at the target group by group, each time for what verify wants to know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import Stopped
from shipway.schema.access import access_results
from shipway.schema.changes import access_changes, schema_changes
from shipway.schema.judging import (
    declared_results,
    finding_results,
    lost_table_result,
    query_result,
    row_count_results,
)
from shipway.schema.platform import advice_results, health_results, not_asked
from shipway.schema.promised import default_results, promised_results, unknown_history
from shipway.schema.widened import Previous, previous_of
from shipway.steps.verify.before import roles_of
from shipway.steps.verify.expected_schema import Unknown, against_target
from shipway.values.checks import CheckResult, Outcome
from shipway.values.inspection import Remembered, RowCount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shipway.schema.expectations import Expectations, QueryCheck
    from shipway.steps.verify.before import Earlier
    from shipway.steps.verify.powers import Database, Means
    from shipway.values.checks import AccessChange, SchemaChange
    from shipway.values.inspection import Access, Advice, Finding, Snapshot

__all__ = ["Look"]

_PLAN_LINES = 20


class Look:
    """One look at the target. What several groups want to know is asked once.

    Args:
        expectations: what the checks folder promises.
        database: the target, or a copy of it.
        means: what it is held against beside that; None for a copy.
        earlier: what it was like before the migrations; None where that is not known.
    """

    def __init__(
        self,
        expectations: Expectations,
        database: Database,
        means: Means | None,
        earlier: Earlier | None,
    ) -> None:
        self._expectations = expectations
        self._means = means
        self._database = database
        self._earlier = earlier
        self._before = earlier.before if earlier else None
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
        told = against_target(snapshot, database=self._database, means=self._means)
        if isinstance(told, Unknown):
            yield unknown_history(told.why)
            return
        accepts = self._means.adopt_schema if told.files_fail else ""
        yield from promised_results(told.objects, snapshot, made=told.made, accepts=accepts)
        yield from default_results(told.defaults)

    def access(self) -> Iterator[CheckResult]:
        """Derive and try who may do what, and hold it against what is expected."""
        self._access = self._database.access(
            self._expectations.exposed_schemas,
            roles_of(self._expectations),
            timeout_s=self._expectations.timeout_s,
        )
        matrix, unlike = self._rights()
        yield from access_results(
            matrix, expected=self._expectations.access, previous=self._previous()
        )
        yield from _untold("access", unlike)
        yield from self._finding_results("access")

    def _rights(self) -> tuple[tuple[Access, ...], list[str]]:
        """Return who may do what, and the objects of which the copy cannot tell all of it.

        For those the target's own rights of before stand.
        """
        lacking = self._earlier.unlike.rights if self._earlier else frozenset()
        before = {one[1:4]: one for one in (self._before.access if self._before else ())}
        now = self._access or ()
        unlike = [one for one in now if one[1:4] in lacking]
        matrix = tuple(before.get(one[1:4], one) if one in unlike else one for one in now)
        return matrix, [one.name for one in unlike]

    def _finding_results(self, group: str) -> Iterator[CheckResult]:
        """Yield what lints and checks of the data have found, but what only the copy gives."""
        lacking = self._earlier.unlike.findings if self._earlier else frozenset()
        unlike = [one for one in self._found() if (one.lint, one.object) in lacking]
        found = [one for one in self._found() if one not in unlike]
        before = self._before.findings if self._before else None
        yield from finding_results(found, group, before=before)
        yield from _untold(group, [one.object for one in unlike if one.group == group])

    def _previous(self) -> Previous | None:
        """Return who could do what before: just before the files ran, or at the last release."""
        before, remembered = self._before, self._remembered
        if before is not None:
            places = (self._earlier.places if self._earlier else None) or {}
            return previous_of(before, places, self._database.powers(list(before.powers)))
        if remembered is not None:
            return Previous(access=remembered.access, since="at the last release")
        return None

    def queries(self) -> Iterator[CheckResult]:
        """Ask the critical queries."""
        for check in self._expectations.queries:
            yield _query_result(check, self._database, self._expectations.timeout_s)

    def data(self) -> Iterator[CheckResult]:
        """Look beneath the schema, and count what was counted before."""
        yield from self._finding_results("data")
        earlier = self._earlier
        if earlier is None:
            return
        counted = self._counted(earlier)
        yield from row_count_results(
            {one.name: earlier.rows[one.name] for one in counted},
            counted,
            may_lose=earlier.may_lose | {*self._expectations.may_lose_rows},
            on_copy=earlier.rows_now is not None,
            sampled=earlier.sampled,
        )
        yield from self._gone(earlier)

    def _counted(self, earlier: Earlier) -> Sequence[RowCount]:
        """Return the rows of the tables that are there, each under its name of before."""
        if earlier.rows_now is not None:
            return [RowCount(name=name, rows=rows) for name, rows in earlier.rows_now.items()]
        there = {one.full_name for one in self._schema_now().things if one.kind == "table"}
        places = earlier.places or {}
        # Two of before may be one now, where a new table was put in an old one's place.
        place = {name: places.get(name, name) for name in sorted(earlier.rows)}
        wanted = sorted({*place.values()} & there)
        counted = self._database.count_rows(wanted, timeout_s=self._expectations.timeout_s)
        rows = {one.name: one.rows for one in counted}
        return [RowCount(name=name, rows=rows[at]) for name, at in place.items() if at in rows]

    def _gone(self, earlier: Earlier) -> Iterator[CheckResult]:
        """Yield the tables that are gone with their rows; whether they may go was asked before."""
        if self._before is None or earlier.places is None:
            return
        for name in sorted(self._before.identities.get("table", {})):
            rows = earlier.rows.get(name, 0)
            if rows and name not in earlier.places:
                yield lost_table_result(
                    name, rows, meant=earlier.contract or name in earlier.may_lose
                )

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
        """Return which rights are others than before the files, or at the last release."""
        previous = self._previous()
        held = previous.access if previous else None
        return access_changes(held, self._access, schema_before=before)

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


def _untold(group: str, names: Iterable[str]) -> Iterator[CheckResult]:
    """Yield one result for each object of which a copy says nothing of the target."""
    why = "in part, of the target: the copy lacks what was left out of it"
    for name in dict.fromkeys(names):
        yield CheckResult(group=group, name=name, outcome=Outcome.NOT_CHECKED, detail=why)


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
