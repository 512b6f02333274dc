"""Looks at a project's folder: which app it is, and where its migrations are."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Final

from shipway.starter.older_history import counts_on_default_grants
from shipway.starter.own_tasks import how_to_add, tasks_file
from shipway.values.starting import FoundHistory, FoundProject

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["look_at"]

# In the order of the guess: a folder that one tool alone makes comes before a plain name.
_FOLDERS: Final = (
    ("supabase/migrations", "Supabase CLI"),
    ("prisma/migrations", "Prisma"),
    ("core/migrations", ""),
    ("db/migrations", ""),
    ("migrations", ""),
)
_NUMBERED = re.compile(r"\d+[_-].+")


def look_at(root: Path) -> FoundProject:
    """Return what is there; nothing is run and nothing is asked."""
    histories = tuple(
        FoundHistory(folder=name, tool=tool, count=count)
        for name, tool in _FOLDERS
        if (count := len(_files(root / name)))
    )
    package = root / "package.json"
    pages = any(root.glob("*.html")) or any((root / name).is_dir() for name in ("app", "src"))
    return FoundProject(
        root=root,
        histories=histories,
        older=bool(histories) and counts_on_default_grants(_files(root / histories[0].folder)),
        next_js="next" in _dependencies(package),
        empty=not histories and not package.exists() and not pages,
        settings_in=_settings_in(root),
        tasks_file=tasks_file(root),
        tasks_to_add=how_to_add(root),
    )


def _files(folder: Path) -> list[Path]:
    """Return the migrations of a folder, by name; each is a file, or a folder that holds one."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if _NUMBERED.match(path.name)
        and (
            (path.suffix == ".sql" and not path.name.endswith(".down.sql"))
            or (path / "migration.sql").is_file()
        )
    )


def _dependencies(package: Path) -> set[str]:
    try:
        told = json.loads(package.read_text(encoding="utf-8"))
        return {*told.get("dependencies", {}), *told.get("devDependencies", {})}
    except (OSError, ValueError, AttributeError, TypeError):
        return set()  # No package.json, or none that says it: then it is no Next.js app to us.


def _settings_in(root: Path) -> str:
    if (root / "shipway.toml").exists():
        return "shipway.toml"
    try:
        told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return "pyproject.toml" if "shipway" in told.get("tool", {}) else ""
