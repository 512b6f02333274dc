"""Writes what a person sees at the terminal or in a CI log, and the one JSON document."""

from __future__ import annotations

import json
import sys
import textwrap
import traceback
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING

from shipway.json_form import json_form
from shipway.report.hide import Hide, hide_elsewhere
from shipway.values import Plainly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from shipway.errors import Stopped
    from shipway.report.live import Live
    from shipway.values import Progress, Secret

__all__ = ["Terminal"]

_HANGING = 2
"""Columns by which the rest of a long line stands back."""


class Terminal(Plainly):
    """The screen of one command. It is the `Say` of the steps.

    Args:
        as_json: everything goes to stderr, so that stdout holds one JSON document.
        secrets: texts that are hidden wherever they turn up.

    Attributes:
        hide: takes the secrets out of a text.
    """

    def __init__(
        self,
        *,
        as_json: bool,
        secrets: Iterable[Secret] = (),
        stdout: IO[str] | None = None,
        stderr: IO[str] | None = None,
    ) -> None:
        self._as_json = as_json
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self.hide = Hide(secrets)
        self._out = _Screen(self._stderr if as_json else self._stdout)
        self._err = _Screen(self._stderr)
        self._indent = ""

    def knows(self, secrets: Iterable[Secret]) -> None:
        """Hide these from now on, on the screen and in what is written past it."""
        self.hide = Hide(secrets)
        hide_elsewhere(self.hide, lambda text: self._write(self._err, text))

    # --- what steps say -----------------------------------------------------------------------

    def note(self, text: str) -> None:
        """One plain line: something became true."""
        self._write(self._out, text)

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""
        self._write(self._out, f"warning: {text}", style="yellow")

    @contextmanager
    def progress(self, text: str, *, log_every_s: float | None = None) -> Iterator[Progress]:
        """Show a live line until the work is done; a log gets the result, and what it asks for."""
        if not self._out.is_terminal:
            with super().progress(text, log_every_s=log_every_s) as plain:
                yield plain
            return
        with self._out.live.line(self._indent + text, self.hide, self.note) as line:
            yield line

    # --- what the command says ----------------------------------------------------------------

    def title(self, text: str) -> None:
        """Write a line that opens a part of the output."""
        self._write(self._out, text, style="bold")

    @contextmanager
    def part(self, text: str) -> Iterator[None]:
        """Write a title; what is said inside stands below it, indented."""
        self.title(text)
        before, self._indent = self._indent, self._indent + "  "
        try:
            yield
        finally:
            self._indent = before

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write rows under a head; columns whose head starts with '#' are numbers."""
        if not self._out.is_terminal:
            for line in _columns(head, rows):
                self._write(self._out, line)
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in head:
            table.add_column(
                name.removeprefix("#"),
                justify="right" if name.startswith("#") else "left",
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(self.hide(cell) for cell in row))
        self._out.console.print(table, markup=False)

    def error(self, error: Stopped) -> None:
        """Write the three sentences of an error, and what failed while cleaning up."""
        self._write(self._err, f"error: {error.what}", style="red")
        for also in error.also:
            self._write(self._err, f"also: {also}", style="red")
        self._write(self._err, f"unchanged: {error.unchanged}")
        self._write(self._err, f"next: {error.next_step}")

    def crash(self, error: BaseException) -> None:
        """Write an error that shipway did not expect, with the way to it, secrets taken out."""
        self._write(self._err, "".join(traceback.format_exception(error)).rstrip())
        self._write(
            self._err,
            "error: shipway met an error that it did not expect; the lines above say where.",
            style="red",
        )

    def document(self, content: object) -> None:
        """Write the one JSON document, when JSON was asked for."""
        if self._as_json:
            text = json.dumps(json_form(content), indent=2, ensure_ascii=False)
            self._stdout.write(self.hide(text) + "\n")
            self._stdout.flush()

    @property
    def can_ask(self) -> bool:
        """Whether a person sits at both ends."""
        return sys.stdin.isatty() and self._stderr.isatty()

    def ask(self, question: str) -> str:
        """Ask a person and return the answer; empty at the end of input."""
        self._stderr.write(self.hide(question) + " ")
        self._stderr.flush()
        return sys.stdin.readline().strip()

    def _write(self, screen: _Screen, text: str, style: str | None = None) -> None:
        for line in self.hide(text).split("\n"):
            screen.line(self._indent + line, style)


class _Screen:
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
        from shipway.report.live import Live

        return Live(self.console)

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks on, not a log."""
        return self._file.isatty()

    def line(self, text: str, style: str | None) -> None:
        """Write one line; a log gets it whole and plain, to be searched."""
        if not self.is_terminal:
            self._file.write(text + "\n")
            self._file.flush()
            return
        for piece in _fitted(text, self.console.width):
            self.console.print(piece, style=style, soft_wrap=True)


def _fitted(line: str, width: int) -> list[str]:
    """Return a line as lines that fit; words are never cut: paths and ids can be copied."""
    if len(line) <= width:
        return [line]
    margin = len(line) - len(line.lstrip()) + _HANGING
    return textwrap.wrap(
        line,
        width=width,
        subsequent_indent=" " * margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
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
