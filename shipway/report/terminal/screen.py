"""One stream that a person reads: a terminal with colours and a live line, or a plain log."""

from __future__ import annotations

import textwrap
from functools import cached_property
from typing import IO, TYPE_CHECKING

from shipway.formats.visible import no_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from shipway.report.terminal.live import Live

__all__ = ["Screen", "columns"]

_HANGING = 2
"""Columns by which the rest of a long line stands back."""


class Screen:
    """One stream. Rich is loaded for a person's terminal and for tables; a log does without."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @cached_property
    def console(self) -> Console:
        """Rich on this stream: it knows the terminal's width, 80 elsewhere, and NO_COLOR."""
        from rich.console import Console

        return Console(file=self._file, markup=False, highlight=False, emoji=False)

    @cached_property
    def live(self) -> Live:
        """The line at the screen's end that shows what is under way."""
        from shipway.report.terminal.live import Live

        return Live(self.console)

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks on, not a log."""
        return self._file.isatty()

    def line(
        self, text: str, style: str | None, *, bold: int = 0, hanging: int | None = None
    ) -> None:
        """Write one line; a log gets it whole and plain, to be searched.

        Args:
            text: of the line.
            style: a colour of rich's; a log has none.
            bold: so many letters at its beginning stand out.
            hanging: the column at which the rest of a long line begins; a little further in than
                the line itself when left out.
        """
        text = self.printable(text)
        if not self.is_terminal:
            self.command(no_command(text))
            return
        from rich.text import Text

        for piece in _wrap(text, self.console.width, hanging):
            shown = Text(piece)
            shown.stylize("bold", 0, bold)
            self.console.print(shown, style=style, soft_wrap=True)
            bold = 0

    def command(self, line: str) -> None:
        """Write a line to a log, also one that GitHub Actions takes for a command."""
        self._file.write(self.printable(line) + "\n")
        self._file.flush()

    def printable(self, text: str) -> str:
        """Return the text with `?` for what the stream cannot hold, as on an older Windows."""
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def _wrap(line: str, width: int, hanging: int | None) -> list[str]:
    """Return a line as lines that fit; words are never cut: paths and ids can be copied."""
    if len(line) <= width:
        return [line]
    margin = len(line) - len(line.lstrip()) + _HANGING if hanging is None else hanging
    return textwrap.wrap(
        line,
        width=width,
        subsequent_indent=" " * margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines for a log: nothing is cut, and there may be thousands of them."""
    names = [name.removeprefix("#") for name in head]
    lines = [names, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    to_the_right = [name.startswith("#") for name in head]
    for line in lines:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_the_right, strict=True)
        ]
        yield "  ".join(cells).rstrip()
