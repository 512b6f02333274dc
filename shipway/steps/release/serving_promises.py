"""What a release keeps of itself for the next one: what its code needs of the database."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.values.releases import KeptChecks, KeptFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Kept", "bring_back", "keep", "pack", "promises_of"]

_CHECKS = "checks"
_MIGRATIONS = "migrations.txt"
_RELEASE_ID = re.compile(r"[0-9A-Za-z-]+")
_FILE_NAME = re.compile(r"(?:[\w-][\w. -]*/)*[\w-][\w. -]*")
_PACKED_BYTES = 256 * 1024
"""Checks that are larger than this, or hold what is no text, are kept on this machine alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What lies in a release's folder."""

    checks_dir: Path
    """Its checks, as they were then."""
    migrations: frozenset[str]
    """Labels of the migrations that it knew, applied or not."""


def keep(release_dir: Path, *, checks_dir: Path, migrations: Iterable[str]) -> None:
    """Copy the checks and write down the known migrations."""
    release_dir.mkdir(parents=True, exist_ok=True)
    if checks_dir.is_dir():
        shutil.copytree(checks_dir, release_dir / _CHECKS, dirs_exist_ok=True)
    else:
        (release_dir / _CHECKS).mkdir(exist_ok=True)
    # Written last: where it is, the rest is whole.
    (release_dir / _MIGRATIONS).write_text("\n".join(migrations) + "\n", encoding="utf-8")


def promises_of(releases_folder: Path, release_id: str) -> Kept | None:
    """Return what a release has kept; None when it is not on this machine."""
    # The id comes from a deployment's metadata: it must not lead to another folder.
    if not _RELEASE_ID.fullmatch(release_id):
        return None
    folder = releases_folder / release_id
    try:
        labels = (folder / _MIGRATIONS).read_text(encoding="utf-8").split()
    except OSError:
        return None
    return Kept(checks_dir=folder / _CHECKS, migrations=frozenset(labels))


def pack(folder: Path, release_id: str) -> KeptChecks | None:
    """Return what a release has kept as a value for its journal; None when it is too large."""
    kept = promises_of(folder, release_id)
    if kept is None:
        return None
    files = []
    left = _PACKED_BYTES
    for path in sorted(one for one in kept.checks_dir.rglob("*") if one.is_file()):
        left -= path.stat().st_size
        if left < 0:
            return None
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None
        files.append(KeptFile(name=path.relative_to(kept.checks_dir).as_posix(), text=text))
    return KeptChecks(files=tuple(files), migrations=tuple(sorted(kept.migrations)))


def bring_back(checks: KeptChecks, folder: Path, release_id: str) -> None:
    """Write what a journal has kept to where `promises_of` finds it.

    Nothing is written of a release or a file whose name could lead out of the folder.
    """
    fitting = all(_FILE_NAME.fullmatch(one.name) for one in checks.files)
    if not _RELEASE_ID.fullmatch(release_id) or not fitting:
        return
    release_dir = folder / release_id
    for one in checks.files:
        path = release_dir / _CHECKS / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, encoding="utf-8")
    (release_dir / _CHECKS).mkdir(parents=True, exist_ok=True)
    (release_dir / _MIGRATIONS).write_text("\n".join(checks.migrations) + "\n", encoding="utf-8")
