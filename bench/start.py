"""Start: what it costs to have shipway's tasks at hand before any of them runs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tools import ROOT

if TYPE_CHECKING:
    from bench.run import Run

__all__ = ["measure"]

ROUNDS = 15
_EMPTY = '''\
from invoke.tasks import task


@task
def nothing(c):
    """Do nothing."""
'''


def measure(run: Run) -> None:
    """Hold `invoke --list` here against `invoke --list` where there is one empty task."""
    ours, empty = run.folder / "ours", run.folder / "empty"
    ours.mkdir()
    empty.mkdir()
    shutil.copy(ROOT / "tasks.py", ours)
    (empty / "tasks.py").write_text(_EMPTY, encoding="utf-8")
    argv = [str(Path(sys.executable).with_name("invoke")), "--list"]
    rows: dict[str, list[list[float]]] = {"one empty task": [[]], "shipway": [[]]}
    for _ in range(5 if run.quick else ROUNDS):
        for name, home in (("one empty task", empty), ("shipway", ours)):
            rows[name][0].append(run.process(argv, cwd=home).seconds)
    run.say("\n## Start\n")
    run.table(("invoke --list, s",), rows, base="one empty task")
