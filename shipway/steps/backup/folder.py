"""A backup's folder while it is filled: it has its name once it is whole, and not before."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["new_folder"]


@contextmanager
def new_folder(directory: Path) -> Iterator[Path]:
    """Hand out a folder that gets its name when the block has succeeded, and else is deleted.

    Raises:
        Failed: it cannot be written.
    """
    partial = directory.with_name(directory.name + ".partial")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        # Dumps hold everything that the database holds: they are the owner's alone.
        directory.parent.chmod(0o700)
        directory.mkdir(mode=0o700)
        directory.rename(partial)
        yield partial
        partial.rename(directory)
    except OSError as error:
        raise Failed(
            f"The backup could not be written to {directory.parent}: {error.strerror}.",
            unchanged="The database was not changed, and no backup was kept.",
            next_step="Make that folder writable with room in it, or set SHIPWAY_STATE_DIR.",
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
