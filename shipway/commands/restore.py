"""The command db.restore: a backup is brought back into a server of its own, or into a target."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.backup import backup_of, directory_of
from shipway.edges.copies.in_place_proof import restore_twice
from shipway.edges.restore.replace import contents_of
from shipway.environment import load
from shipway.errors import Refused
from shipway.formats.figures import count
from shipway.steps.backup.store import verify_backup
from shipway.steps.restore.restore import restore as run_restore
from shipway.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.commands.session import Session
    from shipway.steps.rehearse.restored_copy_check import Back
    from shipway.values.backup import Backup

__all__ = ["proven", "restore"]

_EMBEDDED = "embedded"


def restore(session: Session, backup_id: str, into: str) -> Answer:
    """Bring a backup back: into a server that is made for it and goes again, or into a target."""
    directory = directory_of(session, backup_id)
    if session.asked.dry:
        session.terminal.note(f"Would restore {directory.name} into {into}")
        return Answer()
    if into == _EMBEDDED:
        room = session.wiring.backups.room
        return _bring(session, directory, f"{room.place}, which is gone again", room.copy_of)
    settings = load(into, root=session.settings.root)
    session.terminal.knows((*session.settings.secrets(), *settings.secrets()))
    with Wiring(settings) as other:
        other.database.demand(writes=True)
        with other.database.lock("db.restore"):
            return _into_target(session, directory, other)


def proven(session: Session, backup_id: str) -> Answer:
    """Bring a backup back in both ways in which it could be needed, on a copy that goes again."""
    directory = directory_of(session, backup_id)
    if session.asked.dry:
        session.terminal.note(f"Would restore {directory.name} into a copy, and over it")
        return Answer()
    room = session.wiring.backups.room
    return _bring(session, directory, "a copy, which is gone again", partial(restore_twice, room))


def _into_target(session: Session, directory: Path, other: Wiring) -> Answer:
    """Bring it back into a target: beside nothing, or in the place of what is backed up first."""
    url, place, into = other.database.url, other.database.place, other.settings.target
    room = session.wiring.backups.room
    held = contents_of(url)
    key = session.settings.backup_signing_key
    # Before anyone is asked: a backup that cannot be trusted is not worth a question.
    backup = verify_backup(
        directory, lister=session.wiring.backups.archives, clock=session.wiring.clock, key=key
    )
    session.terminal.note(
        f"{directory.name}, a backup of {backup.manifest.target}, goes into {into} ({place}), "
        f"which holds {count(len(held.tables), 'table') if held.tables else 'no tables'}"
    )
    if held.is_project:
        session.terminal.note(
            "auth, storage and realtime stay as they are: users and files are not brought back"
        )
    _confirm_place(session, into, place, protected=other.database.protected)
    if not held.tables and not held.is_project:
        return _bring(session, directory, place, partial(room.filled, url=url))
    if held.tables:
        session.terminal.note("what is there now is backed up first")
        saved = backup_of(other, session.terminal)
        session.terminal.note(f"to have it back: {_way_back(saved, into)}")
    unchanged = f"{into} is as it was: the transaction was rolled back."
    return _bring(session, directory, place, partial(room.replaced, url=url), unchanged)


def _way_back(saved: Backup, into: str) -> str:
    return f"invoke db.restore {saved.manifest.backup_id} --into {into}"


def _bring(
    session: Session,
    directory: Path,
    place: str,
    open_copy: Callable[[Backup, Callable[[int], None]], AbstractContextManager[Back]],
    unchanged: str = "",
) -> Answer:
    wiring = session.wiring
    done = run_restore(
        directory,
        place=place,
        open_copy=open_copy,
        lister=wiring.backups.archives,
        clock=wiring.clock,
        say=session.terminal,
        key=session.settings.backup_signing_key,
        unchanged=unchanged,
    )
    return Answer(value=done)


def _confirm_place(session: Session, into: str, place: str, *, protected: bool) -> None:
    """Ask for a yes; for a protected database for its name, which --yes does not replace."""
    if not protected:
        session.confirm(f"Restore into {into} ({place})?")
        return
    terminal = session.terminal
    said = terminal.ask(f"Type {into} to restore into {place}:") if terminal.can_ask else ""
    if said != into:
        raise Refused(
            f"{into} ({place}) is protected, and its name was not typed.",
            unchanged="Nothing was restored, and nothing was changed.",
            next_step="Run it at a terminal and type the target's name when asked.",
        )
