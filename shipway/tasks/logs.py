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
    window="how long to watch, as 90 (seconds) or 5m (default: the setting watch_window_s)",
    since="judge at once what the log tells of so long ago until now, as 30m, 2h or 1d",
)
def watch(deployment: str = "", window: str = "", since: str = "") -> Work:
    """Watch the runtime logs of a deployment and give a verdict with its numbers."""
    from shipway.commands import deploy as commands

    return lambda session: commands.logs(session, deployment, window, since)


@tasks.command(
    "tail",
    deployment=_SERVING,
    window="how long to follow it, as 90 (seconds) or 5m (default: until Ctrl-C)",
)
def tail(deployment: str = "", window: str = "") -> Work:
    """Show the runtime log of a deployment as it is written."""
    from shipway.commands import deploy as commands

    return lambda session: commands.tail(session, deployment, window)
