"""Seals on the shelf: which rehearsal counts for the files that are about to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.decoding import IllFormed
from shipway.formats.signed_file import read_paper
from shipway.steps.backup.store import SEAL, list_backups
from shipway.values.basics import Unproven
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.steps.backup.store import ProofTerms
    from shipway.values.migrations import MigrationPlan

__all__ = ["latest_seal", "same_files"]


def latest_seal(folder: Path, plan: MigrationPlan, terms: ProofTerms) -> Seal | Unproven:
    """Return the newest seal for exactly the plan's pending files that counts as a proof.

    Args:
        folder: the folder of backups; a seal lies with the backup that it was made on.
        plan: what would run.
        terms: whose it must be, and how young.
    """
    for backup in list_backups(folder, key=terms.key).backups:
        try:
            seal = read_paper(backup.directory / SEAL, "seal", Seal, key=terms.key)
        except IllFormed:
            continue
        fits = (
            seal.backup_id == backup.manifest.backup_id
            and seal.target == terms.target
            and seal.project_ref == terms.project_ref
            and same_files(seal, plan)
        )
        if fits and (terms.now - seal.at).total_seconds() <= terms.max_age_s:
            return seal
    flag = f" --target {terms.target}" if terms.target != "default" else ""
    return Unproven(
        missing=f"a rehearsal of exactly these files for {terms.target}, younger than "
        f"{terms.max_age_s / 60:g} minutes",
        command=f"invoke db.rehearse{flag}",
    )


def same_files(seal: Seal, plan: MigrationPlan) -> bool:
    """Return whether the seal is of exactly the plan's pending files, in their order."""
    rehearsed = [(one.label, one.sha256) for one in seal.migrations]
    return rehearsed == [(one.label, one.sha256) for one in plan.pending]
