"""The next migration of a folder: its number, its files, and the text that they begin with."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured
from shipway.migrations.files import read_folder
from shipway.migrations.layout import (
    ALL_MARKS,
    down_for,
    marks_like,
    tool_sharing_folder,
    wants_folders,
)
from shipway.migrations.names import IN_FOLDER, display_name, entries, in_own_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from shipway.migrations.layout import Marks
    from shipway.values.migrations import Migration

__all__ = ["NextFiles", "create_files", "is_untouched", "next_files", "refuse_untouched"]

_NOTHING_DONE = "Nothing was run and nothing was changed."
_BLANK_ENDS = ("\n\n", "\n", "")
"""As it is written, and as editors leave it that take out empty lines at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextFiles:
    """What `db.new` would create."""

    up: Path
    down: Path
    text: str
    """Of the first; nothing of it is run."""


def next_files(folder: Path, name: str, *, now: datetime) -> NextFiles:
    """Return the next migration of a folder, numbered and laid out as those that are there.

    What another tool would take for a migration, and is none, lies outside the folder.

    Raises:
        Misconfigured: the name has no letter or digit, or the folder has a fault.
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    if not words:
        raise Misconfigured(
            f"'{name}' is no name for a migration.",
            unchanged=_NOTHING_DONE,
            next_step="Say what it does, for example: invoke db.new add_invoices",
        )
    there = folder.is_dir() and any(entries(folder))
    newest = read_folder(folder)[-1] if there else None
    stem = f"{_next_digits(folder, newest, now)}_{'_'.join(words)}"
    if in_own_folder(newest.path) if newest else wants_folders(folder):
        up = folder / stem / IN_FOLDER
    else:
        ending = ".up.sql" if newest and newest.path.name.endswith(".up.sql") else ".sql"
        up = folder / f"{stem}{ending}"
    like = newest.path if newest else up
    return NextFiles(up=up, down=down_for(up, like=like), text=_text(words, marks_like(like)))


def create_files(files: NextFiles) -> None:
    """Create both, and their folders where they are missing."""
    for path, text in (
        (files.up, files.text),
        (files.down, f"-- undoes {display_name(files.up)}\n\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)


def is_untouched(migration: Migration) -> bool:
    """Tell whether the file is still as `db.new` has made it."""
    if not migration.blank:
        return False
    words = migration.name.split("_")
    made = (_text(words, marks).rstrip("\n") for marks in ALL_MARKS)
    texts = (text + end for text in made for end in _BLANK_ENDS)
    return migration.sha256 in {hashlib.sha256(text.encode()).hexdigest() for text in texts}


def refuse_untouched(pending: Sequence[Migration]) -> None:
    """Refuse to run a file into which nothing was written since `db.new` made it.

    Raises:
        Misconfigured: there is one.
    """
    for migration in pending:
        if is_untouched(migration):
            raise Misconfigured(
                f"{display_name(migration.path)} is as db.new has made it: "
                "nothing is written into it.",
                unchanged=_NOTHING_DONE,
                next_step=f"Write the migration into {migration.path}; if it is to do nothing, say "
                f"why in a comment.\nOr take it away again: {_removal(migration)}",
            )


def _removal(migration: Migration) -> str:
    if in_own_folder(migration.path):
        return f"rm -r {shlex.quote(str(migration.path.parent))}"
    paths = [migration.path, *([migration.down_path] if migration.down_path else [])]
    return f"rm {' '.join(shlex.quote(str(path)) for path in paths)}"


def _text(words: Sequence[str], marks: Marks) -> str:
    return f"{marks.above}-- {' '.join(words)}\n\n{marks.below}"


def _next_digits(folder: Path, newest: Migration | None, now: datetime) -> str:
    """Return the next number, of the kind that the folder's newest has."""
    if newest is None:
        by_time = wants_folders(folder) or tool_sharing_folder(folder / "first.sql")
        return f"{now:%Y%m%d%H%M%S}" if by_time else "001"
    milliseconds = now.microsecond // 1000
    by_width = {
        13: int(now.timestamp()) * 1000 + milliseconds,
        14: int(f"{now:%Y%m%d%H%M%S}"),
        17: int(f"{now:%Y%m%d%H%M%S}{milliseconds:03}"),
    }
    width = len(newest.digits)
    return str(max(by_width.get(width, 0), int(newest.digits) + 1)).zfill(width)
