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


class Change(StrEnum):
    """What became of an object of the schema."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """One object of the schema that is not as it was before the release."""

    change: Change
    kind: str
    """table, column, policy, …"""
    name: str
    """`public.users.email`; of a grant: what was granted."""
    fact: str
    """What of it changed: type, nullable, definition; empty for an object as a whole."""
    before: str
    """Its definition, or the fact's value; empty when there was none."""
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    """One right through the Data API that is not as it was before."""

    object: str
    """`schema.name`, of a function with its arguments."""
    role: str
    command: str
    """select, insert, update, delete or execute."""
    before: str
    """How far it reached: nothing, rows by policy, every row, …"""
    after: str
    wider: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The results of checks that do not amount to a proof: some failed."""

    results: tuple[CheckResult, ...]
    schema_changes: tuple[SchemaChange, ...] | None = None
    """Since the backup; None when there is none to compare with."""
    access_changes: tuple[AccessChange, ...] | None = None
    """Since just before the first file, or else since the last release that passed; where neither
    is known, to what is new since the backup; None when that is not known either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Proof that the database passed its checks at a moment."""

    at: datetime
    ledger_version: int
    results: tuple[CheckResult, ...]
    schema_changes: tuple[SchemaChange, ...] | None = None
    """Since the backup; None when there is none to compare with."""
    access_changes: tuple[AccessChange, ...] | None = None
    """Since just before the first file, or else since the last release that passed; where neither
    is known, to what is new since the backup; None when that is not known either."""
