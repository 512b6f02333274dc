"""Verify: the database is what the project promises, and every check says what it found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.errors import Misconfigured, VerificationFailed
from shipway.steps.verify.look import Look
from shipway.values.checks import CheckResult, Checks, Outcome, Verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shipway.schema.expectations import Expectations
    from shipway.steps.verify.before import Earlier
    from shipway.steps.verify.powers import Database, Means
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say
    from shipway.values.inspection import Snapshot
    from shipway.values.migrations import Migrated

__all__ = ["GROUPS", "ChecksFailed", "after_migrating", "verify"]

GROUPS: Final = {
    "schema": "what is there against `checks/schema.toml` and what the migrations make",
    "access": "who may do what against `checks/access.toml`; known mistakes of policies and grants",
    "queries": "each `checks/*.sql` against its head",
    "data": "constraints, indexes, sequences, keys, slots; rows against the last backup",
    "platform": "Supabase's own state, services and advisors, when it may be asked",
}
"""The groups of checks, in their order, each with what it holds against what."""


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


def after_migrating(
    failed: ChecksFailed, done: Migrated, backup: Backup, *, target: str
) -> ChecksFailed:
    """Return the failure with what is true where migrations have run before it."""
    labels = ", ".join(one.label for one in done.applied_now)
    failed.unchanged = f"Applied before that, and still so: {labels}. No code was put live."
    failed.next_step += (
        "\nThen run the same command again: it goes on from here. Or go back, where each file has "
        f"its .down.sql: invoke db.rollback --steps {len(done.applied_now)}. Or to all data of "
        f"before (what was written since is lost): invoke db.restore {backup.manifest.backup_id} "
        f"--into {target}. What is true now: invoke release.status"
    )
    return failed


def verify(  # noqa: PLR0913 - what is promised, what it is held against, and the powers
    expectations: Expectations,
    *,
    database: Database,
    clock: Clock,
    say: Say,
    means: Means | None = None,
    earlier: Earlier | None = None,
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
        earlier: what was there before the migrations; None where that is not known.
        only: names of groups; all of them when empty.
        schema_before: what the schema was before the migrations; the proof tells what changed.

    Raises:
        ChecksFailed: one or more failed; it carries the results of all.
        Misconfigured: `only` names a group that there is not.
    """
    look = Look(expectations, database, means, earlier)
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
    for group in _groups(only):
        if group not in groups:
            continue
        began = clock.monotonic()
        with say.progress(f"checking {group}"):
            found = list(_with_times(groups[group](), clock))
        results += found
        _tell(group, found, clock.monotonic() - began, say)
        if earlier is not None and earlier.of_release:
            _tell_warnings(found, say)
    checks = Checks(
        results=tuple(results),
        schema_changes=look.schema_changes(schema_before),
        access_changes=look.access_changes(schema_before),
    )
    if any(result.outcome is Outcome.FAILED for result in results):
        raise ChecksFailed(checks)
    look.remember()
    applied = database.ledger().applied
    return Verified(
        at=clock.now(),
        ledger_version=max((row.version for row in applied), default=0),
        results=checks.results,
        schema_changes=checks.schema_changes,
        access_changes=checks.access_changes,
    )


def _with_times(results: Iterator[CheckResult], clock: Clock) -> Iterator[CheckResult]:
    """Yield each result with its time: what several checks look at once, the first has to bear."""
    began = clock.monotonic()
    for result in results:
        ended = clock.monotonic()
        known = result.duration_ms > 0
        yield result if known else replace(result, duration_ms=1000 * (ended - began))
        began = ended


def _groups(only: Sequence[str]) -> tuple[str, ...]:
    for name in only:
        if name not in GROUPS:
            raise Misconfigured(
                f"There is no group of checks named '{name}'.",
                unchanged="Nothing was checked.",
                next_step=f"Name one or more of: {', '.join(GROUPS)}",
            )
    return tuple(group for group in GROUPS if not only or group in only)


def _tell(group: str, results: Sequence[CheckResult], took_s: float, say: Say) -> None:
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    line = f"{group}: {told or 'nothing to check'} ({took_s * 1000:.0f} ms)"
    if counts[Outcome.FAILED] or counts[Outcome.WARNED]:
        say.warn(line)
    else:
        say.note(line)


def _tell_warnings(results: Sequence[CheckResult], say: Say) -> None:
    """Tell each: what failed is told by the error, and nobody opens a page for a count."""
    for one in results:
        if one.outcome is Outcome.WARNED:
            say.warn(f"{one.name}: {one.detail}. {one.cure}".rstrip())
