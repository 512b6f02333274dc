"""Finds the right pg_dump, pg_restore or psql on this machine, and what each of them can do."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.edges.client_tools import parameters as tool_parameters
from shipway.edges.client_tools import releases
from shipway.edges.machine import process
from shipway.edges.servers.installations import bin_dirs
from shipway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Tool",
    "candidates",
    "find_restorer",
    "find_tool",
    "knows",
    "newest",
]

_PROBE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One client program of Postgres, tried out."""

    path: Path
    version: tuple[int, int]
    """Major and minor."""
    compression: str
    """The best value of pg_dump's --compress: zstd:1 where the build has it, else gzip's 1.

    Never gzip 6, the default: it is three times slower for a tenth less.
    """
    tls: bool
    preload: Path | None
    """A libpq with TLS that has to be loaded in front of the tool's own, which has none."""

    @property
    def label(self) -> str:
        """Name and version, as `pg_dump 18.4`."""
        return f"{self.path.name} {self.version[0]}.{self.version[1]}"

    @property
    def env(self) -> dict[str, str]:
        """What its environment must hold."""
        return {"LD_PRELOAD": str(self.preload)} if self.preload else {}


def find_tool(
    name: str,
    *,
    server_major: int,
    server_minor: int = 0,
    tls: bool,
    parameters: Mapping[str, str] | None = None,
) -> Tool:
    """Return the tool to use: the server's major version if there is one, else the next newer.

    Args:
        name: pg_dump, pg_restore or psql.
        server_major: pg_dump refuses servers that are newer than itself.
        server_minor: some releases store what an older pg_dump of whatever major writes wrongly.
        tls: whether the connection must be encrypted.
        parameters: of the connection; the tool knows those that make it safer.

    Raises:
        Misconfigured: there is none; says what was found and how to get one.
    """
    needed = tool_parameters.must_know(parameters or {})
    server = (server_major, server_minor)
    fit = [one for one in _by_version(name) if one[0][0] >= server_major]
    there = [
        one
        for one in fit
        if name != "pg_dump" or not releases.writes_column_versions(one[0], server)
    ]
    for _, of_one_major in groupby(there, key=lambda one: one[0][0]):
        examined = [_examine(path, version) for version, path in of_one_major]
        if fitting := [one for one in examined if _connects_so(one, tls, needed)]:
            # The one that lacks no fix, then that compresses best, then the newest minor.
            return min(
                fitting,
                key=lambda one: (
                    len(releases.missing_fixes(one.version)),
                    "zstd" not in one.compression,
                    -one.version[1],
                ),
            )
    found = candidates(name)
    seen = "; ".join(f"{one.label} at {one.path}{'' if one.tls else ', no TLS'}" for one in found)
    problem = f"Found: {seen}." if seen else "None was found on PATH or in the usual places."
    major = _major_for(needed, server_major)
    version, why = str(server_major), ""
    if fit and not there:
        version = releases.with_column_versions(server_major)
        why = (
            f" A server of {server_major}.{server_minor} keeps a version with each column, which "
            "an older pg_dump writes into the archive and no server takes back."
        )
    raise Misconfigured(
        f"No {name} of version {version} or newer{_in_words(tls, needed)} is on this machine. "
        f"{problem}{why}",
        unchanged="Nothing was changed.",
        next_step=f"Install postgresql-client-{major} (apt.postgresql.org has every "
        f"version; with Homebrew: postgresql@{major}), or: pip install --upgrade "
        "'shipway[sandbox]'",
    )


def find_restorer(
    major: int, *, zstd: bool, tls: bool = False, parameters: Mapping[str, str] | None = None
) -> Tool:
    """Return the pg_restore that reads an archive: as new as its pg_dump, with its compression.

    Args:
        major: of the pg_dump that wrote the archive.
        zstd: whether it is compressed with zstd.
        tls: whether its connection must be encrypted.
        parameters: of its connection; see `find_tool`.

    Raises:
        Misconfigured: there is none.
    """
    needed = tool_parameters.must_know(parameters or {})
    # The nearest major, and of that the newest minor.
    for version, path in sorted(_there("pg_restore"), key=lambda one: (one[0][0], -one[0][1])):
        if version[0] < major:
            continue
        one = _examine(path, version)
        if ("zstd" in one.compression or not zstd) and _connects_so(one, tls, needed):
            return one
    wanted = (" with zstd" if zstd else "") + _in_words(tls, needed)
    major = _major_for(needed, major)
    raise Misconfigured(
        f"No pg_restore of version {major} or newer{wanted} is on this machine, and the archive "
        "wants one.",
        unchanged="Nothing was restored.",
        next_step=f"Install postgresql-client-{major} from apt.postgresql.org or Homebrew.",
    )


def knows(tool: Tool, parameter: str, value: str) -> bool:
    """Return whether a tool's libpq takes a connection's parameter with that value."""
    asked = tool_parameters.newer(parameter, value)
    return not asked or _takes(_with_libpq(tool.path), tool.preload, asked)


def _connects_so(tool: Tool, tls: bool, needed: Mapping[str, str]) -> bool:  # noqa: FBT001 - as `find_tool`
    """Return whether a tool connects no less safely than we do."""
    return (tool.tls or not tls) and all(knows(tool, *one) for one in needed.items())


def _in_words(tls: bool, needed: Mapping[str, str]) -> str:  # noqa: FBT001 - as `find_tool`
    known = f" that knows {', '.join(needed)} of DATABASE_URL" if needed else ""
    return (" and TLS" if tls else "") + known


def _major_for(needed: Mapping[str, str], major: int) -> int:
    """Return the major version of a tool that knows the parameters, at least the given one."""
    return max([major, *(tool_parameters.since(*one) for one in needed.items())])


def newest(name: str) -> Tool:
    """Return the newest tool of that name, which reads what every older one wrote.

    Raises:
        Misconfigured: there is none.
    """
    there = _by_version(name)
    if not there:
        return find_tool(name, server_major=18, tls=False)
    version, path = there[-1]
    return _examine(path, version)


def candidates(name: str) -> Iterator[Tool]:
    """Yield every working tool of that name, those on PATH first."""
    for version, path in _there(name):
        yield _examine(path, version)


def _by_version(name: str) -> list[tuple[tuple[int, int], Path]]:
    """Return what `_there` yields, the oldest first."""
    return sorted(_there(name), key=lambda one: one[0])


def _there(name: str) -> Iterator[tuple[tuple[int, int], Path]]:
    """Yield the version and the path of every working tool of that name, those on PATH first.

    What it can do is not known by that: it has to be started three times to be asked.
    """
    seen = set()
    for path in (folder / name for folder, _ in bin_dirs()):
        if not os.access(path, os.X_OK) or not path.is_file() or path.resolve() in seen:
            continue
        seen.add(path.resolve())
        if (version := _version(path)) is not None:
            yield version, path


@lru_cache(maxsize=64)
def _version(path: Path) -> tuple[int, int] | None:
    """Return what a tool says of itself; None for one that does not run, such as a bare wrapper."""
    said = process.run([path, "--version"], deadline_s=_PROBE_S)
    found = re.search(rb"\(PostgreSQL\) (\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found and not said.returncode else None


@lru_cache(maxsize=64)
def _examine(path: Path, version: tuple[int, int]) -> Tool:
    """Try out what a tool can do."""
    asked = _with_libpq(path)
    tls, preload = _has_tls(asked, None), None
    if not tls:
        preload = _libpq_with_tls()
        tls = preload is not None and _has_tls(asked, preload)
    return Tool(
        path=path,
        version=version,
        compression=_compression(asked),
        tls=tls,
        preload=preload if tls else None,
    )


def _with_libpq(path: Path) -> Path:
    """Return the program that is asked what a tool's libpq can do.

    All of one folder share their libraries, and pg_dump is the one that answers without a file.
    """
    pg_dump = path.with_name("pg_dump")
    return pg_dump if pg_dump.is_file() else path


@lru_cache(maxsize=64)
def _takes(path: Path, preload: Path | None, parameter: str) -> bool:
    """Name a parameter to libpq: it refuses one that it does not know before it connects."""
    env = {"LD_PRELOAD": str(preload)} if preload is not None else {}
    argv: list[str | Path] = [path, f"--dbname=host=/nonexistent dbname=none {parameter}=x"]
    said = process.run(argv, env=env, deadline_s=_PROBE_S)
    return f'invalid connection option "{parameter}"' not in said.stderr


@lru_cache(maxsize=64)
def _has_tls(path: Path, preload: Path | None) -> bool:
    """Ask for TLS on port 1 of this machine: libpq refuses the word before it connects."""
    env = {"PGSSLMODE": "require", "PGHOST": "127.0.0.1", "PGPORT": "1", "PGDATABASE": "none"}
    if preload is not None:
        env["LD_PRELOAD"] = str(preload)
    said = process.run([path], env=env, deadline_s=_PROBE_S)
    return "sslmode" not in said.stderr


@lru_cache(maxsize=64)
def _compression(path: Path) -> str:
    """Return the compression to ask of this pg_dump; before version 16 it knew gzip only."""
    argv: list[str | Path] = [path, "--format=custom", "--compress=zstd:1", "--dbname=none"]
    said = process.run(argv, env={"PGHOST": "/nonexistent"}, deadline_s=_PROBE_S)
    return "zstd:1" if "compress" not in said.stderr else "1"


def _libpq_with_tls() -> Path | None:
    """Return the libpq that psycopg's wheel brings along: built with TLS (Linux only)."""
    package = importlib.util.find_spec("psycopg_binary")
    if package is None or package.origin is None:
        return None
    libraries = Path(package.origin).parent.parent / "psycopg_binary.libs"
    return next(iter(sorted(libraries.glob("libpq-*.so*"))), None)
