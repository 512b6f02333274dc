"""Takes the pictures of the documentation: `python -m tests.browser.pictures docs`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import Chromium
from tests.browser.conftest import make_pages

# Name, which page, width, dark, and how much of its height.
PICTURES = (
    ("report-wide", "good", 1280, False, None),
    ("report-top", "good", 1280, False, 905),
    ("report-phone", "good", 380, False, 1500),
    ("report-dark", "good", 1280, True, 1500),
    ("report-rolled-back", "rolled_back", 1280, False, 1500),
    ("report-board", "board", 1280, False, None),
)


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    with tempfile.TemporaryDirectory() as scratch, Chromium() as browser:
        pages = make_pages(Path(scratch))
        for name, page, width, dark, height in PICTURES:
            browser.open(getattr(pages, page), width=width, dark=dark)
            browser.picture(folder / f"{name}.png", height=height)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
