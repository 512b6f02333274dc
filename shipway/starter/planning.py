"""Plans what `init` writes: which files, with which text, and what is left as it is."""

from __future__ import annotations

import re
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipway import __version__
from shipway.starter.settings_file import settings_file
from shipway.values.starting import Fate, FoundProject, StarterFile, StarterPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["plan_start"]

_IGNORED: Final = (".shipway/", ".env", ".env.*", "!.env.example")
_NAME = re.compile(r"^#?\s*([A-Z][A-Z0-9_]+)=", re.MULTILINE)
_WORKFLOW: Final = ".github/workflows/shipway.yml"


def plan_start(found: FoundProject) -> StarterPlan:
    """Return what init would write into a project; nothing is written yet."""
    return StarterPlan(found=found, files=tuple(_files(found)))


def _files(found: FoundProject) -> Iterator[StarterFile]:
    root = found.root
    folder = found.histories[0].folder if found.histories else "migrations"
    app_dir = "app" if found.empty else "."
    yield _whole(root, found.tasks_file, _template("tasks.py.txt"), "what `invoke` reads")
    if found.settings_in == "pyproject.toml":
        yield _keep("pyproject.toml", "its [tool.shipway] holds the settings")
    else:
        given = {"migrations_dir": Path(folder), "app_dir": Path(app_dir)}
        text = settings_file({**given, "older_project": found.older})
        yield _whole(root, "shipway.toml", text, "every setting, explained")
    yield _env_example(root)
    yield _gitignore(root)
    checks = "what must hold after a release"
    yield _whole(root, "checks/smoke.toml", _template("smoke.toml"), "pages that must answer")
    yield _whole(root, "checks/database_answers.sql", _template("database_answers.sql"), checks)
    yield _whole(root, _WORKFLOW, _workflow(folder), "checks pull requests, releases main")
    if found.empty:
        for name in ("001_notes.sql", "001_notes.down.sql"):
            yield _whole(root, f"migrations/{name}", _template(name), "a first migration")
        yield _whole(root, "app/index.html", _template("index.html"), "a first page")


def _whole(root: Path, path: str, text: str, purpose: str) -> StarterFile:
    """Return a file that is written when it is not there, and is left alone when it is."""
    there = _read(root / path)
    if there is None:
        return StarterFile(path=path, fate=Fate.NEW, text=text, purpose=purpose)
    fate = Fate.SAME if there == text else Fate.KEPT
    return StarterFile(path=path, fate=fate, text="", purpose=purpose)


def _keep(path: str, purpose: str) -> StarterFile:
    return StarterFile(path=path, fate=Fate.KEPT, text="", purpose=purpose)


def _env_example(root: Path) -> StarterFile:
    """Return .env.example, or what an app's own one lacks: many frameworks bring one."""
    purpose = "secrets and ids, where to get each"
    text = _template("env.example")
    there = _read(root / ".env.example")
    if there is None:
        return StarterFile(path=".env.example", fate=Fate.NEW, text=text, purpose=purpose)
    known = set(_NAME.findall(there))
    wanted = [name for name in _NAME.findall(text) if name not in known]
    # With the comment above each: that is where it says how to get it.
    parts = [part for part in text.split("\n\n") if set(_NAME.findall(part)) & set(wanted)]
    return _extend(".env.example", there, "\n\n".join(parts), purpose)


def _gitignore(root: Path) -> StarterFile:
    purpose = "secrets and records stay out of git"
    there = _read(root / ".gitignore") or ""
    known = {line.strip().rstrip("/") for line in there.splitlines()}
    missing = [line for line in _IGNORED if line.rstrip("/") not in known]
    lines = "\n".join(["# shipway: secrets, backups and records", *missing]) if missing else ""
    if not (root / ".gitignore").exists():
        return StarterFile(path=".gitignore", fate=Fate.NEW, text=f"{lines}\n", purpose=purpose)
    return _extend(".gitignore", there, lines, purpose)


def _extend(path: str, there: str, lines: str, purpose: str) -> StarterFile:
    if not lines:
        return StarterFile(path=path, fate=Fate.SAME, text="", purpose=purpose)
    gap = "" if there.endswith("\n") or not there else "\n"
    text = f"{gap}\n{lines.rstrip()}\n"
    return StarterFile(path=path, fate=Fate.ADDED, text=text, purpose=purpose)


def _workflow(folder: str) -> str:
    series = ".".join(__version__.split(".")[:2])
    return _template("workflow.yml").replace("@SERIES@", series).replace("@MIGRATIONS@", folder)


def _template(name: str) -> str:
    folder = package_files("shipway.starter") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
