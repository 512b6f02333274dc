"""Counts the rows that a restore has brought back, by what pg_restore says while it runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["RowsBack", "untold"]

# With --jobs it names what is through by its number in the archive's table of contents.
_FINISHED: Final = re.compile(rb"^pg_restore: finished item (\d+) TABLE DATA ", re.MULTILINE)


class RowsBack:
    """The rows that are back, of several runs of pg_restore on one archive.

    Args:
        rows: the number of each table's entry in the archive to the table's rows.
        tell: told the sum whenever it was looked at.
    """

    def __init__(self, rows: Mapping[int, int], tell: Callable[[int], None]) -> None:
        self._rows = rows
        self._tell = tell
        self._finished: set[int] = set()

    def look(self, said: bytes) -> None:
        """Take what a run has said so far, from its beginning."""
        self._finished.update(int(number) for number in _FINISHED.findall(said))
        self._tell(sum(self._rows.get(number, 0) for number in self._finished))


def untold(_rows: int) -> None:
    """Tell nobody."""
