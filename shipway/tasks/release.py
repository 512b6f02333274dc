"""`release`: the whole way, and what is asked before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands("release")


@tasks.command(
    "run",
    default=True,
    yes=True,
    now="why it does not wait for its window (release_windows); kept in the record",
    waive="GATE=REASON: pass this gate though it is shut; may be given again; kept in the record",
)
def release(without_rehearsal: str = "", now: str = "", waive: tuple[str, ...] = ()) -> Work:
    """Back up, rehearse, migrate, verify, deploy and watch the logs, in that order."""
    from shipway.commands import release as commands

    return lambda session: commands.release(
        session, without_rehearsal=without_rehearsal, now=now, waive=waive
    )


@tasks.command("approve", yes=True)
def approve() -> Work:
    """Approve the pending SQL by your name, for this very plan; kept in the database."""
    from shipway.commands import approve as commands

    return commands.approve
