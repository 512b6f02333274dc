"""Proves both ways in which a backup could be needed: on a copy, and there over what it holds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.edges.restore.progress import untold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shipway.edges.copies.rehearsal_room import RehearsalRoom
    from shipway.edges.copies.restored_copy import Copy
    from shipway.values.backup import Backup

__all__ = ["restore_twice"]


@contextmanager
def restore_twice(
    room: RehearsalRoom, backup: Backup, tell: Callable[[int], None] = untold
) -> Iterator[Copy]:
    """Restore a backup into a copy and there once more, in the place of what the copy holds.

    That is the way on which a target in use is brought back. Where the copy lacks an extension,
    what needs it could not come, and only the first of the two is proven.

    Args:
        room: where copies live.
        backup: its digest was looked at by the caller.
        tell: told meanwhile how many rows are back.

    Raises:
        Failed: it could not be put in place.
    """
    with room.copy_of(backup, tell) as copy:
        lacks = any(one.startswith("extension ") for one in copy.restored.left_out)
        if not (lacks or copy.restored.errors or copy.restored.partly):
            with room.replaced(backup, url=copy.owner):
                pass
        yield copy
