"""How what lies on this machine is told: backups, and the records of releases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.formats.figures import duration, size
from shipway.report.files import PAGE
from shipway.report.words import show
from shipway.steps.backup.store import Shelf
from shipway.steps.release.record import ReleaseEnd, ReleaseRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.report.terminal.terminal import Terminal
    from shipway.values.backup import Backup

__all__ = ["Written"]

_ENDS = {
    ReleaseEnd.GOOD: "is live, and its logs are GOOD",
    ReleaseEnd.NOT_ENOUGH_EVIDENCE: "is live; its logs hold NOT ENOUGH EVIDENCE for a verdict",
    ReleaseEnd.BAD: "is live, and its logs are BAD",
    ReleaseEnd.ROLLED_BACK: "was ROLLED BACK: its logs were BAD",
    ReleaseEnd.FAILED: "FAILED",
    ReleaseEnd.INTERRUPTED: "was INTERRUPTED",
    ReleaseEnd.FINISHED: "is through: the contract migrations are applied",
}


_COLOURS = {
    ReleaseEnd.GOOD: "green",
    ReleaseEnd.FINISHED: "green",
    ReleaseEnd.NOT_ENOUGH_EVIDENCE: "yellow",
    ReleaseEnd.INTERRUPTED: "yellow",
}


def near(path: Path) -> Path:
    """Return a path as short as it can be written from the folder that we are in."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A page that was made."""

    path: Path


@show.register(Written)
def _(value: Written, terminal: Terminal) -> None:
    terminal.note(f"written: {near(value.path)}")


@show.register(Shelf)
def _(value: Shelf, terminal: Terminal) -> None:
    _show_backups(value.backups, terminal)
    for one in value.unreadable:
        terminal.warn(f"{one.directory.name}: {one.reason}")


def _show_backups(backups: Sequence[Backup], terminal: Terminal) -> None:
    if not backups:
        terminal.note("There is no backup of this target on this machine: invoke backup")
        return
    rows = [
        (
            one.manifest.backup_id,
            size(one.manifest.archive_bytes),
            str(len(one.manifest.row_counts)),
            str(sum(one.manifest.row_counts.values())),
            f"L{one.grade.value} {one.grade.name.lower()}",
            "-" if one.restore_s is None else duration(one.restore_s),
            _places(one),
        )
        for one in backups
    ]
    terminal.table(("backup", "#size", "#tables", "#rows", "grade", "#restored in", "kept"), rows)


def _places(backup: Backup) -> str:
    """Return where it is kept: this machine, and the bucket."""
    made = backup.manifest
    if not made.uploaded_to:
        return "here only"
    bucket = made.uploaded_to.removesuffix(f"/{made.backup_id}/{made.archive}")
    return f"here, {bucket}"


@show.register(ReleaseRecord)
def _(value: ReleaseRecord, terminal: Terminal) -> None:
    took = duration(value.took_s)
    terminal.note("")
    colour = _COLOURS.get(value.end, "red")
    terminal.title(f"release {value.release_id} {_ENDS[value.end]} ({took})", colour=colour)
    terminal.note(f"  report  {near(value.directory / PAGE)}")
    if value.live_url:
        terminal.note(f"  live    {value.live_url}")
