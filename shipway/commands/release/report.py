"""The commands of the reports: the page of one release, and the board of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.errors import Misconfigured
from shipway.formats.decoding import UPDATE, IllFormed, NewerFormat
from shipway.report.files import write_board, write_page
from shipway.report.records import Written
from shipway.steps.release.record import RECORD, list_records, read_record

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.commands.session import Session
    from shipway.steps.release.record import ReleaseRecord

__all__ = ["board", "report"]

_NOTHING = "Nothing was written."


def report(session: Session, release_id: str, *, open_: bool) -> Answer:
    """Make the page of a release from its record: of the newest one when none is named."""
    record = _record(session.wiring.releases_folder, release_id)
    return _write(session, write_page(record, hide=session.terminal.hide), open_=open_)


def board(session: Session, *, open_: bool) -> Answer:
    """Make the page of all releases whose records lie on this machine."""
    folder = session.wiring.releases_folder
    path = write_board(folder, list_records(folder), hide=session.terminal.hide)
    return _write(session, path, open_=open_)


def _write(session: Session, path: Path, *, open_: bool) -> Answer:
    if open_ and not session.asked.dry:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            session.terminal.warn("No browser could be opened here.")
    return Answer(value=Written(path=path))


def _record(folder: Path, release_id: str) -> ReleaseRecord:
    ids = [one.name for one in sorted(folder.glob("*")) if (one / RECORD).is_file()]
    wanted = release_id or (ids[-1] if ids else "")
    if wanted not in ids:
        named = f"There is no release {release_id} here." if release_id else "No release is here."
        newest = f"The newest are: {', '.join(ids[:-4:-1])}" if ids else "Make one: invoke release"
        raise Misconfigured(named, unchanged=_NOTHING, next_step=newest)
    try:
        return read_record(folder / wanted)
    except IllFormed as why:
        changed = "It was changed, or another version of shipway wrote it: use that one."
        raise Misconfigured(
            f"The record of {wanted} cannot be shown: {RECORD} {why}.",
            unchanged=_NOTHING,
            next_step=UPDATE if isinstance(why, NewerFormat) else changed,
        ) from None
