"""The backup commands: take, list, verify, keep, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.errors import Failed, Misconfigured
from shipway.formats.figures import count
from shipway.report.words import show
from shipway.settings import where_to_get
from shipway.steps.backup.restore_points import look_at_platform
from shipway.steps.backup.retention import Retention, keep, plan_prune, prune
from shipway.steps.backup.store import list_backups, open_backup, verify_backup
from shipway.steps.backup.take import take_backup
from shipway.values.backup import Grade

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.commands.session import Session
    from shipway.values.backup import Backup
    from shipway.values.basics import Say
    from shipway.wiring import Wiring

__all__ = [
    "backup_of",
    "directory_of",
    "keep_backup",
    "list_all",
    "platform",
    "prune_backups",
    "take",
    "take_now",
    "verify",
]


def take(session: Session) -> Answer:
    """Dump the target and prove that the archive is whole."""
    if session.asked.dry:
        return Answer(value=session.wiring.backups.plan())
    session.wiring.database.demand(writes=False)
    return Answer(value=take_now(session))


def take_now(session: Session) -> Backup:
    """Take a backup of the target now."""
    return backup_of(session.wiring, session.terminal)


def backup_of(wiring: Wiring, say: Say) -> Backup:
    """Take a backup of a target now."""
    return take_backup(wiring.backups.plan(), wiring.backups.powers(say))


def platform(session: Session) -> Answer:
    """Show what Supabase itself could bring back, and how the project is."""
    desk = session.wiring.platform
    if desk is None:
        raise Misconfigured(
            "SUPABASE_ACCESS_TOKEN is not set, and Supabase tells nothing without one.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step=f"Set SUPABASE_ACCESS_TOKEN: {where_to_get('SUPABASE_ACCESS_TOKEN')}.",
        )
    return Answer(value=look_at_platform(desk, clock=session.wiring.clock))


def list_all(session: Session) -> Answer:
    """List what lies on this machine, broken ones too."""
    return Answer(
        value=list_backups(session.wiring.backups.folder, key=session.settings.backup_signing_key)
    )


def verify(session: Session, backup_id: str) -> Answer:
    """Read a backup from end to end and compare it with its manifest."""
    directory = directory_of(session, backup_id)
    archives = session.wiring.backups.archives
    key = session.settings.backup_signing_key
    clock = session.wiring.clock
    backup = verify_backup(directory, lister=archives, clock=clock, key=key)
    if not archives.readable(backup.archive):
        session.terminal.note(
            "It is encrypted and no key is here: it is the archive that was written, byte for "
            "byte; what it holds was not looked at now."
        )
    if backup.grade < Grade.RESTORES:
        session.terminal.note(
            "That it restores is not proven by this; this does it: "
            f"invoke db.restore {backup.manifest.backup_id}"
        )
    return Answer(value=backup)


def keep_backup(session: Session, backup_id: str, reason: str) -> Answer:
    """Mark a backup so that prune never deletes it."""
    key = session.settings.backup_signing_key
    backup = open_backup(directory_of(session, backup_id), key=key)
    if session.asked.dry:
        session.terminal.note(f"Would keep {backup.manifest.backup_id} for ever: {reason}")
        return Answer()
    keep(backup, reason, clock=session.wiring.clock)
    session.terminal.note(f"{backup.manifest.backup_id} is kept until its keep.json is deleted")
    return Answer(value=backup)


def prune_backups(session: Session) -> Answer:
    """Show which backups the settings no longer keep, and delete them after a yes."""
    settings = session.settings
    rules = Retention(
        last=settings.backup_keep_last,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
    )
    plan = plan_prune(
        list_backups(session.wiring.backups.folder, key=settings.backup_signing_key),
        rules,
        target=settings.target,
        now=session.wiring.clock.now(),
    )
    if session.asked.dry:
        return Answer(value=plan)
    if plan.drop or plan.leftovers:
        show(plan, session.terminal)
        session.confirm(f"Delete {count(len(plan.drop) + len(plan.leftovers), 'folder')}?")
        prune(plan, say=session.terminal)
    else:
        session.terminal.note("There is nothing to delete.")
    return Answer(value=plan if session.asked.format == "json" else None)


def directory_of(session: Session, backup_id: str) -> Path:
    """Return the folder of a backup, of the newest one when no name is given."""
    folder = session.wiring.backups.folder
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
