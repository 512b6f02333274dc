"""Writes the files of a release's record: for programs, for people, and for pull requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shipway.formats.json_form import hide_secrets, json_form
from shipway.report.github.markdown import release_markdown
from shipway.report.page.chain import read_chain
from shipway.steps.release.record import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.report.hide import Hide
    from shipway.steps.release.record import Records, ReleaseRecord

__all__ = ["BOARD", "JOURNAL", "PAGE", "write_board", "write_files", "write_page"]

BOARD = "board.html"
JOURNAL = "journal.jsonl"
PAGE = "release.html"


def write_files(record: ReleaseRecord, *, hide: Hide) -> None:
    """Write release.json, release.md and release.html into the record's folder.

    The record comes first: the others can be made of it again.
    """
    record.directory.mkdir(parents=True, exist_ok=True)
    as_json = json.dumps(hide_secrets(json_form(record), hide), indent=2, ensure_ascii=False)
    _write(record.directory / RECORD, as_json + "\n")
    _write(record.directory / "release.md", hide.shown(release_markdown(record)))
    write_page(record, hide=hide)


def write_page(record: ReleaseRecord, *, hide: Hide) -> Path:
    """Write the page of a release and return where it is."""
    from shipway.report.page.render import release_page

    path = record.directory / PAGE
    _write(path, release_page(record, read_chain(record.directory / JOURNAL), hide=hide))
    return path


def write_board(folder: Path, found: Records, *, hide: Hide) -> Path:
    """Write the board of all releases of a folder and return where it is."""
    from shipway.report.page.render import board_page

    path = folder / BOARD
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, board_page(found.records, unreadable=found.unreadable, hide=hide))
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
