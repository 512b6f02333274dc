"""What a release keeps of itself for the next one: what its code needs of the database."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Kept", "keep", "kept_of"]

_CHECKS = "checks"
_MIGRATIONS = "migrations.txt"
_RELEASE_ID = re.compile(r"[0-9A-Za-z-]+")


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


def kept_of(releases_folder: Path, release_id: str) -> Kept | None:
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
