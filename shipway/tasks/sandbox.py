"""`sandbox`: the local stand-ins of the world outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands("sandbox")


@tasks.command(
    "up",
    target=False,
    older="like a project from before 30 October 2026, as the setting older_project says for good",
)
def up(older: bool = False) -> Work:
    """Start the local Postgres and the stand-ins of Supabase and Vercel."""
    from shipway.commands import sandbox as commands

    return lambda session: commands.up(session, older=older)


@tasks.command("down", target=False)
def down() -> Work:
    """Stop the sandbox; its data stays."""
    from shipway.commands import sandbox as commands

    return commands.down


@tasks.command("reset", target=False, yes=True)
def reset() -> Work:
    """Stop the sandbox and delete its data."""
    from shipway.commands import sandbox as commands

    return commands.reset


@tasks.command("status", target=False)
def status() -> Work:
    """Show what of the sandbox is running, and where."""
    from shipway.commands import sandbox as commands

    return commands.status
