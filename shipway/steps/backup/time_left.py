"""How long a piece of work will last: by the pace so far, or by how long it took before."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import number, size
from shipway.steps.backup.store import list_backups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say

__all__ = ["expected_bytes", "restoring", "time_left_s"]

_AFTER_S: Final = 1.0
_FROM_SHARE: Final = 0.02
"""Of less nothing can be told: what a piece of work begins with is not like the rest of it."""


def time_left_s(share: float, took_s: float) -> float | None:
    """Return how many seconds the rest will last at the pace so far; None while that is a guess.

    Args:
        share: of the work that is done, from 0 to 1; of one that was expected to be smaller, more.
        took_s: how long that took.
    """
    if took_s < _AFTER_S or not _FROM_SHARE <= share < 1:
        return None
    return took_s * (1 - share) / share


def expected_bytes(folder: Path, target: str) -> int | None:
    """Return about how large the next archive of a target will be: as large as its newest one."""
    for backup in list_backups(folder).backups:
        if backup.manifest.target == target:
            return backup.manifest.archive_bytes
    return None


@contextmanager
def restoring(backup: Backup, *, clock: Clock, say: Say) -> Iterator[Callable[[int], None]]:
    """Show a restore while the block lasts; the function takes the rows that are back so far.

    The time that is left is told by the latest restore of a backup of the same target: after the
    rows come indexes and constraints, which rows tell nothing of.
    """
    rows = sum(backup.manifest.row_counts.values())
    whole_s = _restore_s(backup)
    began = clock.monotonic()
    with say.progress(f"restoring {size(backup.manifest.archive_bytes)}") as line:

        def tell(back: int) -> None:
            took_s = clock.monotonic() - began
            line.at(f"{number(back)} of {number(rows)} rows", left_s=whole_s and whole_s - took_s)

        tell(0)
        yield tell


def _restore_s(backup: Backup) -> float | None:
    """Return how long a restore takes by the latest one, in seconds; None when there was none."""
    for one in (backup, *list_backups(backup.directory.parent).backups):
        if one.restore_s is not None and one.manifest.target == backup.manifest.target:
            grown = backup.manifest.archive_bytes / max(one.manifest.archive_bytes, 1)
            return one.restore_s * grown
    return None
