"""What a watch has counted so far, and the verdict that follows from it; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shipway.formats.figures import count
from shipway.steps.watch.error_fingerprint import fingerprint
from shipway.steps.watch.error_kinds import DatabaseTally, Kind, count_kind
from shipway.steps.watch.sequential_test import (
    FEWEST_ERRORS,
    FEWEST_MOMENTS,
    SURE,
    acceptable_share,
    e_value,
    smallest_seen,
)
from shipway.values.checks import Outcome
from shipway.values.logs import Baseline, LogRow, Verdict, WatchSample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.values.checks import CheckResult

__all__ = ["Judged", "Measure", "Tally", "is_failure", "is_request"]

_SERVER_ERROR = 500
_MOMENT_S = 0.001
_ERROR_LEVELS = frozenset({"error", "fatal"})
_KEPT_ROWS = 10
_NEW_KIND_PART = 0.1
"""A new kind of error counts as bad from this part of the tolerance on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What the counts are held against."""

    baseline: Baseline
    min_requests: int
    tolerance: float
    """A share of failed requests that is always let pass."""
    moment_s: float = 1.0
    """Failures within one moment count as one burst."""

    @property
    def acceptable(self) -> float:
        """The share of failed requests that is let pass, seen the baseline."""
        known = self.baseline
        return acceptable_share(
            requests=known.requests, errors=known.errors, tolerance=self.tolerance
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict and one sentence with the figures that led to it."""

    verdict: Verdict
    reason: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been counted so far, in memory that does not grow with the log."""

    measure: Measure
    requests: int = 0
    probes: int = 0
    probes_failed: int = 0
    trouble: str = ""
    """What the last failed probe met."""
    worst: list[LogRow] = field(default_factory=list)
    """The first rows that failed."""
    failures: Kind = field(default_factory=Kind)
    kinds: dict[str, Kind] = field(default_factory=dict)
    database: DatabaseTally = field(default_factory=DatabaseTally)
    samples: list[WatchSample] = field(default_factory=list)

    def sample(self, at_s: float) -> None:
        """Keep what is counted by now, so that its course can be drawn."""
        if self.samples and at_s - self.samples[-1].at_s < _MOMENT_S:
            self.samples.pop()
        self.samples.append(
            WatchSample(
                at_s=round(at_s, 3),
                requests=self.requests,
                errors=self.errors,
                probes=self.probes,
                probes_failed=self.probes_failed,
            )
        )

    @property
    def errors(self) -> int:
        """Requests that failed."""
        return self.failures.count

    def count(self, row: LogRow) -> None:
        """Count one row of the log."""
        if is_request(row):
            self.requests += 1
        if not is_failure(row):
            return
        moment = int(row.at.timestamp() / self.measure.moment_s)
        self.failures.add(moment)
        if len(self.worst) < _KEPT_ROWS:
            self.worst.append(row)
        name = fingerprint(row)
        count_kind(self.kinds, name, moment)

    def count_database(self, rows: Iterable[LogRow]) -> None:
        """Count errors that the database's own log tells."""
        for row in rows:
            self.database.count(row)

    def count_probe(self, result: CheckResult) -> None:
        """Count one probe."""
        self.probes += 1
        if result.outcome is Outcome.FAILED:
            self.probes_failed += 1
            self.trouble = f"{result.name}: {result.detail}"

    @property
    def e_value(self) -> float:
        """The evidence so far that more than the acceptable share fails."""
        return e_value(
            requests=self.requests, errors=self.errors, acceptable=self.measure.acceptable
        )

    @property
    def smallest_seen(self) -> float | None:
        """The smallest share of errors that so many requests would have shown."""
        return smallest_seen(requests=self.requests, acceptable=self.measure.acceptable)

    @property
    def new_kinds(self) -> tuple[str, ...]:
        """Errors that the baseline does not know; none while the baseline knows too little."""
        known = self.measure.baseline
        if known.requests < self.measure.min_requests:
            return ()
        return tuple(name for name in self.kinds if name not in known.fingerprints)

    def bad(self) -> str:
        """Return what is shown to be bad by now, with its figures; empty when nothing is."""
        return (
            self._bad_rate()
            or self._bad_probes()
            or self._bad_kind()
            or self.database.bad(least=self._least_of_a_new_kind)
        )

    def _bad_rate(self) -> str:
        few = self.errors < FEWEST_ERRORS or self.failures.moments < FEWEST_MOMENTS
        if few or self.e_value < SURE:
            return ""
        known = self.measure.baseline
        before = f"{known.errors} of {known.requests} before" if known.requests else "no baseline"
        return (
            f"{self.errors} of {self.requests} requests failed ({self.errors / self.requests:.1%}; "
            f"{before}; {self.measure.acceptable:.1%} is let pass; e-value {self.e_value:.3g}, "
            f"{SURE:g} is enough)."
        )

    def _bad_probes(self) -> str:
        share = self.probes_failed / self.probes if self.probes else 0.0
        if self.probes_failed < FEWEST_ERRORS or share <= self.measure.tolerance:
            return ""
        return (
            f"{self.probes_failed} of {self.probes} probes failed, the last one at {self.trouble}."
        )

    def _bad_kind(self) -> str:
        for name in self.new_kinds:
            kind = self.kinds[name]
            if kind.is_more_than_a_burst(self._least_of_a_new_kind):
                return f"An error that was never seen before came {kind.count} times: {name}"
        return ""

    @property
    def _least_of_a_new_kind(self) -> float:
        return max(FEWEST_ERRORS, _NEW_KIND_PART * self.measure.tolerance * self.requests)

    def judged(self, *, window_s: float) -> Judged:
        """Return the verdict at the end of the window."""
        probes = f"{self.probes_failed} of {self.probes} probes failed."
        bad = self.bad()
        if bad:
            return Judged(verdict=Verdict.BAD, reason=bad)
        if self.requests < self.measure.min_requests:
            return Judged(
                verdict=Verdict.NOT_ENOUGH_EVIDENCE,
                reason=(
                    f"Only {count(self.requests, 'request')} came within {window_s:g} s; "
                    f"{self.measure.min_requests - self.requests} more would be needed "
                    f"({self.measure.min_requests} in all). {self.errors} failed; {probes}"
                ),
            )
        smallest = self.smallest_seen
        power = (
            f" {smallest:.1%} of errors would have been seen with 95% probability."
            if smallest is not None
            else ""
        )
        told = self.database.told
        return Judged(
            verdict=Verdict.GOOD,
            reason=f"{self.errors} of {self.requests} requests failed; {probes}{told}{power}",
        )


def is_failure(row: LogRow) -> bool:
    """Tell whether a row speaks of a failed request."""
    return (row.status or 0) >= _SERVER_ERROR or row.level in _ERROR_LEVELS


def is_request(row: LogRow) -> bool:
    """Tell whether a row counts as a request: it was answered, or it failed."""
    return row.status is not None or is_failure(row)
