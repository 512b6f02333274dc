"""What every step knows: secrets, the clock, where to say things, and missing proofs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
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

    def progress(
        self, text: str, *, log_every_s: float | None = None
    ) -> AbstractContextManager[Progress]:
        """Open a piece of work that may take a while; `text` names it while it lasts.

        On a terminal it is one live line with its seconds; in a log only its result is written,
        and every `log_every_s` how far it is. Inside it others may be opened: the innermost is
        shown.
        """


class Progress(Protocol):
    """A piece of work that is under way, as a person sees it."""

    def at(self, text: str, *details: str, left_s: float | None = None) -> None:
        """Show how far it is by now (`3.2 MB of 40 MB`), in place of what was shown before.

        Details stand on a terminal in its place, a line each; a log gets the text. A terminal also
        shows the seconds that are left by now, counting down; None: nobody knows.
        """

    def done(self, text: str) -> None:
        """Say what came of it: a plain line that stays, in the place of the live one."""


class Plainly:
    """A `Say` that nobody hears; a base for those that have no live lines.

    Of a piece of work only the result is said.
    """

    def note(self, text: str) -> None:
        """One plain line: something became true."""

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""

    @contextmanager
    def progress(self, text: str, *, log_every_s: float | None = None) -> Iterator[Progress]:
        """Open a piece of work of which the result is said, and now and then how far it is."""
        del text
        yield _Result(self.note, log_every_s)


class _Result:
    """Progress that nobody watches."""

    def __init__(self, tell: Callable[[str], None], log_every_s: float | None) -> None:
        self._tell = tell
        self._every_s = log_every_s
        self._told_s = time.monotonic()

    def at(self, text: str, *details: str, left_s: float | None = None) -> None:
        del details, left_s
        now = time.monotonic()
        if self._every_s is not None and now - self._told_s >= self._every_s:
            self._told_s = now
            self._tell(text)

    def done(self, text: str) -> None:
        self._tell(text)


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
