"""Which files of the app are deployed: those that git tracks, never secrets."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.edges.team.git import git
from shipway.edges.vercel.ignore_rules import IgnoreRules
from shipway.errors import Misconfigured
from shipway.values.hosting import AppFile

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app_files"]

_NEVER = frozenset({".git", "node_modules", ".shipway", ".venv", ".vercel"})
"""Folders that are never uploaded, tracked or not."""
_NO_REPOSITORY = "not a git repository"


def app_files(folder: Path) -> tuple[AppFile, ...]:
    """Return the files of the app that are uploaded, by name.

    In a git repository these are the tracked files that are on disk, with the content that they
    have there; elsewhere all files that .gitignore allows. In both cases without what
    .vercelignore names, without .env files and without links that lead out of the folder.

    Raises:
        Misconfigured: no such folder, nothing in it to deploy, or git refuses to look.
    """
    if not folder.is_dir():
        raise _nothing(f"The app's folder {folder} does not exist.")
    tracked = _tracked_files(folder)
    rules = [IgnoreRules.of_vercel(_text(folder / ".vercelignore"))]
    if tracked is None:
        rules.append(IgnoreRules.of_git(_text(folder / ".gitignore")))
    root = folder.resolve()
    found = []
    for name in sorted(_walk(folder) if tracked is None else tracked):
        if _is_secret(name) or any(one.ignores(name) for one in rules):
            continue
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(root):
            found.append(_read(name, path))
    if not found and tracked is not None:
        raise Misconfigured(
            f"git tracks no file of the app's folder {folder} that may be deployed.",
            unchanged="Nothing was uploaded.",
            next_step=f"Only what git tracks is deployed: git add {folder}",
        )
    if not found:
        raise _nothing(f"The app's folder {folder} holds no file to deploy.")
    return tuple(found)


def _tracked_files(folder: Path) -> list[str] | None:
    """Return what git tracks below the folder; None when there is no repository or no git."""
    try:
        listed = git(folder, "ls-files", "-z", "--cached", "--", ".")
    except Misconfigured:
        return None
    if listed.returncode != 0 and _NO_REPOSITORY in listed.stderr:
        return None
    if listed.returncode != 0:
        # Walking instead could upload files that were never meant to leave this machine.
        raise Misconfigured(
            f"git cannot list the files of {folder}: {listed.stderr.strip()[:500]}",
            unchanged="Nothing was uploaded.",
            next_step=f"Make this work: git -C {folder} ls-files",
        )
    names = listed.stdout.decode("utf-8", "surrogateescape").split("\0")
    return [name for name in names if name]


def _walk(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NEVER]
        below = Path(where).relative_to(folder)
        yield from ((below / name).as_posix() for name in names)


def _is_secret(name: str) -> bool:
    parts = name.split("/")
    if any(part in _NEVER for part in parts):
        return True
    return parts[-1].startswith(".env")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        return ""


def _read(name: str, path: Path) -> AppFile:
    digest = hashlib.sha1(usedforsecurity=False)
    size = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
    return AppFile(name=name, path=path, sha1=digest.hexdigest(), size_bytes=size)


def _nothing(what: str) -> Misconfigured:
    return Misconfigured(
        what,
        unchanged="Nothing was uploaded.",
        next_step="Set app_dir in [tool.shipway] to the folder of the app, with files in it.",
    )
