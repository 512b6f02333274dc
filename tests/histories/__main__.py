"""`scripts/histories FOLDER...`: whole histories of projects through every stage, a line each.

A folder holds SQL files, or a project with supabase/migrations. Nothing is written into it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.starter.older_history import counts_on_default_grants
from tests.histories.judging import PRODUCT, kind_of, owner
from tests.histories.server import Sandbox
from tests.histories.stages import REHEARSED_GRADE, STAGES, Project, Run, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORKERS = 2
_TIMEOUT_S = 300.0
_NAME_WIDTH = 40
_SAID_WIDTH = 160


def main() -> int:
    """Run them all and print the table; return 1 when a fault is the product's."""
    parser = argparse.ArgumentParser(prog="scripts/histories", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--workers", type=int, default=_WORKERS, help="projects at a time")
    parser.add_argument("--timeout", type=float, default=_TIMEOUT_S, help="seconds for a project")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    asked = parser.parse_args()
    projects = [one for one in map(Project.at, asked.folders) if len(one.run) > 1]
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)
    runs: list[Run] = []
    with suppress(KeyboardInterrupt):
        for done in _runs(projects, asked):
            runs.append(done)
            if not asked.json:
                _say(_line(done))
    runs.sort(key=lambda one: one.name)
    if asked.json:
        _say(json.dumps([asdict(one) | {"owners": _owners(one)} for one in runs], indent=1))
    else:
        _say("\n" + "\n".join(_summary(runs)))
    return 1 if any(PRODUCT in _owners(one).values() for one in runs) or not runs else 0


def _runs(projects: Sequence[Project], asked: argparse.Namespace) -> Iterator[Run]:
    """Yield each project's run as it ends."""
    with tempfile.TemporaryDirectory(prefix="histories-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # servers run as another user where we are root
        for name in ("newer", "older"):
            (folder / name).mkdir()
        with (
            Sandbox(folder / "newer") as newer,
            Sandbox(folder / "older", older=True) as older,
            ThreadPoolExecutor(asked.workers) as pool,
            ExitStack() as stack,
        ):
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            waiting = {
                pool.submit(
                    run,
                    one,
                    folder / str(number),
                    older if counts_on_default_grants(one.run) else newer,
                    timeout_s=asked.timeout,
                ): one
                for number, one in enumerate(projects)
            }
            for ended in as_completed(waiting):
                try:
                    yield ended.result()
                except Exception:  # noqa: BLE001 - the harness's own fault; the others go on
                    project = waiting[ended]
                    said = traceback.format_exc().splitlines()
                    faults = {STAGES[0]: f"harness: {said[-1]}"}
                    yield Run(name=project.name, files=len(project.run), faults=faults)


def _owners(done: Run) -> dict[str, str]:
    return {stage: owner(done, stage) for stage in done.faults}


def _line(done: Run) -> str:
    """Return a project's line: the stages in order, and the first fault with its owner."""
    marks = "".join(
        "." if stage in done.green else "F" if stage in done.faults else "-" for stage in STAGES
    )
    seal = f"L{done.grade}{'=' if done.compared else ' '}" if "rehearse" in done.green else "   "
    first = next((stage for stage in STAGES if stage in done.faults), "")
    said = ""
    if first:
        what = done.faults[first].replace("\n", " ")[:_SAID_WIDTH]
        said = f"{first}, {owner(done, first)}'s: {what}"
    name = done.name[:_NAME_WIDTH]
    return f"{name:<{_NAME_WIDTH}} {done.files:>4}  {marks} {seal} {done.seconds:>4.0f} s  {said}"


def _summary(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the measures, then the kinds of faults, most frequent first."""
    whole = [one for one in runs if one.whole]
    yield f"{len(runs)} projects; psql runs {len(whole)} of them whole. Stages: {', '.join(STAGES)}"
    yield f"{'':<38} {'whole':>12} {'others':>12}"
    measures = {
        "run unchanged in the sandbox": lambda one: "sandbox" in one.green,
        "are adopted": lambda one: "adopt" in one.green,
        "are backed up": lambda one: "backup" in one.green,
        f"are rehearsed at L{REHEARSED_GRADE}, result compared": lambda one: (
            one.grade >= REHEARSED_GRADE and one.compared
        ),
        "pass verify, or fail by the last file": lambda one: (
            "verify" in one.green or (one.failed_by_pending and not one.failed_before)
        ),
        "are restored into an empty project": lambda one: "restore" in one.green,
    }
    others = [one for one in runs if not one.whole]
    for what, holds in measures.items():
        cells = [f"{sum(map(bool, map(holds, some)))} of {len(some)}" for some in (whole, others)]
        yield f"{what:<38} {cells[0]:>12} {cells[1]:>12}"
    kinds: Counter[tuple[str, str, str]] = Counter()
    for one in runs:
        for stage, said in one.faults.items():
            kinds[owner(one, stage), stage, kind_of(said)] += 1
    yield ""
    for (whose, stage, kind), many in kinds.most_common():
        yield f"{many:>4}  {whose:<9} {stage:<9} {kind}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
