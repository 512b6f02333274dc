"""The backup commands: take, list, verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.session import Answer
from shipway.edges.dump import PgDump
from shipway.errors import Failed
from shipway.steps.backup import take_backup
from shipway.steps.shelf import list_backups, verify_backup
from shipway.values import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.commands.session import Session
    from shipway.values import Backup

__all__ = ["listed", "take", "taken", "verified"]


def take(session: Session) -> Answer:
    """Dump the target and prove that the archive is whole."""
    if session.asked.dry:
        return Answer(value=session.wiring.backup_plan())
    return Answer(value=taken(session))


def taken(session: Session) -> Backup:
    """Take a backup of the target now."""
    wiring = session.wiring
    return take_backup(
        wiring.backup_plan(),
        dumper=wiring.dumper,
        platform=wiring.platform,
        vault=wiring.vault,
        clock=wiring.clock,
        say=session.terminal,
        key=wiring.settings.backup_signing_key,
    )


def listed(session: Session) -> Answer:
    """List what lies on this machine, broken ones too."""
    return Answer(
        value=list_backups(session.wiring.backups_folder, key=session.settings.backup_signing_key)
    )


def verified(session: Session, backup_id: str) -> Answer:
    """Read a backup from end to end and compare it with its manifest."""
    directory = _directory(session, backup_id)
    # Reading an archive needs no connection.
    lister = PgDump(url=Secret(""), connect_timeout_s=session.settings.connect_timeout_s)
    return Answer(value=verify_backup(directory, lister=lister, clock=session.wiring.clock))


def _directory(session: Session, backup_id: str) -> Path:
    folder = session.wiring.backups_folder
    if not backup_id:
        found = list_backups(folder).backups
        if found:
            return found[0].directory
    elif "/" not in backup_id and (folder / backup_id).is_dir():
        return folder / backup_id
    raise Failed(
        f"There is no backup '{backup_id}'." if backup_id else "There is no backup yet.",
        unchanged="Nothing was changed.",
        next_step="See which there are: invoke backup.list" if backup_id else "invoke backup",
    )
