"""What every step knows: secrets, the clock, where to say things, and missing proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Secret:
    """A text that is never shown: `str` and `repr` hide it, `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __str__(self) -> str:
        return "(hidden)"


class Say(Protocol):
    """Where a step tells a person what is true by now. Report implements it."""

    def note(self, text: str) -> None:
        """One plain line: something became true."""

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""


class Clock(Protocol):
    """Time, as the one thing that steps may not take from the machine themselves."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only grow, for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Stands where a proof is wanted and there is none: names it and the command that makes it."""

    missing: str
    command: str
