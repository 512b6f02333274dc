"""How gates and drift are told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.report.words import show, summary
from shipway.steps.gates.preflight import Diagnosis, Ready
from shipway.steps.verify.drift import Drift, SchemaAdoption
from shipway.values.gates import Approval, Gate, Gated, GateState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.report.terminal.terminal import Terminal

__all__: list[str] = []

_WORD = {
    GateState.PASSED: "ok",
    GateState.WARNED: "warning",
    GateState.FAILED: "FAILED",
    GateState.WAIVED: "WAIVED",
    GateState.NOT_ASKED: "-",
    GateState.NOT_CHECKED: "not checked",
}

_OPEN = (GateState.PASSED, GateState.WARNED, GateState.WAIVED)


@summary.register(Ready)
def _(proof: Ready) -> str:
    return f"{_count(proof.gates)}; nothing was changed so far"


@summary.register(Gated)
def _(proof: Gated) -> str:
    open_ones = [one.name for one in proof.gates if one.state in _OPEN]
    return f"{', '.join(open_ones)}: open; nothing was changed in the target so far"


@show.register(Diagnosis)
def _(value: Diagnosis, terminal: Terminal) -> None:
    width = max((len(one.name) for one in value.gates), default=0)
    for one in value.gates:
        terminal.note(f"{_WORD[one.state]:<11} {one.name:<{width}}  {_tell(one)}".rstrip())
        for line in one.cure.split("\n") if one.cure else ():
            terminal.note(f"{'':<11}   -> {line}")
    terminal.note("")
    terminal.note(_count(value.gates))


def _tell(gate: Gate) -> str:
    if gate.state is GateState.WAIVED:
        return f"{gate.detail} (waived by {gate.waived_by}: {gate.reason})"
    return gate.detail


def _count(gates: Sequence[Gate]) -> str:
    ends = [one.state for one in gates]
    words = [
        (GateState.FAILED, "failed"),
        (GateState.PASSED, "passed"),
        (GateState.WARNED, "with a warning"),
        (GateState.WAIVED, "waived"),
        (GateState.NOT_CHECKED, "not checked"),
        (GateState.NOT_ASKED, "not asked for"),
    ]
    return ", ".join(f"{ends.count(one)} {word}" for one, word in words if one in ends)


@show.register(Approval)
def _(value: Approval, terminal: Terminal) -> None:
    terminal.note(f"approved: plan {value.plan_digest[:12]} by {value.by}, as {value.role}")
    terminal.note("It holds for these very files; when one is changed, approve again.")


@show.register(Drift)
def _(value: Drift, terminal: Terminal) -> None:
    for one in value.narrower_defaults:
        terminal.warn(f"{one.said}: changed outside of the migrations, for objects to come")
    if not value.differences:  # else the error that comes with it tells them
        terminal.note(
            f"The schema is the same as {value.made}; fingerprint {value.fingerprint[:12]}"
        )


@show.register(SchemaAdoption)
def _(value: SchemaAdoption, terminal: Terminal) -> None:
    for one in value.differences:
        terminal.note(f"accepted: {one.said}")
    if value.unknown:
        terminal.note(f"what was expected until now is not known: {value.unknown}")
    terminal.note(f"the schema that is expected from now on: {value.fingerprint[:12]}")
