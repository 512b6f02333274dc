"""`python -m tests.faults`: every fault at every point, and one table of what survived.

Each worker has a world of its own and does every n-th point; faults of one point cannot touch
another one.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.kinds import counted, points
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WORKERS = 2


def main() -> int:
    """Run them all and print the table; return 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument("--only", default="", help="regular expression for kinds of faults")
    parser.add_argument("--every", type=int, default=1, help="only every n-th point")
    parser.add_argument("--workers", type=int, default=_WORKERS, help="worlds at a time")
    parser.add_argument("--part", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        return _work(asked)
    began = time.monotonic()
    survived: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    try:
        for result in _results(asked):
            if result.lost:
                lost[result.kind] += 1
                _say(f"LOST  {result.kind}, {result.name}:")
                _say("\n".join(f"      {line}" for line in result.lost))
            else:
                survived[result.kind] += 1
    except KeyboardInterrupt:
        _say("stopped: the table holds what was done until here")
        lost["not run to the end"] += 1
    _table(survived, lost, time.monotonic() - began)
    return 1 if lost or not survived else 0


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one point."""

    kind: str
    name: str
    lost: list[str]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _results(asked: argparse.Namespace) -> Iterator[Result]:
    """Yield what the workers tell, as they tell it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told, ExitStack() as stack:
        workers = []
        for part in range(asked.workers):
            again = [*sys.argv[1:], "--part", f"{part}/{asked.workers}"]
            worker = subprocess.Popen([sys.executable, "-m", "tests.faults", *again], stdout=told)
            stack.callback(worker.wait)
            stack.callback(worker.send_signal, signal.SIGINT)
            workers.append(worker)
        read = 0
        while True:
            over = all(worker.poll() is not None for worker in workers)
            told.seek(read)
            whole = told.read().rpartition("\n")[0]
            read += len(whole.encode()) + bool(whole)
            yield from (Result(**json.loads(line)) for line in whole.splitlines())
            if over:
                break
            time.sleep(0.5)
        if any(worker.returncode for worker in workers):
            yield Result(kind="the harness itself", name="a worker", lost=["it ended early"])


def _work(asked: argparse.Namespace) -> int:
    part, _, workers = asked.part.partition("/")
    # A short path: the folder of a release lies deep in it.
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, World(Path(folder)) as world:
        chosen = [one for one in points(counted(world)) if re.search(asked.only, one.kind)][
            :: asked.every
        ]
        for fault in chosen[int(part) :: int(workers)]:
            try:
                lost = fault.run(world)
            except Exception:  # noqa: BLE001 - whatever it is, it is lost, and the next one comes
                lost = traceback.format_exc().splitlines()
                world.heal()
            # One write a line: all workers write to one file.
            _say(json.dumps({"kind": fault.kind, "name": fault.name, "lost": lost}))
    return 0


def _table(survived: Counter[str], lost: Counter[str], seconds: float) -> None:
    kinds = list(dict.fromkeys([*survived, *lost]))
    width = max(map(len, [*kinds, "fault"]), default=5)
    rows: Iterable[tuple[str, int, int]] = ((one, survived[one], lost[one]) for one in kinds)
    _say(f"\n{'fault':<{width}}  points  survived  lost")
    for kind, good, bad in rows:
        _say(f"{kind:<{width}}  {good + bad:>6}  {good:>8}  {bad:>4}")
    good, bad = survived.total(), lost.total()
    _say(f"{'all':<{width}}  {good + bad:>6}  {good:>8}  {bad:>4}")
    _say(f"\n{good + bad} points in {seconds / 60:.1f} minutes")


if __name__ == "__main__":
    sys.exit(main())
