"""Lint: what reading a migration's text says about it, and what the rehearsal makes of that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding of a rehearsal matters."""

    NOTE = "note"
    WARNING = "warning"
    SERIOUS = "serious"


class Weighed(StrEnum):
    """What the measurement on the copy says to a finding of a linter."""

    OPEN = "open"
    """Nothing that was measured speaks for or against it."""
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    EXPECTED = "expected"
    """It is what the file's phase is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """What a rule found in the text of a migration."""

    rule: str
    """`squawk/ban-drop-column`, `shipway/no-where`."""
    severity: Severity
    migration: str
    line: int
    """Of the file, from 1."""
    what: str
    cure: str
    """The safe way to write it; empty where the rule knows none."""
    about: str = ""
    """The table or policy that it speaks of, as the text names it: `public.people`."""
    weighed: Weighed = Weighed.OPEN
    measured: str = ""
    """The figure behind that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """All that reading the pending files found."""

    tools: tuple[str, ...] = ()
    """Who read them: `shipway's own rules`, `squawk 2.70.0`."""
    unread: tuple[str, ...] = ()
    """What was not read, and why."""
    findings: tuple[LintFinding, ...] = ()

    @property
    def standing(self) -> tuple[LintFinding, ...]:
        """Those that the rehearsal has neither refuted nor expected."""
        answered = (Weighed.REFUTED, Weighed.EXPECTED)
        return tuple(one for one in self.findings if one.weighed not in answered)
