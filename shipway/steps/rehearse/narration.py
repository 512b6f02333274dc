"""Tells what happens on the copy so that nobody takes it for the target."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.values.basics import Plainly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Progress, Say

__all__ = ["OnTheCopy"]


class OnTheCopy(Plainly):
    """Says the place before each line.

    Args:
        say: told the lines.
        how: what is done there, where that is not plain.
    """

    def __init__(self, say: Say, how: str = "") -> None:
        self._say = say
        self._where = f"on the copy, {how}: " if how else "on the copy: "

    def note(self, text: str) -> None:
        """Tell one plain line."""
        self._say.note(self._where + text)

    def warn(self, text: str) -> None:
        """Tell what should not be overlooked."""
        self._say.warn(self._where + text)

    @contextmanager
    def progress(self, text: str, *, log_every_s: float | None = None) -> Iterator[Progress]:
        """Tell how a longer piece of work goes on."""
        with self._say.progress(self._where + text, log_every_s=log_every_s) as line:
            yield _LineOnTheCopy(line, self._where)


class _LineOnTheCopy:
    """A piece of work on the copy."""

    def __init__(self, line: Progress, where: str) -> None:
        self._line = line
        self._where = where

    def at(self, text: str, *details: str, left_s: float | None = None) -> None:
        self._line.at(text, *details, left_s=left_s)

    def done(self, text: str) -> None:
        self._line.done(self._where + text)
