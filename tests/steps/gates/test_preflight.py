"""Preflight looks at everything, in one go, before anything is changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shipway.errors import Misconfigured, Refused
from shipway.steps.gates.preflight import Found, Precondition, examine, preflight, same_project
from shipway.values.basics import Plainly
from shipway.values.gates import GateState

REF, OTHER = "a" * 20, "b" * 20


class Ticking:
    """A clock that moves on by a second at each look."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Heard(Plainly):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(f"warning: {text}")


def fine() -> Found:
    return Found(detail="fine")


def refused() -> Found:
    raise Refused("It is shut.", unchanged="All.", next_step="Knock.")


def misconfigured() -> Found:
    raise Misconfigured("No key.", unchanged="All.", next_step="Get one.")


def test_all_failures_are_told_at_once_each_with_its_cure() -> None:
    checks = [
        Precondition(name="door", look=refused),
        Precondition(name="key", look=misconfigured),
        Precondition(name="roof", look=fine),
    ]
    with pytest.raises(Misconfigured) as stopped:
        preflight(checks, clock=Ticking(), say=Heard())
    assert "door: It is shut." in stopped.value.what
    assert "key: No key." in stopped.value.what
    assert "roof" not in stopped.value.what
    assert stopped.value.next_step == "door: Knock.\nkey: Get one."


def test_a_failure_of_the_world_alone_is_a_refusal() -> None:
    with pytest.raises(Refused):
        preflight([Precondition(name="door", look=refused)], clock=Ticking(), say=Heard())


def test_what_rests_on_a_failed_precondition_is_not_looked_at() -> None:
    diagnosis = examine(
        [
            Precondition(name="door", look=refused),
            Precondition(name="room", look=fine, needs=("door",)),
        ],
        clock=Ticking(),
    )
    assert [one.state for one in diagnosis.gates] == [GateState.FAILED, GateState.NOT_CHECKED]
    assert diagnosis.gates[1].detail == "waits for: door"


def test_a_warning_is_said_and_does_not_stop_the_release() -> None:
    heard = Heard()
    look = lambda: Found(detail="it rains", state=GateState.WARNED, cure="Take a coat.")  # noqa: E731
    ready = preflight([Precondition(name="sky", look=look)], clock=Ticking(), say=heard)
    assert heard.lines == ["warning: sky: it rains. Take a coat."]
    assert ready.gates[0].duration_ms == 1000


@pytest.mark.parametrize(
    ("configured", "in_url", "recorded"),
    [(REF, OTHER, None), (REF, REF, OTHER), (None, REF, OTHER), (REF, None, OTHER)],
)
def test_two_projects_are_refused(
    configured: str | None, in_url: str | None, recorded: str | None
) -> None:
    with pytest.raises(Refused, match="Two projects are named"):
        same_project(configured=configured, in_url=in_url, recorded=recorded)


def test_one_project_passes_and_none_is_a_warning() -> None:
    assert same_project(configured=REF, in_url=None, recorded=REF).state is GateState.PASSED
    assert same_project(configured=None, in_url=None, recorded=None).state is GateState.WARNED
