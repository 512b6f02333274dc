"""Writes what a person sees at the terminal or in a CI log, and the one JSON document."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from shipway.formats.figures import duration
from shipway.formats.visible import visible
from shipway.report.hide import Hide, hide_elsewhere, way_to
from shipway.report.terminal.screen import Screen, columns
from shipway.values.basics import Plainly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shipway.errors import Stopped
    from shipway.values.basics import Progress, Secret

__all__ = ["Terminal"]

_INDENT: Final = "  "
_ROW: Final = 9
_NAME: Final = 11
"""Columns of a step's name in front of its result."""


class _Step:
    """The step that is under way, where only its result is written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.opened = False
        """Its name stands on a line of its own already, for the sake of a warning."""
        self.line: Progress | None = None

    def now(self, text: str) -> None:
        """Show what became true, until something else does."""
        if self.line is not None:
            self.line.at(text)


class Terminal(Plainly):
    """The screen of one command. It is the `Say` of the steps.

    On a person's terminal a step is one line that becomes its result; a step that has a warning
    to tell is opened under its name. A log gets every line.

    Args:
        as_json: everything goes to stderr, so that stdout holds one JSON document.
        quiet: of the work only warnings and each step's result are written.
        verbose: a terminal gets every line, too, and long lists are whole.
        secrets: texts that are hidden wherever they turn up.

    Attributes:
        hide: takes the secrets out of a text.
        for_a_person: whether the result goes to a terminal and is kept nowhere.
        verbose: as it was given.
        shows_rows: whether what errors quote of rows is told where nobody watches: in a log.
    """

    def __init__(  # noqa: PLR0913 - how much is written, what is hidden, and the two streams
        self,
        *,
        as_json: bool,
        quiet: bool = False,
        verbose: bool = False,
        secrets: Iterable[Secret] = (),
        stdout: IO[str] | None = None,
        stderr: IO[str] | None = None,
    ) -> None:
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self.hide = Hide(secrets)
        self.verbose = verbose
        self.shows_rows = False
        self._out = Screen(self._stderr if as_json else self._stdout)
        self.for_a_person = not as_json and self._out.is_terminal
        self._err = Screen(self._stderr)
        self._indent = ""
        self._quiet = quiet
        self._brief = quiet or (self._out.is_terminal and not verbose)
        self._step: _Step | None = None

    def knows(self, secrets: Iterable[Secret], *, shows_rows: bool = False) -> None:
        """Hide these from now on, on the screen and in what is written past it."""
        self.hide = Hide(secrets)
        self.shows_rows = shows_rows
        hide_elsewhere(self.hide.shown, lambda text: self._write(self._err, text))

    # --- what steps say -----------------------------------------------------------------------

    def note(self, text: str) -> None:
        """One plain line: something became true."""
        if self._step is not None:
            self._step.now(text)
        elif not self._quiet:
            self._write(self._out, text)

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""
        if self._step is not None and not self._step.opened:
            self._write(self._out, self._step.name, style="bold")
            self._step.opened, self._indent = True, _INDENT
        self._write(self._out, f"warning: {text}", style="yellow")

    @contextmanager
    def progress(self, text: str, *, log_every_s: float | None = None) -> Iterator[Progress]:
        """Show a live line until the work is done; a log gets the result, and what it asks for."""
        if not self._out.is_terminal:
            with super().progress(text, log_every_s=log_every_s) as plain:
                yield plain
            return
        name = f"{self._step.name} · {text}" if self._step else self._indent + text
        with self._out.live.line(name, self.hide.shown, self.note) as line:
            yield line

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str, float], None]]:
        """Open a step; the function handed out closes it with its result and its seconds."""
        if not self._brief:
            with self.part(name):
                yield lambda result, took_s: self.note(f"= {result} ({duration(took_s)})")
            return
        began, self._step = time.monotonic(), _Step(name)
        try:
            with self._shown(self._step):
                yield self._closed
        except BaseException as error:
            end = "interrupted" if isinstance(error, KeyboardInterrupt) else "FAILED"
            self._close(f"{end} after {duration(time.monotonic() - began)}", style="red")
            raise
        finally:
            self._step, self._indent = None, ""

    @contextmanager
    def _shown(self, step: _Step) -> Iterator[None]:
        """Show a live line while the step lasts, where there is a terminal."""
        if not self._out.is_terminal:
            yield
            return
        with self._out.live.line(step.name, self.hide.shown, self.note) as step.line:
            yield

    def _closed(self, result: str, took_s: float) -> None:
        took = duration(took_s).replace(" ", "\N{NO-BREAK SPACE}" if self._out.is_terminal else " ")
        self._close(f"{result} ({took})")

    def _close(self, text: str, style: str | None = None) -> None:
        if self._step is None:
            return
        if self._step.opened:
            self._write(self._out, f"= {text}", style=style)
            return
        first, *more = self.hide.shown(f"{self._step.name:<{_NAME}}{text}").split("\n")
        self._out.line(first, style, bold=len(self._step.name), hanging=_NAME)
        for line in more:
            self._out.line(" " * _NAME + line, style)

    def answers(self) -> None:
        """From now on lines are the command's result: they are written also when quiet."""
        self._quiet = False

    def command(self, line: str) -> None:
        """Write a line that GitHub Actions reads: its parts were made visible by its maker."""
        if not self._quiet:
            self._out.command(self.hide(line))

    def row(self, name: str, text: str) -> None:
        """Write a line of a list: a short name, and what belongs to it beside it."""
        if not self._quiet:
            width = len(self._indent) + _ROW
            self._write(self._out, f"{name:<{_ROW}}{text}".rstrip(), hanging=width)

    # --- what the command says ----------------------------------------------------------------

    def title(self, text: str, *, colour: str = "") -> None:
        """Write a line that opens a part of the output."""
        if not self._quiet:
            self._write(self._out, text, style=f"bold {colour}".strip())

    @contextmanager
    def part(self, text: str) -> Iterator[None]:
        """Write a title; what is said inside stands below it, indented."""
        self.title(text)
        before, self._indent = self._indent, self._indent + _INDENT
        try:
            yield
        finally:
            self._indent = before

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write rows under a head; columns whose head starts with '#' are numbers."""
        if self._quiet:
            return
        if not self._out.is_terminal:
            for line in columns(head, rows):
                self._write(self._out, line)
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in head:
            table.add_column(
                self.hide.shown(name.removeprefix("#")),
                justify="right" if name.startswith("#") else "left",
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(self._out.printable(self.hide.shown(cell)) for cell in row))
        self._out.console.print(table, markup=False)

    def error(self, error: Stopped) -> None:
        """Write the three sentences of an error, and what failed while cleaning up."""
        self._write(self._err, f"error: {error.what}", style="red")
        for also in error.also:
            self._write(self._err, f"also: {also}", style="red")
        if error.rows and not (self.shows_rows or self._err.is_terminal):
            self._write(self._err, "rows: what the database quotes of them is left out (show_rows)")
        elif error.rows:
            for line in error.rows:
                self._write(self._err, f"rows: {line}")
        self._write(self._err, f"unchanged: {error.unchanged}")
        self._write(self._err, f"next: {error.next_step}")

    def crash(self, error: BaseException) -> None:
        """Write an error that shipway did not expect, with the way to it, without data."""
        self._write(self._err, way_to(error))
        self._write(
            self._err,
            "error: shipway met an error that it did not expect; the lines above say where.",
            style="red",
        )

    def document(self, content: object) -> None:
        """Write the one JSON document, where JSON was asked for."""
        from shipway.formats.json_form import json_form

        text = self.hide(json.dumps(json_form(content), indent=2, ensure_ascii=False))
        if Screen(self._stdout).printable(visible(text)) != text:
            text = json.dumps(json.loads(text), indent=2).replace("\x7f", "\\u007f")
        self._stdout.write(text + "\n")
        self._stdout.flush()

    @property
    def can_ask(self) -> bool:
        """Whether a person sits at both ends."""
        return sys.stdin.isatty() and self._stderr.isatty()

    def ask(self, question: str) -> str:
        """Ask a person and return the answer; empty at the end of input."""
        self._stderr.write(self.hide.shown(question) + " ")
        self._stderr.flush()
        return sys.stdin.readline().strip()

    def _write(
        self, screen: Screen, text: str, style: str | None = None, hanging: int | None = None
    ) -> None:
        for line in self.hide.shown(text).split("\n"):
            screen.line(self._indent + line, style, hanging=hanging)
