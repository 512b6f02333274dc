"""`init`: the first command in a project that does not know shipway yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands()


@tasks.command("init", here=True, yes=True)
def init() -> Work:
    """Write what a project needs to start with; nothing that is there is overwritten."""
    from shipway.commands import init as commands

    return commands.init
