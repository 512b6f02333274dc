"""Copies of backups elsewhere: uploaded, read back, and only then told of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Failed, Stopped
from shipway.formats.figures import size
from shipway.formats.signed_file import digest_of_file, write_paper
from shipway.steps.backup.folder import new_folder
from shipway.steps.backup.store import MANIFEST, SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.backup import Backup, Manifest
    from shipway.values.basics import Say, Secret

__all__ = ["Vault", "bring_back", "keep_copy"]


class Vault(Protocol):
    """Keeps a copy elsewhere."""

    dies_with_project: bool
    """Whether what it keeps is gone when the Supabase project is deleted."""

    def keep(self, path: Path, name: str) -> str:
        """Store a file under a name, read it back, and return where it is."""

    def fetch(self, name: str, path: Path) -> None:
        """Write what is stored under a name to a file."""


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


def bring_back(manifest: Manifest, vault: Vault, *, folder: Path, say: Say) -> None:
    """Fetch a backup that another machine has taken from its copy into the folder of backups.

    Args:
        manifest: of the backup, from a source that is trusted: its digest decides.
        vault: where the copy is.
        folder: of backups, on this machine; it holds the backup afterwards, or nothing of it.
        say: shows that it is being fetched.

    Raises:
        Failed: it is not the backup that the manifest tells of, or did not come through.
        Stopped: what the vault stops with.
    """
    name = manifest.backup_id
    what = f"fetching {size(manifest.archive_bytes)} from {manifest.uploaded_to}"
    with new_folder(folder / name) as making, say.progress(what):
        for file in (manifest.archive, SCHEMA, MANIFEST):
            vault.fetch(f"{name}/{file}", making / file)
        if digest_of_file(making / manifest.archive) != manifest.archive_sha256:
            raise Failed(
                f"{manifest.uploaded_to} does not hold what was uploaded there.",
                unchanged="Nothing was kept on this machine.",
                next_step="Look for another copy of it.",
            )
    say.note(f"{name} was fetched from {manifest.uploaded_to}")
