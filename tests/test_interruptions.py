"""Ctrl-C: the first waits for what has to be done whole, the second for nothing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from shipway.commands.signals import Interruptions

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def interruptions(told: list[str]) -> Iterator[Interruptions]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = Interruptions(lambda: told.append("waiting"))
    made.expect()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_outside_of_a_piece_an_interruption_stops_at_once(
    interruptions: Interruptions, told: list[str], number: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(number)
    with interruptions.whole():
        assert told == []


def test_within_a_piece_the_first_waits_until_the_piece_is_through(
    interruptions: Interruptions, told: list[str]
) -> None:
    done = []

    def pieces() -> None:
        with interruptions.whole():
            with interruptions.whole():
                interrupt()
                done.append("the inner piece")
            done.append("the outer piece")

    with pytest.raises(KeyboardInterrupt):
        pieces()
    assert done == ["the inner piece", "the outer piece"]
    assert told == ["waiting"]


def test_the_second_stops_a_piece_at_once(interruptions: Interruptions) -> None:
    def piece() -> None:
        with interruptions.whole():
            interrupt(signal.SIGTERM)
            interrupt()
            raise AssertionError("the piece went on")

    with pytest.raises(KeyboardInterrupt):
        piece()


def test_a_piece_that_fails_tells_its_failure_and_not_the_interruption(
    interruptions: Interruptions,
) -> None:
    def piece() -> None:
        with interruptions.whole():
            interrupt()
            raise ValueError("of the piece")

    with pytest.raises(ValueError, match="of the piece"):
        piece()
    with interruptions.whole():
        pass


def test_when_all_that_is_left_is_to_tell_how_it_ended_the_first_comes_too_late(
    interruptions: Interruptions,
) -> None:
    with interruptions.last_words():
        interrupt()
    with pytest.raises(KeyboardInterrupt), interruptions.last_words():
        interrupt()
