"""Preflight: every precondition of a release is looked at before anything is changed.

A precondition that was looked at is a gate: open, shut, or waived by a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Refused, Stopped
from shipway.steps.gates.waivers import way_past_of
from shipway.values.gates import Gate, GateState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from shipway.values.basics import Clock, Say
    from shipway.values.gates import Waiver

__all__ = [
    "Diagnosis",
    "Found",
    "Precondition",
    "Ready",
    "examine",
    "preflight",
    "same_project",
    "tell",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look at one precondition found; a failure is raised as `Stopped` instead."""

    detail: str
    state: GateState = GateState.PASSED
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

    gates: tuple[Gate, ...]
    misconfigured: bool
    """Whether a failure lies in the settings rather than in the world."""

    @property
    def failed(self) -> tuple[Gate, ...]:
        """Those that stop a release."""
        return tuple(one for one in self.gates if one.state is GateState.FAILED)

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
            found=self,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Proof that every precondition was met, or waived, at a moment."""

    at: datetime
    gates: tuple[Gate, ...]


def examine(
    preconditions: Iterable[Precondition],
    *,
    clock: Clock,
    waivers: Iterable[Waiver] = (),
    at: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Look at every precondition and return what was found; nothing is changed.

    A precondition whose `needs` did not pass is not looked at, and says so. A waiver opens the
    gate of its name and no other; one that is not needed leaves no trace. `at` is told which one
    is looked at.
    """
    waived = {one.gate: one for one in waivers}
    gates: list[Gate] = []
    shut: set[str] = set()
    misconfigured = False
    for one in preconditions:
        missing = [name for name in one.needs if name in shut]
        if missing:
            shut.add(one.name)
            found = Found(detail=f"waits for: {', '.join(missing)}", state=GateState.NOT_CHECKED)
            gates.append(_gate(one, found, 0.0))
            continue
        at(one.name)
        began = clock.monotonic()
        waiver = waived.get(one.name)
        try:
            found = one.look()
        except Stopped as error:
            way_past = way_past_of(one.name)
            instead = f" Or say why it may go on: {way_past}" if way_past else ""
            cure = f"{error.next_step}{instead}".lstrip()
            found = Found(detail=error.what, state=GateState.FAILED, cure=cure)
            if waiver is None:
                misconfigured = misconfigured or isinstance(error, Misconfigured)
        gate = _gate(one, found, (clock.monotonic() - began) * 1000)
        if gate.state is GateState.FAILED and waiver is not None:
            gate = replace(
                gate, state=GateState.WAIVED, cure="", waived_by=waiver.by, reason=waiver.reason
            )
        if gate.state is GateState.FAILED:
            shut.add(one.name)
        gates.append(gate)
    return Diagnosis(gates=tuple(gates), misconfigured=misconfigured)


def _gate(one: Precondition, found: Found, duration_ms: float) -> Gate:
    return Gate(
        name=one.name,
        state=found.state,
        detail=found.detail,
        cure=found.cure,
        duration_ms=duration_ms,
    )


def preflight(
    preconditions: Iterable[Precondition],
    *,
    clock: Clock,
    say: Say,
    waivers: Iterable[Waiver] = (),
) -> Ready:
    """Return the proof that a release may begin.

    Raises:
        Misconfigured, Refused: with every precondition that is not met, and its cure.
    """
    with say.progress("looking at") as line:
        diagnosis = examine(preconditions, clock=clock, waivers=waivers, at=line.at)
    tell(diagnosis.gates, say=say)
    refusal = diagnosis.refusal()
    if refusal is not None:
        raise refusal
    return Ready(at=clock.now(), gates=diagnosis.gates)


def tell(gates: Iterable[Gate], *, say: Say) -> None:
    """Say what a person should not overlook: the warnings, and what was waived by whom."""
    for one in gates:
        if one.state is GateState.WARNED:
            say.warn(f"{one.name}: {one.detail}. {one.cure}".rstrip())
        if one.state is GateState.WAIVED:
            say.warn(f"{one.name}: waived by {one.waived_by} ({one.reason}): {one.detail}")


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
            state=GateState.WARNED,
            cure="Set SUPABASE_PROJECT_REF (the 20 letters in the dashboard's address), so that a "
            "wrong DATABASE_URL is noticed.",
        )
    return Found(detail=f"{next(iter(said.values()))}, named by {' and '.join(said)}")
