"""How a migration's file is named: `001_notes.sql`, or Prisma's `001_notes/migration.sql`."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "DOWN",
    "DOWN_IN_FOLDER",
    "IN_FOLDER",
    "display_name",
    "entries",
    "entry_of",
    "in_own_folder",
]

DOWN: Final = ".down.sql"
IN_FOLDER: Final = "migration.sql"
"""The file's name where each migration is a folder, as Prisma makes them."""
DOWN_IN_FOLDER: Final = "down.sql"


def entries(folder: Path) -> Iterator[Path]:
    """Yield the .sql files of a migrations folder, those in folders of their own included."""
    for path in sorted(folder.iterdir(), key=attrgetter("name")):  # much faster than by path
        if path.name.lower().endswith(".sql"):
            yield path
        elif (path / IN_FOLDER).is_file():
            yield path / IN_FOLDER


def in_own_folder(path: Path) -> bool:
    """Return whether the file's folder, and not its own name, says which migration it is."""
    return path.name in {IN_FOLDER, DOWN_IN_FOLDER}


def entry_of(path: Path) -> str:
    """Return the migration's name in the migrations folder: its file's, or its own folder's."""
    return path.parent.name if in_own_folder(path) else path.name


def display_name(path: Path) -> str:
    """Return the file's name for a person; with its folder where only that tells it apart."""
    return f"{path.parent.name}/{path.name}" if in_own_folder(path) else path.name
