"""Seals on the shelf: which rehearsal counts for the files that are about to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.signed_file import IllFormed, read_paper
from shipway.steps.backup.store import SEAL, list_backups
from shipway.values import Seal, Unproven

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shipway.values import MigrationPlan, Secret

__all__ = ["latest_seal", "same_files"]


def latest_seal(  # noqa: PLR0913 - all by name
    folder: Path,
    plan: MigrationPlan,
    *,
    target: str,
    project_ref: str | None,
    now: datetime,
    max_age_s: float,
    key: Secret | None = None,
) -> Seal | Unproven:
    """Return the newest seal for exactly the plan's pending files, if it is young enough.

    Args:
        folder: the folder of backups; a seal lies with the backup that it was made on.
        plan: what would run.
        target: its name.
        project_ref: the project that the backup must be of.
        now: the time that ages are measured from.
        max_age_s: an older seal does not count.
        key: when given, the seal must be signed with it.
    """
    for backup in list_backups(folder, key=key).backups:
        try:
            seal = read_paper(backup.directory / SEAL, "seal", Seal, key=key)
        except IllFormed:
            continue
        fits = (
            seal.backup_id == backup.manifest.backup_id
            and seal.target == target
            and seal.project_ref == project_ref
            and same_files(seal, plan)
        )
        if fits and (now - seal.at).total_seconds() <= max_age_s:
            return seal
    flag = f" --target {target}" if target != "default" else ""
    return Unproven(
        missing=f"a rehearsal of exactly these files for {target}, younger than "
        f"{max_age_s / 60:g} minutes",
        command=f"invoke db.rehearse{flag}",
    )


def same_files(seal: Seal, plan: MigrationPlan) -> bool:
    """Return whether the seal is of exactly the plan's pending files, in their order."""
    rehearsed = [(one.label, one.sha256) for one in seal.migrations]
    return rehearsed == [(one.label, one.sha256) for one in plan.pending]
