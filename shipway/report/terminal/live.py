"""The last line of a terminal while work is under way: what it is, how far, for how long."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.live import Live as RichLive
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["Line", "Live"]

_LOOKS_A_SECOND: Final = 8
_DETAILS: Final = 2
"""Columns by which details stand back."""


class Live:
    """The line itself. While it stands, other lines are written above it.

    Args:
        console: of the screen; the line is gone from it when no work is under way.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[Line] = []

    @contextmanager
    def line(
        self, name: str, hide: Callable[[str], str], tell: Callable[[str], None]
    ) -> Iterator[Line]:
        """Show a piece of work; of several the one that was begun last.

        Args:
            name: what it is, with the indent of the lines around it.
            hide: takes secrets out.
            tell: writes the line that stays.
        """
        line = Line(name, hide, tell, ended=self._end)
        self._lines.append(line)
        try:
            if len(self._lines) > 1:
                yield line
                return
            with RichLive(
                get_renderable=self._shown,
                console=self._console,
                refresh_per_second=_LOOKS_A_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            ):
                yield line
        finally:
            self._end(line)

    def _end(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)

    def _shown(self) -> Text:
        return Text(
            self._lines[-1].text() if self._lines else "",
            style="dim",
            no_wrap=True,
            overflow="ellipsis",
        )


class Line:
    """One piece of work that is shown while it lasts."""

    def __init__(
        self,
        name: str,
        hide: Callable[[str], str],
        tell: Callable[[str], None],
        *,
        ended: Callable[[Line], None],
    ) -> None:
        self._name = name
        self._hide = hide
        self._tell = tell
        self._ended = ended
        self._so_far: tuple[str, ...] = ("",)
        self._began_s = time.monotonic()
        self._ends_s: float | None = None

    def at(self, text: str, *details: str, left_s: float | None = None) -> None:
        """Show how far it is by now; details are shown in place of the text."""
        self._so_far = (text, *details)
        self._ends_s = None if left_s is None else time.monotonic() + left_s

    def done(self, text: str) -> None:
        """Write what came of it in the place of the live line."""
        self._ended(self)
        self._tell(text)

    def text(self) -> str:
        """Return the line as it reads now; details stand below it in place of the text."""
        now = time.monotonic()
        seconds = int(now - self._began_s)
        first, *details = self._so_far
        so_far = "" if details else first
        # Work that lasts longer than expected: then nobody knows any more.
        left_s = 0.0 if self._ends_s is None else self._ends_s - now
        left = f"about {_seconds(left_s)} left" if left_s > 0 else ""
        parts = (self._name, so_far, left or (_seconds(seconds) if seconds else ""))
        margin = " " * (len(self._name) - len(self._name.lstrip()) + _DETAILS)
        lines = [" · ".join(part for part in parts if part), *(margin + one for one in details)]
        return self._hide("\n".join(lines))


def _seconds(seconds: float) -> str:
    """Return a duration that goes on counting: `9 s`, `2 min 05 s`."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
