"""Runtime logs, what is normal in them, and the verdict on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Verdict(StrEnum):
    """Of the log check."""

    GOOD = "GOOD"
    BAD = "BAD"
    NOT_ENOUGH_EVIDENCE = "NOT ENOUGH EVIDENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One row of a deployment's runtime log, or an error in the database's."""

    row_id: str
    at: datetime
    level: str
    source: str
    message: str
    path: str | None
    status: int | None
    code: str = ""
    """Of an error that the database tells: its SQLSTATE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was normal in the logs before the new version."""

    requests: int = 0
    errors: int = 0
    fingerprints: tuple[str, ...] = ()
    """Of the errors that have been seen before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSample:
    """What a watch had counted by a moment of its window."""

    at_s: float
    """Since the window began."""
    requests: int
    errors: int
    probes: int
    probes_failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A verdict with its numbers."""

    verdict: Verdict
    reason: str
    """One sentence with the figures that led to the verdict."""
    deployment_id: str
    window_s: float
    requests: int
    errors: int
    probes: int
    probes_failed: int
    worst: tuple[LogRow, ...]
    baseline: Baseline = field(default_factory=Baseline)
    e_value: float = 1.0
    """Evidence that more than the acceptable share fails; 100 shows it, 1 is none."""
    acceptable_share: float = 0.0
    smallest_seen: float | None = None
    """The smallest share of errors that would have been called bad in 95 of 100 cases."""
    fingerprints: tuple[str, ...] = ()
    """Of all errors that were seen."""
    new_errors: tuple[str, ...] = ()
    """Of these, those that the baseline does not know."""
    database_errors: int = 0
    """Errors that the database's own log tells, since the new version had its first visitor."""
    unseen: str = ""
    """What of the logs could not be seen."""
    samples: tuple[WatchSample, ...] = ()
    """The counts over time, in order; the last one holds the final counts."""
