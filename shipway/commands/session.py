"""Runs one command: reads the settings, does the work, and turns its end into an exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.signals import Interruptions
from shipway.environment import github_actions, load, project_root
from shipway.errors import Interrupted, Misconfigured, Refused, Stopped
from shipway.report.terminal.terminal import Terminal
from shipway.report.words import show
from shipway.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipway.commands.asked import Asked
    from shipway.settings import Settings

__all__ = ["Session", "interruption", "run", "with_notes"]

FORMATS = ("text", "json")
_WAITING = "stopping as soon as this piece is through; Ctrl-C once more stops at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every command works with."""

    asked: Asked
    settings: Settings
    terminal: Terminal
    wiring: Wiring
    interruptions: Interruptions

    def confirm(self, question: str) -> None:
        """Return when the operator says yes, or said so beforehand with `--yes`.

        Raises:
            Refused: the answer was another, or nobody can be asked.
        """
        if self.asked.yes:
            return
        unchanged = "Nothing was changed."
        again = f"Run it again with --yes: {self.asked.again} --yes"
        if not self.terminal.can_ask:
            raise Refused(
                "Nobody can be asked here: this is not a terminal.",
                unchanged=unchanged,
                next_step=again,
            )
        if self.terminal.ask(f"{question} [yes/no]").lower() not in {"y", "yes"}:
            raise Refused("You did not say yes.", unchanged=unchanged, next_step=again)


def run(asked: Asked, work: Callable[[Session], Answer]) -> int:
    """Run one command and return the exit code of the process; docs/exit-codes.md lists them.

    With `--format json` exactly one JSON document is written to stdout, whatever happens.
    """
    terminal = Terminal(
        as_json=asked.format == "json",
        # Who is asked has to see what about.
        quiet=asked.quiet and (asked.yes or not sys.stdin.isatty()),
        verbose=asked.verbose,
    )
    interruptions = Interruptions(lambda: terminal.warn(_WAITING))
    interruptions.expect()
    try:
        return _tell(asked, terminal, *_work(asked, terminal, interruptions, work))
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does; there is nobody to tell.
        os._exit(1)
    except Exception as error:  # noqa: BLE001 - the one place where a bug ends a command
        terminal.crash(error)
        if asked.format == "json":
            from shipway.commands.document import unexpected_error

            terminal.document(unexpected_error(asked))
        return 1


def _work(
    asked: Asked,
    terminal: Terminal,
    interruptions: Interruptions,
    work: Callable[[Session], Answer],
) -> tuple[str | None, Answer]:
    """Return the target's name, as far as it is known, and how the work ended."""
    target = asked.target
    try:
        _know_format(asked.format)
        root = Path.cwd() if asked.here else project_root(Path.cwd())
        settings = load(asked.target, root=root)
        target = settings.target
        terminal.knows(settings.secrets(), shows_rows=settings.show_rows)
        with Wiring(settings) as wiring:
            session = Session(
                asked=asked,
                settings=settings,
                terminal=terminal,
                wiring=wiring,
                interruptions=interruptions,
            )
            return target, work(session)
    except Stopped as error:
        return target, Answer(error=error)
    except KeyboardInterrupt as error:
        return target, Answer(error=with_notes(interruption(asked), error))


def _tell(asked: Asked, terminal: Terminal, target: str | None, answer: Answer) -> int:
    error = answer.error
    terminal.answers()
    if answer.value is not None and asked.format == "text":
        show(answer.value, terminal)
    if error is not None:
        error.next_step = asked.on_target(error.next_step)
        terminal.error(error)
        _tell_actions(error, terminal)
    code = error.exit_code if error else 0
    if asked.format == "json":
        from shipway.commands.document import document_of

        terminal.document(document_of(asked, target, answer, shows_rows=terminal.shows_rows))
    return code


def _tell_actions(error: Stopped, terminal: Terminal) -> None:
    """Tell GitHub Actions, where there is one, why the command failed."""
    actions = github_actions()
    if actions is not None:
        from shipway.report.github.actions import tell_error

        tell_error(error, actions, terminal)


def with_notes(stopped: Interrupted, error: KeyboardInterrupt) -> Interrupted:
    """Return the error with what failed while cleaning up after the interruption."""
    for note in getattr(error, "__notes__", ()):
        stopped.add(note)
    return stopped


def interruption(asked: Asked) -> Interrupted:
    """Return the error that stands for Ctrl-C or SIGTERM."""
    return Interrupted(
        "Interrupted.",
        unchanged="What the lines above report stands; the piece of work in progress was given up "
        "(a migration in progress was rolled back by the database).",
        next_step=f"Run it again: {asked.again}",
    )


def _know_format(name: str) -> None:
    if name not in FORMATS:
        raise Misconfigured(
            f"'{name}' is not a format.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step=f"Use --format with one of: {', '.join(FORMATS)}",
        )
