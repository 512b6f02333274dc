"""`deploy`: bring a version to production, and see or change which one serves there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands("deploy")


@tasks.command(
    "run",
    default=True,
    yes=True,
    compare="compare the pages with those of production before promoting; ask where they differ",
)
def deploy(compare: bool = False) -> Work:
    """Deploy to Vercel: build staged, smoke test, promote, prove that it is live."""
    from shipway.commands import deploy as commands

    return lambda session: commands.deploy(session, side_by_side=compare)


@tasks.command("status")
def status() -> Work:
    """Show what serves production, as Vercel says now."""
    from shipway.commands import production as commands

    return commands.status


@tasks.command("promote", yes=True, deployment="id or host of a READY production deployment")
def promote(deployment: str) -> Work:
    """Let a staged deployment serve production, and prove that it does."""
    from shipway.commands import production as commands

    return lambda session: commands.promote(session, deployment)


@tasks.command(
    "rollback",
    yes=True,
    to="id of the deployment to go back to (default: the one before the release)",
)
def rollback(to: str = "") -> Work:
    """Let the deployment from before the release serve again; the database stays as it is."""
    from shipway.commands import production as commands

    return lambda session: commands.rollback(session, to)
