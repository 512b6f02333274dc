"""One run of the benchmarks: its folder, its server, and what it has written so far."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg

from shipway.edges.servers.cluster import HOST, Cluster, newest
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Process", "Run"]

PASSWORD = "bench"
_MEASURED = Path(__file__).with_name("measured.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """How a program went."""

    seconds: float
    peak_mb: float


class Run:
    """What every section works with.

    Attributes:
        quick: smaller sets and fewer rounds are wanted.
        folder: scratch; it is deleted at the end.
        lines: what was written so far, as Markdown.
    """

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
        self.lines: list[str] = []
        self._databases = 0
        self._server: Cluster | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.destroy()
        shutil.rmtree(self.folder, ignore_errors=True)

    @cached_property
    def port(self) -> int:
        """The port of the run's server; it is started when it is first asked for."""
        self.folder.chmod(0o755)  # the server runs as another user where we are root
        self._server = Cluster(self.folder / "server", newest())
        self._server.create("postgres", Secret(PASSWORD))
        return self._server.start().port

    def database(self) -> str:
        """Make a new database and return its name."""
        self._databases += 1
        name = f"bench_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def url(self, database: str, port: int = 0) -> str:
        """Return the URL of a database, by way of another port when one is given."""
        return f"postgresql://postgres:{PASSWORD}@{HOST}:{port or self.port}/{database}"

    def process(
        self, argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> Process:
        """Run a program to its end; one that fails ends the whole run."""
        report = self.folder / "measured.txt"
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **(env or {})}
        done = subprocess.run(
            [sys.executable, "-I", "-S", _MEASURED, report, *argv],
            cwd=cwd,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )
        seconds, peak_kb, code = report.read_text(encoding="utf-8").split()
        if int(code):
            command = " ".join(map(str, argv))
            sys.exit(f"{command} failed:\n{done.stdout.decode()[-2000:]}")
        return Process(seconds=float(seconds), peak_mb=int(peak_kb) / 1024)

    def say(self, line: str) -> None:
        """Print a line and keep it for the page."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        self.lines.append(line)

    def table(
        self,
        heads: Sequence[str],
        rows: Mapping[str, Sequence[Sequence[float]]],
        *,
        base: str,
    ) -> None:
        """Write medians, each with its ratio to the same column of the row `base`.

        Args:
            heads: of the columns after the first.
            rows: for each name the measures of each column; none is a dash.
            base: the row that the others are held against.
        """
        self.say("| tool | " + " | ".join(heads) + " |")
        self.say("|---|" + "---|" * len(heads))
        for name, columns in rows.items():
            cells = [
                _cell(measures, against)
                for measures, against in zip(columns, rows[base], strict=True)
            ]
            self.say(f"| {name} | " + " | ".join(cells) + " |")


def _cell(measures: Sequence[float], against: Sequence[float]) -> str:
    if not measures:
        return "-"
    middle = statistics.median(measures)
    figure = f"{middle:.0f}" if middle >= 10 else f"{middle:.2f}"  # noqa: PLR2004 - three digits
    return f"{figure} ({middle / statistics.median(against):.2f})" if against else figure
