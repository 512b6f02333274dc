"""The migrations folder: which files are in it, in which order, and what each one's digest is."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from shipway.errors import Misconfigured
from shipway.migrations.directives import duration_s, refuse_unknown
from shipway.migrations.layout import as_supabase, down_for, downs_outside
from shipway.migrations.names import (
    DOWN,
    DOWN_IN_FOLDER,
    display_name,
    entries,
    entry_of,
    in_own_folder,
)
from shipway.migrations.sql.text import head_of, read_text
from shipway.values.migrations import Migration, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["DIRECTIVES", "losing_tables", "read_folder", "read_migration", "set_aside"]

_NOTHING_DONE = "Nothing was run and nothing was changed."
_FILE = re.compile(r"([0-9]+)[_-](.+?)(?:\.up)?\.sql\Z")
_AS_SUPABASE = re.compile(r"([0-9]+)(?:[_-](.+?))?(?:\.up)?\.sql\Z")
_MAX_DIGITS: Final = 18  # what a bigint surely holds
_TWINS: Final = 10_000
DIRECTIVES: Final = {
    "phase": "`expand` (before the new code is live; the default) or `contract` (after the old "
    "code is gone)",
    "lock_timeout": "longest wait for a table lock, in place of `lock_timeout_s`: `30s`, `500ms`",
    "statement_timeout": "longest run of one statement, in place of `statement_timeout_s`: `30min`",
    "loses": "tables and columns, `schema.table`, with commas, whose data the file gives up",
}
"""What the head of a migration may say."""


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """Return the folder's migrations in the order in which they are run: by number.

    Only files whose name ends in `.sql` are looked at, and each must be a migration; a folder
    that holds a `migration.sql` is one too, named by the folder. A folder of the Supabase CLI is
    read as that does it: by name, several files of one number included, and what is named
    otherwise is set aside.

    Raises:
        Misconfigured: the folder is missing or empty, or a file in it cannot be a migration.
    """
    if not folder.is_dir():
        raise Misconfigured(
            f"There is no migrations folder {folder}.",
            unchanged=_NOTHING_DONE,
            next_step="Set SHIPWAY_MIGRATIONS_DIR, or make the first file: invoke db.new NAME",
        )
    paths, _ = _split_folder(folder)
    downs = {path.name.removesuffix(DOWN): path for path in paths if path.name.endswith(DOWN)}
    ups = [path for path in paths if not path.name.endswith(DOWN)]
    outside = {path.name.removesuffix(DOWN): path for path in downs_outside(folder)}
    if not paths:
        raise Misconfigured(
            f"The migrations folder {folder} holds no .sql file.",
            unchanged=_NOTHING_DONE,
            next_step="Set SHIPWAY_MIGRATIONS_DIR, or make the first file: invoke db.new NAME",
        )
    by_name = as_supabase(ups)
    found = sorted(
        (read_migration(path, _down_of(path, downs, outside), by_name=by_name) for path in ups),
        key=attrgetter("place"),
    )
    for orphan in downs.values():
        raise Misconfigured(
            f"{orphan.name} undoes a migration that is not there.",
            unchanged=_NOTHING_DONE,
            next_step=f"Restore {orphan.name.removesuffix(DOWN)}.sql beside it, or delete it.",
        )
    return tuple(_with_versions(found))


def set_aside(folder: Path) -> tuple[str, ...]:
    """Return the .sql files of the Supabase CLI's folder that are no migrations, to it and to us.

    Elsewhere a file that is no migration is refused.
    """
    return tuple(path.name for path in _split_folder(folder)[1])


def _split_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return what is read of a folder, and what is set aside."""
    paths = list(entries(folder))
    named = [path for path in paths if in_own_folder(path) or _AS_SUPABASE.match(path.name)]
    if not as_supabase([path for path in named if not path.name.endswith(DOWN)]):
        return paths, []
    return named, [path for path in paths if path not in named]


def _with_versions(found: Sequence[Migration]) -> Iterator[Migration]:
    """Yield the migrations, each with a version that is its own.

    A further file of the same digits gets a number that comes of its name, so that it keeps it
    whatever comes beside it: the digits, and four more, or the next that are free.

    Raises:
        Misconfigured: two have one version, and the folder's order does not tell them apart.
    """
    seen: dict[int, Migration] = {}
    for file in found:
        twin = seen.get(file.version)
        own = file
        if twin is not None and file.by_name:
            label = int(hashlib.sha256(file.label.encode()).hexdigest(), 16)
            numbers = (file.version * _TWINS + (label + at) % _TWINS for at in range(_TWINS))
            own, twin = replace(file, version=next(one for one in numbers if one not in seen)), None
        if twin is not None or own.version >= 10**_MAX_DIGITS:
            raise Misconfigured(
                f"Two migrations have version {file.version}: "
                f"{entry_of(seen[file.version].path)} and {entry_of(file.path)}.",
                unchanged=_NOTHING_DONE,
                next_step="Give one of them a number of its own.",
            )
        seen[own.version] = own
        yield own


def _down_of(path: Path, downs: dict[str, Path], outside: Mapping[str, Path]) -> Path | None:
    """Return what undoes a file.

    Args:
        path: the file; in a folder of its own, what undoes it lies there.
        downs: the scripts beside it; the file's own is taken out.
        outside: those in the folder for down scripts.
    """
    if in_own_folder(path):
        beside = path.with_name(DOWN_IN_FOLDER)
        return beside if beside.is_file() else None
    stem = path.name.removesuffix(".sql").removesuffix(".up")
    here, there = downs.pop(stem, None), outside.get(stem)
    if here and there:
        raise Misconfigured(
            f"Two files undo {path.name}: {here} and {there}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Keep the one that is right, as {down_for(path)}, and delete the other.",
        )
    return here or there


def read_migration(path: Path, down_path: Path | None, *, by_name: bool = False) -> Migration:
    """Return one file as a migration, after looking whether its text can be one.

    Args:
        path: the file.
        down_path: what undoes it.
        by_name: the folder is read as the Supabase CLI reads it.

    Raises:
        Misconfigured: its name or its text cannot be a migration's.
    """
    digits, name = _name_of(path, _AS_SUPABASE if by_name else _FILE)
    text = read_text(path)
    directives = head_of(text, path)
    if directives:
        refuse_unknown(directives, DIRECTIVES, source=display_name(path))
    return Migration(
        version=int(digits),
        digits=digits,
        name=name,
        path=path,
        down_path=down_path,
        sha256=text.sha256,
        size_bytes=text.size_bytes,
        blank=text.blank,
        by_name=by_name,
        phase=_phase(directives.get("phase", Phase.EXPAND), path),
        lock_timeout_s=_limit(directives, "lock_timeout", path),
        statement_timeout_s=_limit(directives, "statement_timeout", path),
    )


def losing_tables(migration: Migration) -> tuple[str, ...]:
    """Return the tables, `schema.table`, whose rows the file's head says that it deletes."""
    directives = head_of(read_text(migration.path), migration.path)
    return tuple(name.strip() for name in directives.get("loses", "").split(",") if name.strip())


def _name_of(path: Path, form: re.Pattern[str]) -> tuple[str, str]:
    name = entry_of(path)
    match = form.match(f"{name}.sql" if in_own_folder(path) else name)
    if match is None:
        raise Misconfigured(
            f"{name} is no migration: its name is not of the form 001_what_it_does.sql.",
            unchanged=_NOTHING_DONE,
            next_step="Rename it (digits, an underscore, a name, .sql) or move it elsewhere.",
        )
    if len(match.group(1)) > _MAX_DIGITS:
        raise Misconfigured(
            f"{display_name(path)}: its number has more than {_MAX_DIGITS} digits.",
            unchanged=_NOTHING_DONE,
            next_step="Use a short number or a 14-digit timestamp.",
        )
    return match.group(1), match.group(2) or ""


def _phase(value: str, path: Path) -> Phase:
    try:
        return Phase(value)
    except ValueError:
        raise Misconfigured(
            f"{display_name(path)}: phase={value} is not a phase.",
            unchanged=_NOTHING_DONE,
            next_step="Use phase=expand (the default) or phase=contract.",
        ) from None


def _limit(directives: Mapping[str, str], key: str, path: Path) -> float | None:
    value = directives.get(key)
    return None if value is None else duration_s(value, key=key, source=display_name(path))
