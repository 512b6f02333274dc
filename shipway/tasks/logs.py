"""`logs`: what a deployment says while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

_SERVING = "id or host of the deployment (default: the one that serves production)"

tasks = Commands("logs")


@tasks.command(
    "watch",
    default=True,
    deployment=_SERVING,
    window="seconds to watch (default: the setting watch_window_s)",
)
def watch(deployment: str = "", window: str = "") -> Work:
    """Watch the runtime logs of a deployment and give a verdict with its numbers."""
    from shipway.commands import deploy as commands

    return lambda session: commands.logs(session, deployment, window)


@tasks.command("tail", deployment=_SERVING, window="seconds to follow it (default: until Ctrl-C)")
def tail(deployment: str = "", window: str = "") -> Work:
    """Show the runtime log of a deployment as it is written."""
    from shipway.commands import deploy as commands

    return lambda session: commands.tail(session, deployment, window)
