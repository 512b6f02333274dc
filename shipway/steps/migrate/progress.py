"""The live line of a run of files: the one that is being run, until its result stands there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from shipway.steps.backup.time_left import time_left_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.basics import Clock, Progress, Say
    from shipway.values.migrations import Migration

__all__ = ["LiveLine"]


class LiveLine:
    """Moves on from file to file; used as a context manager.

    Args:
        say: where it is shown.
        files: in the order in which they are run.
        clock: tells how long they take.
    """

    def __init__(self, say: Say, files: Sequence[Migration], clock: Clock) -> None:
        self._say = say
        self._clock = clock
        self._began = clock.monotonic()
        self._files = files
        self._at = 0
        self._whole = ExitStack()
        self._one = ExitStack()
        self._line: Progress | None = None

    def __enter__(self) -> Self:
        self._whole.enter_context(self._say.progress(f"{len(self._files)} files"))
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._one.close()
        self._whole.close()

    def next(self, result: str) -> None:
        """Say what came of the file, and go on to the one behind it."""
        if self._line is not None:
            self._line.done(result)
        self._one.close()
        self._at += 1
        self._begin()

    def _begin(self) -> None:
        self._line = None
        if self._at < len(self._files):
            label = self._files[self._at].label
            took_s = self._clock.monotonic() - self._began
            self._line = self._one.enter_context(self._say.progress(label))
            self._line.at(
                f"{self._at + 1} of {len(self._files)}",
                left_s=time_left_s(self._at / len(self._files), took_s),
            )
