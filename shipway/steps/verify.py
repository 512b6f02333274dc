"""Verify: the database is what the project promises, and every check says what it found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Misconfigured, VerificationFailed
from shipway.schema.judging import declared_results, query_result, row_security_results
from shipway.values import CheckResult, Outcome, Verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shipway.inspection import QueryAnswer, Snapshot
    from shipway.schema.expectations import Expectations, QueryCheck
    from shipway.values import Clock, Say

__all__ = ["GROUPS", "ChecksFailed", "Database", "verify"]

GROUPS = ("schema", "access", "queries")
_PLAN_LINES = 20


class Database(Protocol):
    """The target, only looked at."""

    def snapshot(self) -> Snapshot:
        """Return the project's whole schema as it is at one moment."""

    def ledger_version(self) -> int:
        """Return the highest version in the ledger; 0 when there is none."""

    def ask(
        self,
        statement: str,
        *,
        role: str | None,
        claims: str | None,
        timeout_s: float,
        most_rows: int = 5,
    ) -> QueryAnswer:
        """Put one query to the database so that nothing it does can stay."""


class ChecksFailed(VerificationFailed):
    """The database is not what it should be.

    Attributes:
        results: of every check, also of those that passed.
    """

    def __init__(self, results: tuple[CheckResult, ...]) -> None:
        failed = [result for result in results if result.outcome is Outcome.FAILED]
        lines = [f"- {result.name}: {result.detail}" for result in failed]
        cures = dict.fromkeys(f"- {result.name}: {result.cure}" for result in failed)
        super().__init__(
            f"{len(failed)} of {len(results)} checks failed:\n" + "\n".join(lines),
            unchanged="Verify only looks; the database is as it was.",
            next_step="\n".join(cures),
        )
        self.results = results


def verify(
    expectations: Expectations,
    *,
    database: Database,
    clock: Clock,
    say: Say,
    only: Sequence[str] = (),
) -> Verified:
    """Run every check and return the proof that all passed.

    Args:
        expectations: what the project promises.
        database: the target.
        clock: for durations and the proof's time.
        say: told of each group once it is through.
        only: names of groups; all of them when empty.

    Raises:
        ChecksFailed: one or more failed; it carries the results of all.
        Misconfigured: `only` names a group that there is not.
    """
    wanted = _wanted(only)
    snapshot = database.snapshot()
    groups: dict[str, Callable[[], Iterator[CheckResult]]] = {
        "schema": lambda: declared_results(expectations.tables, snapshot),
        "access": lambda: row_security_results(snapshot, expectations.exposed_schemas),
        "queries": lambda: _query_results(expectations, database),
    }
    results: list[CheckResult] = []
    for group in wanted:
        began = clock.monotonic()
        found = list(groups[group]())
        results += found
        _tell(group, found, clock.monotonic() - began, say)
    if any(result.outcome is Outcome.FAILED for result in results):
        raise ChecksFailed(tuple(results))
    return Verified(
        at=clock.now(), ledger_version=database.ledger_version(), results=tuple(results)
    )


def _wanted(only: Sequence[str]) -> tuple[str, ...]:
    for name in only:
        if name not in GROUPS:
            raise Misconfigured(
                f"There is no group of checks named '{name}'.",
                unchanged="Nothing was checked.",
                next_step=f"Name one or more of: {', '.join(GROUPS)}",
            )
    return tuple(group for group in GROUPS if not only or group in only)


def _query_results(expectations: Expectations, database: Database) -> Iterator[CheckResult]:
    for check in expectations.queries:
        # A query may use its whole budget and a little more, to tell how far over it is.
        timeout_s = max(expectations.timeout_s, 2 * (check.within_s or 0.0))
        answer = database.ask(
            check.statement, role=check.role, claims=check.claims, timeout_s=timeout_s
        )
        result = query_result(check, answer)
        if check.within_s is not None and result.outcome is Outcome.PASSED:
            over_s = answer.duration_ms / 1000 - check.within_s
            if over_s > 0:
                result = _too_slow(check, result, database, timeout_s)
        yield result


def _too_slow(
    check: QueryCheck, result: CheckResult, database: Database, timeout_s: float
) -> CheckResult:
    plan = database.ask(
        f"explain {check.statement}",
        role=check.role,
        claims=check.claims,
        timeout_s=timeout_s,
        most_rows=_PLAN_LINES,
    )
    lines = "\n".join(str(row[0]) for row in plan.rows) + ("\n…" if plan.more else "")
    budget_ms = (check.within_s or 0.0) * 1000
    return replace(
        result,
        outcome=Outcome.FAILED,
        detail=f"took {result.duration_ms:.0f} ms, allowed are {budget_ms:.0f} ms. Its plan:\n"
        f"{lines}",
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
