"""The sandbox commands: a Postgres and stand-ins of Supabase and Vercel on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.sandbox import lifecycle

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.commands.session import Session

__all__ = ["down", "reset", "status", "up"]


def up(session: Session, *, older: bool) -> Answer:
    """Start what does not run yet; `older` or the setting says which kind of project it is like."""
    if session.asked.dry:
        session.terminal.note("Would start what is not running of:")
        return status(session)
    with session.terminal.part("sandbox.up"):
        started = lifecycle.up(
            session.settings.root,
            _directory(session),
            older=older or session.settings.older_project,
            say=session.terminal,
        )
    return Answer(value=started)


def down(session: Session) -> Answer:
    """Stop it; the data stays."""
    if session.asked.dry:
        session.terminal.note("Would stop what is running of:")
        return status(session)
    return Answer(value=lifecycle.down(_directory(session), say=session.terminal))


def reset(session: Session) -> Answer:
    """Stop it and delete its data, after a yes."""
    if session.asked.dry:
        session.terminal.note("Would stop and delete:")
        return status(session)
    session.confirm(f"Delete the sandbox and all its data in {_directory(session)}?")
    return Answer(
        value=lifecycle.reset(session.settings.root, _directory(session), say=session.terminal)
    )


def status(session: Session) -> Answer:
    """Show what runs, and where."""
    return Answer(value=lifecycle.status(_directory(session)))


def _directory(session: Session) -> Path:
    return session.settings.under_root(session.settings.state_dir) / "sandbox"
