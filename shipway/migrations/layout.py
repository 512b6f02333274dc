"""How a folder is laid out, and which tool beside shipway takes its files for migrations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from shipway.migrations.names import DOWN, DOWN_IN_FOLDER, in_own_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "ALL_MARKS",
    "SUPABASE_CLI",
    "Marks",
    "as_supabase",
    "down_for",
    "downs_outside",
    "marks_like",
    "tool_sharing_folder",
    "wants_folders",
]

SUPABASE_CLI: Final = "the Supabase CLI"
_DOWN_FOLDER: Final = "rollbacks"
"""Beside the migrations: no tool looks for migrations there."""
_HEAD_BYTES: Final = 1 << 12
_ANY_CASE: Final = re.MULTILINE | re.IGNORECASE


class Marks(NamedTuple):
    """The lines between which a tool wants to see what is run."""

    above: str = ""
    below: str = ""


_TOOLS: Final = (
    (
        "dbmate",
        Marks("-- migrate:up\n", "\n-- migrate:down\n"),
        re.compile(rb"^\s*--\s*migrate:up\b", re.MULTILINE),
    ),
    ("goose", Marks("-- +goose Up\n"), re.compile(rb"^\s*--\s*\+goose\s+up\b", _ANY_CASE)),
    (
        "sql-migrate",
        Marks("-- +migrate Up\n"),
        re.compile(rb"^\s*--\s*\+migrate\s+up\b", _ANY_CASE),
    ),
    (
        "node-pg-migrate",
        Marks("-- Up Migration\n"),
        re.compile(rb"^\s*--[\s-]*up\s+migration", _ANY_CASE),
    ),
)
ALL_MARKS: Final = (Marks(), *(marks for _, marks, _ in _TOOLS))
_NODE_PG_MIGRATE_DIGITS: Final = {13, 17}
"""Milliseconds since 1970, or a UTC time down to them: no other tool numbers files so."""
_DATED: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def tool_sharing_folder(up: Path) -> str:
    """Return the tool that takes every .sql file beside this migration for one; empty for none.

    The Supabase CLI is known by its folder, the others by what they want to see in a file.
    """
    if in_own_folder(up):
        return ""
    if (up.parent.parent.name, up.parent.name) == ("supabase", "migrations"):
        return SUPABASE_CLI
    tool, _ = _mark_of(up)
    digits = re.match(r"\d*", up.name)
    if digits and len(digits.group()) in _NODE_PG_MIGRATE_DIGITS:
        return tool or "node-pg-migrate"
    return tool


def as_supabase(paths: Sequence[Path]) -> bool:
    """Tell whether a folder is read as the Supabase CLI reads it: by the order of its names.

    That is the CLI's own folder, and any other in which every number begins with a date and no
    tool has left its mark: there too a day, `20251005_x`, stands beside times of day.

    Args:
        paths: the migrations in it.
    """
    if not paths or any(map(in_own_folder, paths)):
        return False
    tools = {tool_sharing_folder(path) for path in paths[:1]}
    return tools == {SUPABASE_CLI} or (
        tools == {""} and all(_DATED.match(path.name) for path in paths)
    )


def marks_like(like: Path) -> Marks:
    """Return what a tool wants to see in a new file of this one's folder."""
    return _mark_of(like)[1]


def down_for(up: Path, *, like: Path | None = None) -> Path:
    """Return where the script belongs that undoes a migration.

    Args:
        up: the migration.
        like: an older one of the folder, where `up` is not written yet.
    """
    if in_own_folder(up):
        return up.with_name(DOWN_IN_FOLDER)
    name = up.name.removesuffix(".sql").removesuffix(".up") + DOWN
    if not tool_sharing_folder(up) and not (like and tool_sharing_folder(like)):
        return up.with_name(name)
    return up.parent.with_name(_DOWN_FOLDER) / name


def downs_outside(folder: Path) -> Iterator[Path]:
    """Yield the down scripts that lie in the folder for them, beside the migrations folder."""
    yield from sorted(folder.with_name(_DOWN_FOLDER).glob(f"*{DOWN}"))


def wants_folders(folder: Path) -> bool:
    """Return whether each migration is a folder here although there is none yet, as for Prisma."""
    of_prisma = (folder.parent.name, folder.name) == ("prisma", "migrations")
    return of_prisma or (folder / "migration_lock.toml").is_file()


def _mark_of(path: Path) -> tuple[str, Marks]:
    """Return the tool whose mark the file bears, and its marks."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return "", Marks()  # It is not written yet.
    for tool, marks, pattern in _TOOLS:
        if pattern.search(head):
            return tool, marks
    return "", Marks()
