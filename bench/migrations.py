"""Migrations: shipway beside a plain loop and the tools that people use, near and far."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bench.delay import far_port
from bench.history import steps
from bench.tools import LOOP, ROOT, Tool, absent, found, ours

if TYPE_CHECKING:
    from pathlib import Path

    from bench.run import Process, Run

__all__ = ["measure"]

ONE_WAY_S = 0.02
_SHORT_ROUNDS = 3
"""What is over in a moment is measured so often each time: it varies the most."""
HEADS = ("fresh apply, s", "nothing to do, s", "status, s", "one pending, s", "peak MB")


def measure(run: Run) -> None:
    """Measure all tools on small and large histories, then from afar, then one large file."""
    (run.folder / "tools").mkdir()
    tools = found(run.folder / "tools")
    run.say("\n## Migrations\n")
    run.say(
        "The base of the ratios is a plain psycopg loop: one connection, one transaction a file. "
        "Every tool got the same SQL. What it takes to import invoke and psycopg and do nothing "
        "else is in every figure of shipway."
    )
    if missing := absent(tools):
        run.say(f"Could not be installed here: {', '.join(missing)}.")
    for count, rounds in ((7, 3), (100, 1)) if run.quick else ((7, 5), (100, 3), (1000, 2)):
        _near(run, tools, count, rounds)
    _far(run, tools, 20 if run.quick else 100)
    _large(run, 5 if run.quick else 50)


def call(run: Run, argv: list[str], *, home: Path, database: str, port: int) -> Process:
    """Run a tool's command line on a database in its project's folder."""
    url = run.url(database, port)
    given = {"URL": url, "PORT": str(port), "DATABASE": database}
    for word, value in given.items():
        argv = [part.replace(word, value) for part in argv]
    env = {"DATABASE_URL": url, "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"}
    return run.process(argv, cwd=home, env=env)


@dataclass
class _Row:
    """What was measured of one tool."""

    fresh: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)
    status: list[float] = field(default_factory=list)
    one: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)

    def columns(self) -> list[list[float]]:
        return [self.fresh, self.nothing, self.status, self.one, self.peak]


def _near(run: Run, tools: list[Tool], count: int, rounds: int) -> None:
    rows = {tool.name: _Row() for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            _measure_one(run, tool, count, rows[tool.name])
    run.say(f"\n### {count} files\n\nMedians of {rounds}.\n")
    run.table(HEADS, {name: row.columns() for name, row in rows.items()}, base=LOOP)


def _measure_one(run: Run, tool: Tool, count: int, row: _Row) -> None:
    home = run.folder / "project"
    start = partial(call, run, home=home, database=run.database(), port=run.port)
    tool.lay(home, steps(count))
    if tool.fresh:
        fresh = start(tool.apply)
        row.fresh.append(fresh.seconds)
        row.peak.append(fresh.peak_mb)
    if not tool.again:
        return
    for _ in range(_SHORT_ROUNDS):
        row.nothing.append(start(tool.apply).seconds)
        if tool.status:
            row.status.append(start(tool.status).seconds)
    if not tool.fresh:
        return
    tool.lay(home, steps(count + 1))
    row.one.append(start(tool.apply).seconds)


def _far(run: Run, tools: list[Tool], count: int) -> None:
    port = far_port(run.port, one_way_s=ONE_WAY_S)
    home = run.folder / "far"
    floor_s = count * 2 * ONE_WAY_S
    run.say(f"\n### {count} files, {ONE_WAY_S * 1000:.0f} ms each way\n")
    rows: dict[str, list[list[float]]] = {}
    for tool in (one for one in tools if one.fresh):
        tool.lay(home, steps(count))
        took = call(run, tool.apply, home=home, database=run.database(), port=port).seconds
        rows[tool.name] = [[took], [took / floor_s]]
    run.table(("fresh apply, s", "of one round trip a file"), rows, base=LOOP)
    run.say(f"\nOne round trip a file would be {floor_s:.1f} s.")


def _large(run: Run, size_mb: int) -> None:
    home = run.folder / "large"
    (home / "migrations").mkdir(parents=True)
    shutil.copy(ROOT / "tasks.py", home)
    row = "INSERT INTO large VALUES (" + "'" + "x" * 400 + "');\n"
    with (home / "migrations" / "001_large.sql").open("w", encoding="utf-8") as stream:
        stream.write("CREATE TABLE large (t text);\n")
        for _ in range(size_mb * (1 << 20) // len(row)):
            stream.write(row)
    took = call(run, ours().apply, home=home, database=run.database(), port=run.port)
    run.say(f"\n### One file of {size_mb} MB\n")
    run.say(
        f"shipway: {took.seconds:.1f} s, peak {took.peak_mb:.0f} MB, "
        f"{took.peak_mb / size_mb:.1f} times the file."
    )
