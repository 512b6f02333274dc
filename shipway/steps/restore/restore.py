"""Restore: a backup is brought back, timed, and held against its manifest."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.steps.backup.store import Lister, record_proof, verify_backup
from shipway.steps.backup.time_left import restoring
from shipway.steps.rehearse.restored_copy_check import check_copy, tell_restored
from shipway.values.backup import Grade

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.steps.rehearse.restored_copy_check import Back
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say, Secret
    from shipway.values.rehearsal import Restored

__all__ = ["BroughtBack", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtBack:
    """Proof that a backup came back."""

    backup: Backup
    """With the grade that it has now."""
    restored: Restored
    place: str
    rows: int
    """Those that were counted there."""


def restore(  # noqa: PLR0913 - the backup, the place, and the powers of the step
    directory: Path,
    *,
    place: str,
    open_copy: Callable[[Backup, Callable[[int], None]], AbstractContextManager[Back]],
    lister: Lister,
    clock: Clock,
    say: Say,
    key: Secret | None = None,
    unchanged: str = "",
) -> BroughtBack:
    """Restore a backup whose digest is right, and say whether everything is there again.

    Args:
        directory: the backup's folder.
        place: where to, for people.
        open_copy: restores into that place, telling the rows that are back, and hands out what
            looks at it.
        lister: reads the archive's table of contents.
        clock: gives the proof its time.
        say: told what became true.
        key: when given, the manifest must be signed with it.
        unchanged: what stands when it does not bring everything back.

    Raises:
        Failed: the backup is damaged, or does not bring the rows back.
        Refused: the place is not empty, or the archive restores with errors.
    """
    backup = verify_backup(directory, lister=lister, clock=clock, key=key)
    say.note(f"{backup.manifest.backup_id} is as it was written")
    with ExitStack() as opened:
        with restoring(backup, clock=clock, say=say) as tell:
            copy = opened.enter_context(open_copy(backup, tell))
        tell_restored(copy.restored, backup, say)
        stays = unchanged or f"What was restored so far lies in {place}."
        stage, equal = check_copy(copy, backup, say, unchanged=f"The backup is as it was. {stays}")
        restored = copy.restored
        rows = sum(content.rows for content in stage.contents.values())
    grade = Grade.EQUAL if equal else Grade.RESTORES
    took_s = restored.duration_s
    backup = record_proof(backup, grade, clock=clock, key=key, restore_s=took_s)
    return BroughtBack(backup=backup, restored=restored, place=place, rows=rows)
