"""What a watch will do, as a value: what is followed, for how long, and what counts as bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.steps.watch.counts import Measure

if TYPE_CHECKING:
    from datetime import datetime

    from shipway.steps.deploy.smoke import SmokePage
    from shipway.values.logs import Baseline

__all__ = ["WatchPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPlan:
    """What is watched, for how long, and what counts as bad."""

    deployment_id: str
    base_url: str
    """Where the probes go: the production URL."""
    pages: tuple[SmokePage, ...]
    window_s: float
    probe_every_s: float
    min_requests: int
    max_error_rate: float
    """A share of failed requests that is always let pass."""
    baseline: Baseline
    database_since: datetime | None = None
    """Errors that the database told before this moment are normal; None: before the watch."""
    not_enough_fails: bool = False
    """Whether NOT ENOUGH EVIDENCE is a failure."""
    shows_rows: bool = True
    """Whether the worst lines are told as they are; else without what can quote a row."""

    @property
    def measure(self) -> Measure:
        """What the counts are held against."""
        return Measure(
            baseline=self.baseline,
            min_requests=self.min_requests,
            tolerance=self.max_error_rate,
            moment_s=min(1.0, self.window_s / 20),
        )
