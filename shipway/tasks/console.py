"""The console script `shipway`: the same tasks, also where there is no tasks.py yet."""

from __future__ import annotations

from invoke.program import Program

from shipway import __version__
from shipway.tasks import namespace

__all__ = ["main"]


def main() -> None:
    """Run `shipway NAME` as `invoke NAME` is run."""
    Program(name="shipway", binary="shipway", version=__version__, namespace=namespace).run()
