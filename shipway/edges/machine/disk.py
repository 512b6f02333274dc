"""Room on this machine's disks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.values.gates import Disk

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["disk_of"]


def disk_of(folder: Path) -> Disk:
    """Return the room on the disk of a folder, which need not exist yet.

    Free is what an ordinary user may still fill, not what root may.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        usage = shutil.disk_usage(there)
    except OSError as error:
        raise Refused(
            f"The disk of {there} does not tell its room: {error.strerror}.",
            unchanged="Nothing was changed.",
            next_step="Set state_dir to a folder of another disk.",
        ) from None
    return Disk(size_bytes=usage.total, free_bytes=usage.free)
