"""What GitHub Actions is told: annotations in the log, and the summary on the run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.report.github.annotations import of_error, of_seal
from shipway.report.github.markdown import release_markdown, seal_markdown
from shipway.report.page.parts import take_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.errors import Stopped
    from shipway.report.terminal.terminal import Terminal
    from shipway.steps.release.record import ReleaseRecord
    from shipway.values.migrations import Migration
    from shipway.values.rehearsal import Seal
    from shipway.values.releases import Actions

__all__ = ["tell_error", "tell_release", "tell_seal"]


def tell_error(error: Stopped, actions: Actions | None, terminal: Terminal) -> None:
    """Annotate why a command failed."""
    if actions is not None:
        terminal.command(of_error(error, actions.workspace))


def tell_seal(
    seal: Seal, pending: Sequence[Migration], actions: Actions | None, terminal: Terminal
) -> None:
    """Annotate what a rehearsal found, and put it on the run's page."""
    if actions is None:
        return
    _annotate(seal, pending, actions, terminal)
    _summarise(seal_markdown(seal), actions, terminal)


def tell_release(
    record: ReleaseRecord,
    pending: Sequence[Migration],
    actions: Actions | None,
    terminal: Terminal,
) -> None:
    """Annotate what the release's rehearsal found, and put the release on the run's page."""
    if actions is None:
        return
    seal = take_apart(record).seal
    if seal is not None:
        _annotate(seal, pending, actions, terminal)
    _summarise(release_markdown(record), actions, terminal)


def _annotate(
    seal: Seal, pending: Sequence[Migration], actions: Actions, terminal: Terminal
) -> None:
    files = {one.label: one.path for one in pending}
    for line in of_seal(seal, files, actions.workspace):
        terminal.command(line)


def _summarise(text: str, actions: Actions, terminal: Terminal) -> None:
    if actions.summary is not None:
        with actions.summary.open("a", encoding="utf-8") as file:
            file.write(terminal.hide.shown(text) + "\n")
