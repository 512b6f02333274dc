"""Runs the sections one after the other, prints them and, in full, writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

from bench.run import Run
from shipway.edges.servers.cluster import newest
from shipway.formats.figures import count

SECTIONS = ("migrations", "backup", "watching", "start", "schema", "logs")
"""Modules of this folder, in the page's order; each has `measure(run)`."""

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Measure what was asked for."""
    options = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    options.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    options.add_argument("--quick", action="store_true", help="smaller sets, fewer rounds; no page")
    given = options.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        options.error(f"no such section: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    with Run(quick=given.quick) as run:
        run.say("# Benchmarks\n")
        run.say(
            "Whole processes that took turns in one run on one machine: embedded PostgreSQL "
            f"{newest().version} (fsync off), Python {platform.python_version()}, "
            f"{os.cpu_count()} cores. Read the ratios, in brackets: times vary by machine and load."
        )
        for name in given.sections or SECTIONS:
            import_module(f"bench.{name}").measure(run)
        minutes = round((time.monotonic() - began) / 60)
        run.say(f"\nMade by `scripts/bench` in {count(minutes, 'minute')}.")
    if not given.quick and not given.sections:
        PAGE.write_text("\n".join(run.lines) + "\n", encoding="utf-8")
        sys.stdout.write(f"written: {PAGE}\n")


if __name__ == "__main__":
    main()
