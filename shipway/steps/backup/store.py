"""The shelf of backups: what lies there, whether it is whole, and which one may serve as proof.

Each backup is a folder `<state_dir>/backups/<backup_id>/` with `dump.pgc` (an archive of pg_dump's
custom format; `dump.pgc.age` when it is encrypted) and papers (see `shipway.formats.signed_file`):
`manifest.json` (kind `manifest`, its body is `values.Manifest`), `schema.json` (the project's
schema, `inspection.Snapshot`), `proof.json` (the grade reached, for which archive, when) and, once
it was rehearsed on, `seal.json` (`values.Seal`). Releases add `before.json` (`inspection.Before`).
A folder whose name ends in `.partial` is a backup in the making or one that was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Failed, Refused
from shipway.formats.decoding import UPDATE, IllFormed, NewerFormat
from shipway.formats.signed_file import digest_of_file, read_paper, write_paper
from shipway.values.backup import Backup, Grade, Manifest
from shipway.values.basics import Unproven

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shipway.values.basics import Clock, Secret

__all__ = [
    "ARCHIVE",
    "ENCRYPTED",
    "MANIFEST",
    "RESULT",
    "SCHEMA",
    "SEAL",
    "Lister",
    "Proof",
    "Shelf",
    "Unreadable",
    "latest_backup",
    "list_backups",
    "missing_tables",
    "open_backup",
    "record_proof",
    "verify_backup",
]

ARCHIVE = "dump.pgc"
ENCRYPTED = "dump.pgc.age"
MANIFEST = "manifest.json"
SCHEMA = "schema.json"
SEAL = "seal.json"
RESULT = "result.json"
"""The schema that the rehearsal led to."""
_PROOF = "proof.json"


class Lister(Protocol):
    """Reads the table of contents of an archive."""

    def contents(self, archive: Path) -> tuple[str, ...] | None:
        """Return the entries, as `TABLE DATA public users owner`; None: it cannot be read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The grade that a backup has reached."""

    archive_sha256: str
    grade: Grade
    at: datetime
    restore_s: float | None = None
    """How long the last restore took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A folder on the shelf that is no whole backup, and why."""

    directory: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All that lies on the shelf, newest first."""

    backups: tuple[Backup, ...]
    unreadable: tuple[Unreadable, ...]


def list_backups(folder: Path, *, key: Secret | None = None) -> Shelf:
    """Return what lies in the folder of backups; nothing is read but manifests and proofs."""
    backups, unreadable = [], []
    found = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    for directory in found:
        if not directory.is_dir():
            continue
        if directory.suffix == ".partial":
            unreadable.append(Unreadable(directory=directory, reason="was interrupted"))
            continue
        try:
            backups.append(open_backup(directory, key=key))
        except (Failed, Refused) as error:
            unreadable.append(Unreadable(directory=directory, reason=error.what))
    backups.sort(key=lambda one: one.manifest.taken_at, reverse=True)
    return Shelf(backups=tuple(backups), unreadable=tuple(unreadable))


def open_backup(directory: Path, *, key: Secret | None = None) -> Backup:
    """Return a backup with the grade that its proof tells, without reading the archive.

    Raises:
        Failed: the manifest is missing, ill-formed or another backup's, or the archive is missing
            or of another size.
        Refused: a newer shipway took it.
    """
    try:
        manifest = read_paper(directory / MANIFEST, "manifest", Manifest, key=key)
    except NewerFormat as why:
        raise Refused(
            f"The backup {directory.name} cannot be read here: its {MANIFEST} {why}.",
            unchanged="Nothing was restored or changed.",
            next_step=UPDATE,
        ) from None
    except IllFormed as why:
        raise _damage(directory, f"its {MANIFEST} {why}") from None
    if manifest.backup_id != directory.name:
        raise _damage(directory, f"its {MANIFEST} belongs to the backup {manifest.backup_id}")
    if manifest.archive != (ENCRYPTED if manifest.encrypted_for else ARCHIVE):
        raise _damage(directory, f"its {MANIFEST} names the archive {manifest.archive!r}")
    backup = Backup(directory=directory, manifest=manifest, grade=Grade.EXISTS)
    if not backup.archive.is_file():
        raise _damage(directory, f"its archive {manifest.archive} is missing")
    size = backup.archive.stat().st_size
    if size != manifest.archive_bytes:
        raise _damage(
            directory, f"its archive has {size} bytes and was written with {manifest.archive_bytes}"
        )
    try:
        proof = read_paper(directory / _PROOF, "proof", Proof, key=key)
    except IllFormed:
        return backup
    if proof.archive_sha256 != manifest.archive_sha256:
        return backup
    return replace(backup, grade=proof.grade, restore_s=proof.restore_s)


def record_proof(
    backup: Backup,
    grade: Grade,
    *,
    clock: Clock,
    key: Secret | None,
    restore_s: float | None = None,
) -> Backup:
    """Keep the grade with the backup, unless it has a higher one, and return it so.

    Args:
        backup: what was proven.
        grade: how far.
        clock: gives the proof its time.
        key: signs it.
        restore_s: how long it took to restore, when it was.
    """
    proven = replace(
        backup,
        grade=max(grade, backup.grade),
        restore_s=backup.restore_s if restore_s is None else restore_s,
    )
    if proven != backup or not (backup.directory / _PROOF).is_file():
        proof = Proof(
            archive_sha256=backup.manifest.archive_sha256,
            grade=proven.grade,
            at=clock.now(),
            restore_s=proven.restore_s,
        )
        write_paper(backup.directory / _PROOF, "proof", proof, key=key)
    return proven


def verify_backup(
    directory: Path, *, lister: Lister, clock: Clock, key: Secret | None = None
) -> Backup:
    """Read a backup from end to end and return it with at least the grade LISTS.

    One that is encrypted, with no key here that reads it, gets at least DIGESTS. What was proven
    earlier stays proven: the digest says that the archive is still the same.

    Args:
        directory: the backup's folder.
        lister: lists the archive, once its digest was found right and not before: a crafted
            archive could harm the program that reads it (CVE-2026-116314).
        clock: gives the proof its time.
        key: when given, the manifest must be signed with it.

    Raises:
        Failed: it is damaged; says how. Its proof is withdrawn.
        Refused: a newer shipway took it.
    """
    try:
        backup = open_backup(directory, key=key)
        found = digest_of_file(backup.archive)
        if found != backup.manifest.archive_sha256:
            raise _damage(
                directory,
                f"its archive is another than the one written: sha256 {found[:12]}…, and the "
                f"manifest says {backup.manifest.archive_sha256[:12]}…",
            )
        entries = lister.contents(backup.archive)
        missing = () if entries is None else missing_tables(entries, backup.manifest)
        if missing:
            raise _damage(directory, f"its archive holds no rows of {', '.join(missing)}")
    except Failed:
        (directory / _PROOF).unlink(missing_ok=True)
        raise
    grade = Grade.DIGESTS if entries is None else Grade.LISTS
    return record_proof(backup, grade, clock=clock, key=key)


def missing_tables(entries: tuple[str, ...], manifest: Manifest) -> tuple[str, ...]:
    """Return the counted tables whose rows the archive does not list."""
    # The owner stands last; a name of his with a space would need the slow way below.
    listed = {entry.rsplit(" ", 1)[0] for entry in entries if entry.startswith("TABLE DATA ")}
    missing = []
    for table in manifest.row_counts:
        # Schema and name are parted by the first dot, or a later one when the schema holds one.
        dots = [at for at, letter in enumerate(table) if letter == "."]
        forms = [f"TABLE DATA {table[:at]} {table[at + 1 :]}" for at in dots]
        if not any(form in listed for form in forms) and not any(
            entry.startswith(f"{form} ") for form in forms for entry in entries
        ):
            missing.append(table)
    return tuple(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofTerms:
    """What a backup, or a rehearsal on it, has to be to count as a proof."""

    target: str
    project_ref: str | None
    """The project that it must be of."""
    now: datetime
    """Ages are measured from here."""
    max_age_s: float
    key: Secret | None = None
    """When given, it must be signed with it."""


def latest_backup(folder: Path, terms: ProofTerms) -> Backup | Unproven:
    """Return the newest backup in a folder of backups that counts as a proof."""
    target = terms.target
    for backup in list_backups(folder, key=terms.key).backups:
        manifest = backup.manifest
        fits = manifest.target == target and manifest.project_ref == terms.project_ref
        age_s = (terms.now - manifest.taken_at).total_seconds()
        if fits and age_s <= terms.max_age_s and backup.grade >= Grade.LISTS:
            return backup
    return Unproven(
        missing=f"a backup of {target} that is younger than {terms.max_age_s / 60:g} minutes",
        command="invoke backup" + (f" --target {target}" if target != "default" else ""),
    )


def _damage(directory: Path, problem: str) -> Failed:
    return Failed(
        f"The backup {directory.name} cannot be trusted: {problem}.",
        unchanged="Nothing was restored or changed.",
        next_step="Use another backup (invoke backup.list), or bring this one back from its copy.",
    )
