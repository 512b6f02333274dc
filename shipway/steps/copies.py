"""Copies of backups elsewhere: uploaded, read back, and only then told of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Stopped
from shipway.figures import size
from shipway.papers import write_paper
from shipway.steps.shelf import MANIFEST, SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values import Backup, Say, Secret

__all__ = ["Vault", "keep_copy"]


class Vault(Protocol):
    """Keeps a copy elsewhere."""

    dies_with_project: bool
    """Whether what it keeps is gone when the Supabase project is deleted."""

    def keep(self, path: Path, name: str) -> str:
        """Store a file under a name, read it back, and return where it is."""


def keep_copy(backup: Backup, vault: Vault, say: Say, key: Secret | None) -> Backup:
    """Upload archive and manifest; the manifest goes last, so that it stands for the whole."""
    name = backup.manifest.backup_id
    try:
        with say.progress(f"uploading {size(backup.manifest.archive_bytes)}, and reading it back"):
            place = vault.keep(backup.archive, f"{name}/{backup.archive.name}")
        vault.keep(backup.directory / SCHEMA, f"{name}/{SCHEMA}")
        manifest = replace(backup.manifest, uploaded_to=place)
        write_paper(backup.directory / MANIFEST, "manifest", manifest, key=key)
        try:
            vault.keep(backup.directory / MANIFEST, f"{name}/{MANIFEST}")
        except BaseException:
            write_paper(backup.directory / MANIFEST, "manifest", backup.manifest, key=key)
            raise
    except Stopped as error:
        error.unchanged = (
            f"The database was not changed; the backup {name} is whole on this machine. "
            + error.unchanged
        )
        raise
    say.note(f"uploaded to {place} and read back with the same digest")
    if vault.dies_with_project:
        say.warn(
            "That copy lies in Storage of the same Supabase project and dies with it: keep another "
            f"one elsewhere. This machine's is {backup.directory}"
        )
    return replace(backup, manifest=manifest)
