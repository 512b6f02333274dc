"""Gates: what must hold before a release may act, and how each stood."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from shipway.values.lint import Severity


class GateState(StrEnum):
    """How a gate stood when it was looked at."""

    PASSED = "passed"
    WARNED = "warned"
    """Open, and a person should know something about it."""
    FAILED = "failed"
    WAIVED = "waived"
    """It would have been shut; a person takes it upon themselves."""
    NOT_ASKED = "not asked for"
    """No setting asks for it, or it does not apply here."""
    NOT_CHECKED = "not checked"
    """It waits for another gate, or for a later step of the release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate as it stood at a moment."""

    name: str
    state: GateState
    detail: str
    """What was found; of a waived gate, what would have kept it shut."""
    cure: str = ""
    """What to do about it; empty when it is open."""
    waived_by: str = ""
    """The person, as git or the system names them; empty unless it is waived."""
    reason: str = ""
    """Why it is waived, in the person's words."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A person's word that a release may pass a gate that is shut."""

    gate: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """Proof that every gate was open, or waived, at a moment."""

    at: datetime
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A named person's word that a plan's SQL may run; it holds for that plan alone."""

    plan_digest: str
    """SHA-256 over target, project and the pending files, hexadecimal."""
    by: str
    """The person, as git or the system names them."""
    role: str
    """The database role that wrote it, as the server says."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The project's git work tree, and the release branch as its remote has it."""

    branch: str
    """The one that is checked out; empty for a commit alone, as CI systems check out."""
    commit: str
    changed: tuple[str, ...]
    """Files that differ from the commit or that git does not know; ignored ones are left out."""
    remote: str
    """Address of the remote, without user or password."""
    tip: str
    """The release branch's commit, as the remote itself says now; empty when it has no such."""
    contained: bool | None
    """Whether the tip's history holds our commit; None when the tip is not known here."""
    shallow: bool = False
    """The clone lacks a part of the history, as CI systems fetch it."""


class CheckState(StrEnum):
    """How a check of a commit stands."""

    GREEN = "green"
    RED = "red"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCheck:
    """One check that a CI system has reported for a commit."""

    name: str
    state: CheckState
    word: str
    """The system's own word for it: `success`, `timed_out`, `in_progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A session that holds, or may hold, locks which a migration would wait for."""

    pid: int
    role: str
    application: str
    doing: str
    """`a transaction`, `VACUUM of public.users`, `a prepared transaction`."""
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the database is busy with, and how near it is to its limits."""

    busy: tuple[Busy, ...]
    """Oldest first, whatever their age."""
    hidden: int
    """Sessions of other roles whose transactions our role may not see."""
    xid_age: int
    """Transactions since the oldest unfrozen one of this database."""
    multixact_age: int
    xid_limit: int
    """The age at which vacuum drops all restraint (`vacuum_failsafe_age`)."""
    multixact_limit: int
    connections: int
    connections_limit: int
    """The least of what the server, the database and the role allow an ordinary session."""
    database_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Room on one disk."""

    size_bytes: int
    free_bytes: int


class Event(StrEnum):
    """What the team is told of."""

    BEGINS = "begins"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the team is told about a release; it holds no secret and no row of a table."""

    event: Event
    release_id: str
    target: str
    by: str
    """Who released."""
    at: datetime
    text: str
    """One line for people."""
    url: str | None = None
    """Where the new version is live; None when this release put nothing live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a notice fared on one way to the team."""

    channel: str
    error: str
    """Why it did not arrive; empty when it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTerms:
    """What the gates between rehearsal and migration hold a release to."""

    waivers: tuple[Waiver, ...]
    backup_max_age_s: float
    stops_at: Severity | None
    """Findings of the rehearsal this grave or graver stop the release; None: none does."""
