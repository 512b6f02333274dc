"""One browser for all tests, the pages that they look at, and where the pictures are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.report.files import JOURNAL, PAGE, write_board, write_files
from shipway.report.hide import Hide
from shipway.steps.journal.journal import FileCopy, Journal
from shipway.steps.release.record import Records
from tests.browser import examples
from tests.browser.chromium import Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
"""For people to look at; git does not keep them."""


@dataclass(frozen=True)
class Pages:
    """The pages, as files."""

    good: Path
    rolled_back: Path
    stopped: Path
    board: Path

    def all(self) -> list[Path]:
        """Return each of them."""
        return [self.good, self.rolled_back, self.stopped, self.board]


def make_pages(folder: Path) -> Pages:
    """Write the examples' files below a folder, each with its journal."""
    hide = Hide([])
    made = []
    for example in (examples.good(), examples.rolled_back(), examples.stopped()):
        record = replace(example, directory=folder / example.release_id)
        journal = Journal([FileCopy(record.directory / JOURNAL)], SystemClock())
        journal.write("begun", "release")
        for step in record.steps:
            journal.write("intent", step.name)
            journal.write("result", step.name, step.proof)
        write_files(record, hide=hide)
        made.append(record)
    board = write_board(folder, Records(records=tuple(made[::-1]), unreadable=()), hide=hide)
    good, rolled_back, stopped = (record.directory / PAGE for record in made)
    return Pages(good=good, rolled_back=rolled_back, stopped=stopped, board=board)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Return the pages of the examples."""
    return make_pages(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """Return the browser."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with Chromium() as running:
        yield running
