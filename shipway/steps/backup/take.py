"""Backup: the target is dumped into a folder of its own, with a manifest, before anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Failed
from shipway.formats.figures import count, size
from shipway.formats.signed_file import write_paper
from shipway.schema.fingerprint import fingerprint
from shipway.steps.backup.folder import new_folder
from shipway.steps.backup.offsite import keep_copy
from shipway.steps.backup.restore_points import ask_platform
from shipway.steps.backup.store import (
    ARCHIVE,
    ENCRYPTED,
    MANIFEST,
    SCHEMA,
    Lister,
    missing_tables,
    record_proof,
)
from shipway.steps.backup.time_left import time_left_s
from shipway.values.backup import Backup, Grade, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from shipway.steps.backup.offsite import Vault
    from shipway.steps.backup.restore_points import PlatformDesk
    from shipway.values.backup import Dumped, DumpedSoFar, Platform
    from shipway.values.basics import Clock, Say, Secret

__all__ = ["BackupPlan", "BackupPowers", "Dumper", "plan_backup", "take_backup"]

_KEPT_UNREADABLE = "The database was not changed, and no backup was kept."

# Supabase's own: a project's role need not read them, and a restore finds them there already.
# Not auth and storage: they hold the app's users and the list of its files.
_OF_THE_PLATFORM = (
    *("_analytics", "_realtime", "_supavisor", "cron", "etl", "extensions", "graphql"),
    *("graphql_public", "net", "pgbouncer", "pgmq", "pgsodium", "pgsodium_masks", "pgtle"),
    *("realtime", "supabase_functions", "vault"),
)


class Dumper(Protocol):
    """Dumps the target."""

    def dump(
        self, into: Path, *, recipients: Sequence[str], progress: Callable[[DumpedSoFar], None]
    ) -> Dumped:
        """Write the whole archive to `into`, or nothing; encrypted when there are recipients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPowers:
    """What the step is handed to act with."""

    dumper: Dumper
    lister: Lister
    platform: PlatformDesk | None
    """Asked when the plan says so."""
    vault: Vault | None
    """Keeps the copy when the plan names a bucket."""
    clock: Clock
    say: Say
    key: Secret | None = None
    """Signs the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """What `invoke backup` would do."""

    backup_id: str
    target: str
    project_ref: str | None
    directory: Path
    bucket: str | None
    """Where a copy goes, and None when it stays on this machine alone."""
    asks_platform: bool
    platform_required: bool
    encrypted_for: tuple[str, ...] = ()
    """The public keys whose owners will be able to read it; none: it is not encrypted."""
    expected_bytes: int | None = None
    """About how large the archive will be; None when nothing is known of that."""


def plan_backup(  # noqa: PLR0913 - all by name
    *,
    target: str,
    project_ref: str | None,
    folder: Path,
    now: datetime,
    bucket: str | None,
    asks_platform: bool,
    platform_required: bool = False,
    encrypted_for: tuple[str, ...] = (),
    expected_bytes: int | None = None,
) -> BackupPlan:
    """Return the plan of a backup that begins now.

    Args:
        target: its name.
        project_ref: the Supabase project, when it is known.
        folder: the folder of backups.
        now: UTC; the backup's name is made of it.
        bucket: the private Storage bucket that a copy goes to.
        asks_platform: whether Supabase is asked for its own backups.
        platform_required: whether a platform that cannot be asked fails the backup.
        encrypted_for: the recipients.
        expected_bytes: about how large the archive will be.
    """
    backup_id = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{target}"
    return BackupPlan(
        backup_id=backup_id,
        target=target,
        project_ref=project_ref,
        directory=folder / backup_id,
        bucket=bucket,
        asks_platform=asks_platform,
        platform_required=platform_required,
        encrypted_for=encrypted_for,
        expected_bytes=expected_bytes,
    )


def take_backup(plan: BackupPlan, powers: BackupPowers) -> Backup:
    """Carry out the plan and return the backup, whole and listed.

    Raises:
        Failed: there is no backup, or the copy did not arrive; the message says which.
        Stopped: what the dumper, the vault or a required platform stops with.
    """
    window, clock, say, key = None, powers.clock, powers.say, powers.key
    if plan.asks_platform and powers.platform is not None:
        required = plan.platform_required
        window = ask_platform(powers.platform, clock=clock, say=say, required=required)
    with new_folder(plan.directory) as folder:
        taken_at, began = clock.now(), clock.monotonic()
        archive = folder / (ENCRYPTED if plan.encrypted_for else ARCHIVE)
        with say.progress("dumping") as line:

            def tell(one: DumpedSoFar) -> None:
                share = one.written_bytes / plan.expected_bytes if plan.expected_bytes else 0.0
                line.at(
                    f"{size(one.written_bytes)}, table {one.tables_begun} of {one.tables}",
                    left_s=time_left_s(share, clock.monotonic() - began),
                )

            dumped = powers.dumper.dump(archive, recipients=plan.encrypted_for, progress=tell)
        manifest = _manifest(plan, dumped, window, taken_at)
        missing = missing_tables(powers.lister.contents(archive) or (), manifest)
        if missing:
            raise Failed(
                f"The dump ended well and yet holds no rows of {', '.join(missing)}.",
                unchanged=_KEPT_UNREADABLE,
                next_step="Run it again; if it stays so, use another pg_dump: invoke doctor",
            )
        write_paper(folder / SCHEMA, "schema", dumped.schema, key=key)
        write_paper(folder / MANIFEST, "manifest", manifest, key=key)
    backup = Backup(directory=plan.directory, manifest=manifest, grade=Grade.EXISTS)
    backup = record_proof(backup, Grade.LISTS, clock=clock, key=key)
    _say_what_was_dumped(manifest, say)
    if powers.vault is not None and plan.bucket is not None:
        backup = keep_copy(backup, powers.vault, say, key)
    return backup


def _manifest(
    plan: BackupPlan, dumped: Dumped, window: Platform | None, taken_at: datetime
) -> Manifest:
    return Manifest(
        backup_id=plan.backup_id,
        target=plan.target,
        project_ref=plan.project_ref,
        database=dumped.database,
        taken_at=_to_the_ms(taken_at),
        server_version=dumped.server_version,
        tool=dumped.tool,
        archive=ENCRYPTED if plan.encrypted_for else ARCHIVE,
        archive_bytes=dumped.archive_bytes,
        archive_sha256=dumped.archive_sha256,
        duration_s=round(dumped.duration_s, 3),
        row_counts=dumped.row_counts,
        left_out=dumped.left_out,
        ledger_version=dumped.ledger_version,
        platform=window,
        uploaded_to=None,
        snapshot_at=_to_the_ms(dumped.snapshot_at),
        lsn=dumped.lsn,
        extensions=dumped.extensions,
        offered=dumped.offered,
        has_public=dumped.has_public,
        roles=dumped.roles,
        role=dumped.role,
        compression=dumped.compression,
        fingerprint=fingerprint(dumped.schema),
        encrypted_for=plan.encrypted_for,
        session=dumped.session,
        locale=dumped.locale,
    )


def _to_the_ms(moment: datetime) -> datetime:
    """Return the moment as papers keep it, so that what is read equals what was written."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _say_what_was_dumped(manifest: Manifest, say: Say) -> None:
    rows = sum(manifest.row_counts.values())
    say.note(
        f"{manifest.backup_id}: {count(len(manifest.row_counts), 'table')} with "
        f"{count(rows, 'row')}, "
        f"{size(manifest.archive_bytes)} by {manifest.tool} in {manifest.duration_s:.1f} s, "
        f"sha256 {manifest.archive_sha256[:12]}…"
    )
    if manifest.encrypted_for:
        say.note(f"encrypted: {count(len(manifest.encrypted_for), 'key')} can read it, none here")
    own = [name for name in manifest.left_out if name.split(".")[0] not in _OF_THE_PLATFORM]
    if own:
        say.warn(
            f"Not in the backup, because the role may not read it: {', '.join(own)}. "
            "Grant it USAGE on the schema and SELECT on its tables and sequences."
        )
    elif manifest.left_out:
        say.note(f"left out, the platform's own: {', '.join(manifest.left_out)}")
