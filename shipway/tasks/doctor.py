"""`doctor`: what is asked before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands()


@tasks.command("doctor")
def doctor() -> Work:
    """Check every precondition of a release; say what is wrong and how to mend it."""
    from shipway.commands.release import release as commands

    return commands.doctor
