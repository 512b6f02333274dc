"""Results of checks, of the database and of a release's preconditions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check of the database."""

    group: str
    name: str
    outcome: Outcome
    detail: str
    """What was found."""
    cure: str = ""
    """What to do about it; empty when it passed."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The results of checks that do not amount to a proof: some failed."""

    results: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Proof that the database passed its checks at a moment."""

    at: datetime
    ledger_version: int
    results: tuple[CheckResult, ...]
