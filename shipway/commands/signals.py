"""Ctrl-C and SIGTERM: the first lets what has to be done whole finish, a second does not.

A signal becomes `KeyboardInterrupt` where the main thread is; inside `whole()` the first one waits
until the block is through. Any further signal is raised at once, wherever that is.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Interruptions"]


class Interruptions:
    """The interruptions of one command.

    Args:
        waiting: called when one has to wait, from within the signal's handler.
    """

    def __init__(self, waiting: Callable[[], None]) -> None:
        self._tell = waiting
        self._depth = 0
        self._came = False
        self._due = False

    def expect(self) -> None:
        """Take Ctrl-C and SIGTERM from now on."""
        signal.signal(signal.SIGINT, self._arrived)
        signal.signal(signal.SIGTERM, self._arrived)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Keep the first interruption out of the block; it is raised at the block's end."""
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            # A failure ends the work too, and has more to say.
            self._due = self._due and self._depth > 0
            raise
        self._depth -= 1
        if self._due and not self._depth:
            self._due = False
            raise KeyboardInterrupt

    @contextmanager
    def last_words(self) -> Iterator[None]:
        """Keep the first interruption out of the block for good: all that is left is to tell."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            self._due = False

    def _arrived(self, _signal: int, _frame: object) -> None:
        first, self._came = not self._came, True
        if first and self._depth:
            self._due = True
            # The signal may have come in the midst of a line to the same screen.
            with suppress(RuntimeError):
                self._tell()
            return
        raise KeyboardInterrupt
