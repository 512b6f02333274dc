"""What a release proved before it was cut off, and whether it still holds when it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.errors import Failed, Stopped
from shipway.steps.backup.offsite import bring_back
from shipway.steps.backup.store import verify_backup

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.steps.backup.take import BackupPowers
    from shipway.values.backup import Backup
    from shipway.values.basics import Say
    from shipway.values.migrations import MigrationPlan
    from shipway.values.rehearsal import Seal

__all__ = ["backup_that_holds", "seal_that_holds"]

_FRESH_S: Final = 3600.0
"""A backup that something is still to be done on the strength of must not be older."""


def backup_that_holds(
    earlier: Backup, powers: BackupPowers, *, folder: Path, pending: bool, moved: bool
) -> Backup | None:
    """Return the earlier backup where it still serves; None where a new one has to be taken.

    Args:
        earlier: as the journal has it.
        powers: those of a backup; the vault may hold a copy, should the archive not be here.
        folder: of backups, on this machine.
        pending: something is left to be applied.
        moved: the release has applied a part already: the backup shows the state before that.
    """
    say, vault = powers.say, powers.vault
    name = earlier.manifest.backup_id
    if pending and moved:
        say.note(f"{name} is of before the part that is applied: the rest gets a backup of its own")
        return None
    age_s = (powers.clock.now() - earlier.manifest.taken_at).total_seconds()
    if pending and not 0 <= age_s <= _FRESH_S:
        say.note(f"{name} is not fresh any more: a new one is taken")
        return None
    if vault is not None and earlier.manifest.uploaded_to and not (folder / name).exists():
        try:
            bring_back(earlier.manifest, vault, folder=folder, say=say)
        except Stopped as error:
            say.warn(f"the copy of {name} could not be fetched: {error.what}")
    try:
        found = verify_backup(
            folder / name, lister=powers.lister, clock=powers.clock, key=powers.key
        )
    except Failed as error:
        if pending:
            say.note(f"{name} cannot be had here, so a new one is taken: {error.what}")
            return None
        say.warn(
            f"Everything is applied, and the backup from before is not on this machine: {name} in "
            f"{earlier.directory} on the one that took it. Keep it there."
        )
        return earlier
    say.note(f"{name} was taken before the interruption: read again, its digest is right")
    return found


def seal_that_holds(earlier: Seal, backup: Backup, plan: MigrationPlan, say: Say) -> Seal | None:
    """Return the earlier rehearsal where it still serves; None where a new one has to be made.

    Args:
        earlier: as the journal has it.
        backup: that the release goes on with.
        plan: what is left to be applied.
        say: told that it serves.
    """
    left = [(one.label, one.sha256) for one in plan.pending]
    rehearsed = [(one.label, one.sha256) for one in earlier.migrations]
    if earlier.backup_id != backup.manifest.backup_id or (left and left != rehearsed):
        return None
    say.note(f"rehearsed on {earlier.backup_id} before the interruption: the seal fits")
    return earlier
