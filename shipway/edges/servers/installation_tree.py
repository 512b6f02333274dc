"""An installation with further extensions, without a word written into it: a tree of links.

Since PostgreSQL 18 a setting names further folders of extensions; earlier servers know their own
share folder only. They find it from where their program lies, and where it lies they are told by
the name that they are started under: under the name of an empty file in this tree, they take the
tree for their installation. So the program runs from its own place, beside its own libraries.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from shipway.edges.servers.install import Install

__all__ = ["plant"]


def plant(install: Install, further: Path, tree: Path) -> Path:
    """Make the tree anew, and return the name to start the install's `postgres` under.

    Args:
        install: stays as it is.
        further: a folder of control files and scripts. One named as a file of the install stands
            in its place, so that a control file alone can change what the install says of its
            own extension.
        tree: the folder to make.
    """
    shutil.rmtree(tree, ignore_errors=True)
    root = Path(os.path.commonpath([install.bin_dir, install.share_dir]))
    extension_dir = install.share_dir / "extension"
    _link_all(root, tree, but=(install.bin_dir, extension_dir))
    program = _make(tree / install.bin_dir.relative_to(root)) / "postgres"
    program.touch()
    program.chmod(0o755)
    extensions = _make(tree / extension_dir.relative_to(root))
    for path in further.iterdir():
        # A copy: the server's account may not be let into that folder.
        shutil.copyfile(path, extensions / path.name)
        (extensions / path.name).chmod(0o644)
    for path in extension_dir.iterdir():
        if not (extensions / path.name).exists():
            (extensions / path.name).symlink_to(path)
    return program


def _link_all(original: Path, place: Path, *, but: Collection[Path]) -> None:
    """Link all that a folder holds, at any depth, but for folders that are made here instead.

    Libraries and time zones are found by their place beside the program too, and builds differ
    in where that is.
    """
    _make(place)
    for path in original.iterdir():
        if path in but:
            continue
        if any(one.is_relative_to(path) for one in but):
            _link_all(path, place / path.name, but=but)
        else:
            (place / path.name).symlink_to(path)


def _make(folder: Path) -> Path:
    """Make a folder that the server's account may enter, whatever our umask is."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    return folder
