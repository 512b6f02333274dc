"""`release`: the whole way, and what is asked before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands("release")


@tasks.command("run", default=True, yes=True)
def release(without_rehearsal: str = "") -> Work:
    """Back up, rehearse, migrate, verify, deploy and watch the logs, in that order."""
    from shipway.commands import release as commands

    return lambda session: commands.release(session, without_rehearsal=without_rehearsal)
