"""Real programs from npm, installed once into .cache of the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

_CLIENTS = {
    "private": True,
    "dependencies": {"vercel": "64.0.2", "supabase": "3.1.0"},
    # vercel 64.0.2 names a version of this one that is not in every registry.
    "overrides": {"sandbox": "4.5.0"},
}
_MIGRATORS = {
    "private": True,
    "dependencies": {
        "dbmate": "2.36.0",
        "node-pg-migrate": "9.0.0",
        "pg": "8.16.3",
        "prisma": "6.19.3",
        "@prisma/adapter-pg": "6.19.3",
    },
}
_CACHE = Path(__file__).parents[1] / ".cache"
_INSTALL_S = 500


@pytest.fixture(scope="session")
def npm_clients() -> Path:
    """Return the folder that holds `node_modules` with the clients of Vercel and Supabase."""
    return _installed("npm-clients", _CLIENTS)


@pytest.fixture(scope="session")
def npm_migrators() -> Path:
    """Return the folder that holds `node_modules` with other migration tools."""
    return _installed("npm-migrators", _MIGRATORS)


def _installed(name: str, packages: dict[str, object]) -> Path:
    text = json.dumps(packages)
    folder = _CACHE / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Several processes of one run of the tests ask at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = folder / "whole"
        if not whole.exists():
            npm = shutil.which("npm")
            assert npm, "npm is not installed: these tests need Node"
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            (folder / "package.json").write_text(text)
            quiet = ("--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
            subprocess.run([npm, "install", *quiet], cwd=folder, check=True, timeout=_INSTALL_S)
            whole.touch()
    return folder
