"""`backup`: take one, and look after those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

_NEWEST = "id of the backup, as backup.list shows it (default: the newest)"

tasks = Commands("backup")


@tasks.command("take", default=True)
def take() -> Work:
    """Dump the database with a manifest; upload it when a bucket is set."""
    from shipway.commands import backup as commands

    return commands.take


@tasks.command("list")
def list_all() -> Work:
    """List the target's backups on this machine, each with its proof grade."""
    from shipway.commands import backup as commands

    return commands.list_all


@tasks.command("platform")
def platform() -> Work:
    """Show what Supabase itself could bring back: backups, their age, the recovery window."""
    from shipway.commands import backup as commands

    return commands.platform


@tasks.command(
    "verify",
    backup=_NEWEST,
    restore="bring it back into a copy, and there in the place of what it holds, as proof",
)
def verify(backup: str = "", restore: bool = False) -> Work:
    """Check a backup's archive against its manifest."""
    from shipway.commands import backup as commands
    from shipway.commands import restore as restores

    if restore:
        return lambda session: restores.proven(session, backup)
    return lambda session: commands.verify(session, backup)


@tasks.command("keep", backup=_NEWEST, reason="why; it is shown by backup.prune")
def keep(backup: str = "", reason: str = "asked for") -> Work:
    """Mark a backup so that backup.prune never deletes it."""
    from shipway.commands import backup as commands

    return lambda session: commands.keep_backup(session, backup, reason)


@tasks.command("prune", yes=True)
def prune() -> Work:
    """Delete backups on this machine that the retention settings no longer keep."""
    from shipway.commands import backup as commands

    return commands.prune_backups
