"""Preflight: every precondition of a release is looked at before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Refused, Stopped
from shipway.values import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from shipway.values import Clock, Say

__all__ = ["Diagnosis", "Found", "Precondition", "Ready", "examine", "preflight", "same_project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look at one precondition found; a failure is raised as `Stopped` instead."""

    detail: str
    outcome: Outcome = Outcome.PASSED
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """One line of the list: its name, how to look, and which others must have passed first."""

    name: str
    look: Callable[[], Found]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The whole list, looked at."""

    results: tuple[CheckResult, ...]
    misconfigured: bool
    """Whether a failure lies in the settings rather than in the world."""

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The results that stop a release."""
        return tuple(one for one in self.results if one.outcome is Outcome.FAILED)

    def refusal(self) -> Stopped | None:
        """Return the error that a release stops with; None when nothing failed.

        It is `Misconfigured` (exit 2) when a setting is missing or wrong, else `Refused` (exit 3).
        """
        if not self.failed:
            return None
        count = len(self.failed)
        head = "A precondition is" if count == 1 else f"{count} preconditions are"
        kind = Misconfigured if self.misconfigured else Refused
        return kind(
            "\n".join(
                [f"{head} not met.", *(f"  {one.name}: {one.detail}" for one in self.failed)]
            ),
            unchanged="Nothing was changed: not the database, not the deployment.",
            next_step="\n".join(f"{one.name}: {one.cure}" for one in self.failed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Proof that every precondition was met at a moment."""

    at: datetime
    results: tuple[CheckResult, ...]


def examine(preconditions: Iterable[Precondition], *, clock: Clock) -> Diagnosis:
    """Look at every precondition and return what was found; nothing is changed.

    A precondition whose `needs` did not pass is not looked at, and says so.
    """
    results: list[CheckResult] = []
    passed: set[str] = set()
    misconfigured = False
    for one in preconditions:
        missing = [name for name in one.needs if name not in passed]
        if missing:
            found = Found(detail=f"waits for: {', '.join(missing)}", outcome=Outcome.NOT_CHECKED)
            results.append(_result(one, found, 0.0))
            continue
        began = clock.monotonic()
        try:
            found = one.look()
        except Stopped as error:
            misconfigured = misconfigured or isinstance(error, Misconfigured)
            found = Found(detail=error.what, outcome=Outcome.FAILED, cure=error.next_step)
        if found.outcome in {Outcome.PASSED, Outcome.WARNED}:
            passed.add(one.name)
        results.append(_result(one, found, (clock.monotonic() - began) * 1000))
    return Diagnosis(results=tuple(results), misconfigured=misconfigured)


def _result(one: Precondition, found: Found, duration_ms: float) -> CheckResult:
    return CheckResult(
        group="preflight",
        name=one.name,
        outcome=found.outcome,
        detail=found.detail,
        cure=found.cure,
        duration_ms=duration_ms,
    )


def preflight(preconditions: Iterable[Precondition], *, clock: Clock, say: Say) -> Ready:
    """Return the proof that a release may begin.

    Raises:
        Misconfigured, Refused: with every precondition that is not met, and its cure.
    """
    diagnosis = examine(preconditions, clock=clock)
    for one in diagnosis.results:
        if one.outcome is Outcome.WARNED:
            say.warn(f"{one.name}: {one.detail}. {one.cure}".rstrip())
    refusal = diagnosis.refusal()
    if refusal is not None:
        raise refusal
    return Ready(at=clock.now(), results=diagnosis.results)


def same_project(*, configured: str | None, in_url: str | None, recorded: str | None) -> Found:
    """Judge whether all that name a Supabase project name the same one.

    Args:
        configured: SUPABASE_PROJECT_REF.
        in_url: the ref that the database URL's host or user holds.
        recorded: what the database itself says, written at its first migration.

    Raises:
        Refused: two of them differ: a release would touch one project and believe in another.
    """
    named = {
        "SUPABASE_PROJECT_REF": configured,
        "DATABASE_URL": in_url,
        "the database itself": recorded,
    }
    said = {who: ref for who, ref in named.items() if ref}
    if len(set(said.values())) > 1:
        raise Refused(
            "Two projects are named: "
            + "; ".join(f"{who} says {ref}" for who, ref in said.items())
            + ".",
            unchanged="Nothing was changed in either project.",
            next_step="Make DATABASE_URL and SUPABASE_PROJECT_REF name the project that you mean.",
        )
    if not said:
        return Found(
            detail="no project ref is known",
            outcome=Outcome.WARNED,
            cure="Set SUPABASE_PROJECT_REF, so that a wrong DATABASE_URL is noticed.",
        )
    return Found(detail=f"{next(iter(said.values()))}, named by {' and '.join(said)}")
