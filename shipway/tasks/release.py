"""`release`: the whole way, and what is asked before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands("release")

_NOW = "why it does not wait for its window (release_windows); kept in the record"
_WAIVE = "GATE=REASON: pass this gate though it is shut; may be given again; kept in the record"
_RELEASE = "id of the release, as release.history shows it"
_RESUME = "go on with the one that was cut off, interrupted or failed"


@tasks.command(
    "run",
    default=True,
    yes=True,
    now=_NOW,
    waive=_WAIVE,
    resume=_RESUME,
)
def release(
    without_rehearsal: str = "",
    now: str = "",
    waive: tuple[str, ...] = (),
    resume: bool = False,
) -> Work:
    """Back up, rehearse, migrate, verify, deploy and watch the logs, in that order."""
    from shipway.commands.release import release as commands
    from shipway.commands.release.command import Flags

    flags = Flags(without_rehearsal=without_rehearsal, now=now, waive=waive, resume=resume)
    return lambda session: commands.release(session, flags)


@tasks.command("finish", yes=True, now=_NOW, waive=_WAIVE, resume=_RESUME)
def finish(
    without_rehearsal: str = "",
    now: str = "",
    waive: tuple[str, ...] = (),
    resume: bool = False,
) -> Work:
    """Run the contract migrations once the code before the release is long out of service."""
    from shipway.commands.release import finish as commands
    from shipway.commands.release.command import Flags

    flags = Flags(without_rehearsal=without_rehearsal, now=now, waive=waive, resume=resume)
    return lambda session: commands.finish(session, flags)


@tasks.command("status")
def status() -> Work:
    """Show how far the latest release came and what is true of it now."""
    from shipway.commands.release import history as commands

    return commands.status


@tasks.command("history")
def history() -> Work:
    """List the releases to the target, from its own journal."""
    from shipway.commands.release import history as commands

    return commands.history


@tasks.command("show", release=_RELEASE)
def show(release: str) -> Work:
    """Show the journal of a release line by line."""
    from shipway.commands.release import history as commands

    return lambda session: commands.show_release(session, release)


@tasks.command("audit", release=f"{_RELEASE} (default: all)")
def audit(release: str = "") -> Work:
    """Verify that no line of a journal was changed, removed or added."""
    from shipway.commands.release import history as commands

    return lambda session: commands.audit(session, release)


@tasks.command("abandon", yes=True)
def abandon() -> Work:
    """Give up an unfinished release; what is done stays done."""
    from shipway.commands.release import history as commands

    return commands.abandon


@tasks.command(
    "report",
    release="id of the release, as release.board shows it (default: the newest)",
    open_="show the page in a browser",
)
def report(release: str = "", open_: bool = False) -> Work:
    """Make the page of a release from its record: one HTML file, to be read or forwarded."""
    from shipway.commands.release import report as commands

    return lambda session: commands.report(session, release, open_=open_)


@tasks.command("board", open_="show the page in a browser")
def board(open_: bool = False) -> Work:
    """Make the page of all releases whose records lie on this machine."""
    from shipway.commands.release import report as commands

    return lambda session: commands.board(session, open_=open_)


@tasks.command("approve", yes=True)
def approve() -> Work:
    """Approve the pending SQL by your name, for this very plan; kept in the database."""
    from shipway.commands.release import approve as commands

    return commands.approve
