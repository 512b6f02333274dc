"""Gates: what must hold before a release may act, and how each stood."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


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
