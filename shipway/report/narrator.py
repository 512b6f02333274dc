"""Tells a release as it goes: a title for each step, what became true, then its result."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.report.words import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from shipway.report.terminal.terminal import Terminal
    from shipway.values.basics import Progress

__all__ = ["Narrator"]


class Narrator:
    """The screen of a release."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def note(self, text: str) -> None:
        """One plain line: something became true."""
        self._terminal.note(text)

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""
        self._terminal.warn(text)

    def progress(
        self, text: str, *, log_every_s: float | None = None
    ) -> AbstractContextManager[Progress]:
        """Show a live line until a piece of work is done."""
        return self._terminal.progress(text, log_every_s=log_every_s)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[object, float], None]]:
        """Open a step; the function handed out closes it with its proof and its seconds."""
        with self._terminal.step(name) as close:
            yield lambda proof, seconds: close(summary(proof), seconds)
