"""The migrations folder: which files are in it, in which order, and what each one's digest is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.errors import Misconfigured
from shipway.migrations.directives import duration_s, refuse_unknown
from shipway.migrations.names import (
    DOWN,
    DOWN_IN_FOLDER,
    IN_FOLDER,
    entries,
    entry_of,
    in_own_folder,
    shown,
)
from shipway.migrations.text import head_of, read_text
from shipway.values import Migration, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

__all__ = ["DIRECTIVES", "losing_tables", "new_files", "read_folder", "read_migration"]

_NOTHING_DONE = "Nothing was run and nothing was changed."
_FILE = re.compile(r"([0-9]+)[_-](.+?)(?:\.up)?\.sql\Z")
_MAX_DIGITS: Final = 18  # what a bigint surely holds
_TIMESTAMP_DIGITS: Final = 14
DIRECTIVES: Final = {
    "phase": "`expand` (before the new code is live; the default) or `contract` (after the old "
    "code is gone)",
    "lock_timeout": "longest wait for a table lock, in place of `lock_timeout_s`: `30s`, `500ms`",
    "statement_timeout": "longest run of one statement, in place of `statement_timeout_s`: `30min`",
    "loses": "tables, `schema.table`, with commas, whose rows the file deletes",
}
"""What the head of a migration may say."""


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """Return the folder's migrations, ordered by number.

    Only files whose name ends in `.sql` are looked at, and each must be a migration; a folder
    that holds a `migration.sql` is one too, named by the folder.

    Raises:
        Misconfigured: the folder is missing or empty, or a file in it cannot be a migration.
    """
    if not folder.is_dir():
        raise Misconfigured(
            f"There is no migrations folder {folder}.",
            unchanged=_NOTHING_DONE,
            next_step="Set SHIPWAY_MIGRATIONS_DIR, or make the first file: invoke db.new NAME",
        )
    paths = list(entries(folder))
    downs = {path.name.removesuffix(DOWN): path for path in paths if path.name.endswith(DOWN)}
    ups = [path for path in paths if not path.name.endswith(DOWN)]
    if not ups and not downs:
        raise Misconfigured(
            f"The migrations folder {folder} holds no .sql file.",
            unchanged=_NOTHING_DONE,
            next_step="Set SHIPWAY_MIGRATIONS_DIR, or make the first file: invoke db.new NAME",
        )
    seen: dict[int, Path] = {}
    found = []
    for path in ups:
        migration = read_migration(path, _down_of(path, downs))
        if (twin := seen.setdefault(migration.version, path)) is not path:
            raise Misconfigured(
                f"Two migrations have version {migration.version}: "
                f"{entry_of(twin)} and {entry_of(path)}.",
                unchanged=_NOTHING_DONE,
                next_step="Give one of them a number of its own.",
            )
        found.append(migration)
    for orphan in downs.values():
        raise Misconfigured(
            f"{orphan.name} undoes a migration that is not there.",
            unchanged=_NOTHING_DONE,
            next_step=f"Restore {orphan.name.removesuffix(DOWN)}.sql beside it, or delete it.",
        )
    return tuple(sorted(found, key=lambda migration: migration.version))


def _down_of(path: Path, downs: dict[str, Path]) -> Path | None:
    """Return what undoes a file, taken out of `downs`; in a folder of its own it lies there."""
    if in_own_folder(path):
        beside = path.with_name(DOWN_IN_FOLDER)
        return beside if beside.is_file() else None
    return downs.pop(path.name.removesuffix(".sql").removesuffix(".up"), None)


def read_migration(path: Path, down_path: Path | None) -> Migration:
    """Return one file as a migration, after looking whether its text can be one.

    Raises:
        Misconfigured: its name or its text cannot be a migration's.
    """
    digits, name = _name_of(path)
    text = read_text(path)
    directives = head_of(text, path)
    if directives:
        refuse_unknown(directives, DIRECTIVES, source=shown(path))
    return Migration(
        version=int(digits),
        digits=digits,
        name=name,
        path=path,
        down_path=down_path,
        sha256=text.sha256,
        size_bytes=text.size_bytes,
        phase=_phase(directives.get("phase", Phase.EXPAND), path),
        lock_timeout_s=_limit(directives, "lock_timeout", path),
        statement_timeout_s=_limit(directives, "statement_timeout", path),
    )


def losing_tables(migration: Migration) -> tuple[str, ...]:
    """Return the tables, `schema.table`, whose rows the file's head says that it deletes."""
    directives = head_of(read_text(migration.path), migration.path)
    return tuple(name.strip() for name in directives.get("loses", "").split(",") if name.strip())


def new_files(folder: Path, name: str, *, now: datetime) -> tuple[Path, Path]:
    """Create the next migration and its down file, numbered as the folder does it.

    A folder of 14-digit timestamps goes on with `now`; any other keeps its width of digits.

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
    folder.mkdir(parents=True, exist_ok=True)
    present = read_folder(folder) if any(entries(folder)) else ()
    stem = f"{_next_digits(present, now)}_{'_'.join(words)}"
    up, down = folder / f"{stem}.sql", folder / f"{stem}{DOWN}"
    if present and in_own_folder(present[-1].path):
        (folder / stem).mkdir()
        up, down = folder / stem / IN_FOLDER, folder / stem / DOWN_IN_FOLDER
    with up.open("x", encoding="utf-8") as stream:
        stream.write(f"-- {' '.join(words)}\n\n")
    with down.open("x", encoding="utf-8") as stream:
        stream.write(f"-- undoes {shown(up)}\n\n")
    return up, down


def _next_digits(present: tuple[Migration, ...], now: datetime) -> str:
    if not present:
        return "001"
    last = present[-1]
    if len(last.digits) == _TIMESTAMP_DIGITS:
        return str(max(int(f"{now:%Y%m%d%H%M%S}"), last.version + 1))
    return str(last.version + 1).zfill(len(last.digits))


def _name_of(path: Path) -> tuple[str, str]:
    name = entry_of(path)
    match = _FILE.match(f"{name}.sql" if in_own_folder(path) else name)
    if match is None:
        raise Misconfigured(
            f"{name} is no migration: its name is not of the form 001_what_it_does.sql.",
            unchanged=_NOTHING_DONE,
            next_step="Rename it (digits, an underscore, a name, .sql) or move it elsewhere.",
        )
    if len(match.group(1)) > _MAX_DIGITS:
        raise Misconfigured(
            f"{shown(path)}: its number has more than {_MAX_DIGITS} digits.",
            unchanged=_NOTHING_DONE,
            next_step="Use a short number or a 14-digit timestamp.",
        )
    return match.group(1), match.group(2)


def _phase(value: str, path: Path) -> Phase:
    try:
        return Phase(value)
    except ValueError:
        raise Misconfigured(
            f"{shown(path)}: phase={value} is not a phase.",
            unchanged=_NOTHING_DONE,
            next_step="Use phase=expand (the default) or phase=contract.",
        ) from None


def _limit(directives: Mapping[str, str], key: str, path: Path) -> float | None:
    value = directives.get(key)
    return None if value is None else duration_s(value, key=key, source=shown(path))
