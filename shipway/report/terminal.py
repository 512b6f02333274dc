"""Writes what a person sees at the terminal or in a CI log, and the one JSON document."""

from __future__ import annotations

import json
import sys
import textwrap
import traceback
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from shipway.json_form import json_form
from shipway.report.hide import Hide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shipway.errors import Stopped
    from shipway.values import Secret

__all__ = ["Terminal"]

_HANGING = 2
"""Columns by which the rest of a long line stands back."""


class Terminal:
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
        self._out = _console(self._stderr if as_json else self._stdout)
        self._err = _console(self._stderr)
        self._indent = ""

    def knows(self, secrets: Iterable[Secret]) -> None:
        """Hide these from now on: settings are read after the screen is there."""
        self.hide = Hide(secrets)

    # --- what steps say -----------------------------------------------------------------------

    def note(self, text: str) -> None:
        """One plain line: something became true."""
        self._write(self._out, text)

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""
        self._write(self._out, f"warning: {text}", style="yellow")

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
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in head:
            table.add_column(
                name.removeprefix("#"),
                justify="right" if name.startswith("#") else "left",
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(self.hide(cell) for cell in row))
        self._out.print(table, markup=False)

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
        self._err.print(self.hide(question), end=" ", markup=False, soft_wrap=True)
        return sys.stdin.readline().strip()

    def _write(self, console: Console, text: str, style: str | None = None) -> None:
        for line in self.hide(text).split("\n"):
            for piece in _fitted(self._indent + line, console):
                console.print(piece, style=style, markup=False, highlight=False, soft_wrap=True)


def _fitted(line: str, console: Console) -> list[str]:
    """Return a line as lines that fit a person's screen; a log keeps it whole, to be searched.

    Words are never cut, so that paths and ids can be copied.
    """
    if not console.is_terminal or len(line) <= console.width:
        return [line]
    margin = len(line) - len(line.lstrip()) + _HANGING
    return textwrap.wrap(
        line,
        width=console.width,
        subsequent_indent=" " * margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _console(file: IO[str]) -> Console:
    # Rich takes its width from the terminal, 80 columns elsewhere, and honours NO_COLOR.
    return Console(file=file, markup=False, highlight=False, emoji=False)
