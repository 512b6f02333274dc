"""Backups: what makes them, where they are kept, and rehearsals on them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from shipway.edges.dump import PgDump
from shipway.record import ReleaseEnd
from shipway.schema.expectations import load_expectations
from shipway.steps.backup import plan_backup
from shipway.steps.kept import kept_of
from shipway.steps.sealed import latest_seal
from shipway.steps.shelf import latest_backup
from shipway.wiring.given import wanted

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.edges.rehearsal_room import RehearsalRoom
    from shipway.edges.storage import Storage
    from shipway.schema.expectations import Expectations
    from shipway.steps.backup import BackupPlan
    from shipway.values import Backup, MigrationPlan, Seal, Unproven
    from shipway.wiring import Wiring

__all__ = ["BackupWiring"]

_LIVE = (ReleaseEnd.GOOD.value, ReleaseEnd.NOT_ENOUGH_EVIDENCE.value)
_FRESH_PROOF_S = 3600.0
"""How old the backup and the rehearsal may be that `db.migrate` alone takes as its proofs."""


class BackupWiring:
    """What commands ask of backups and rehearsals."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._settings = wiring.settings

    @property
    def folder(self) -> Path:
        """Where backups lie."""
        return self._wiring.state / "backups"

    def plan(self) -> BackupPlan:
        """Return what a backup that begins now would do."""
        return plan_backup(
            target=self._settings.target,
            project_ref=self._settings.project_ref,
            folder=self.folder,
            now=self._wiring.clock.now(),
            bucket=self._settings.backup_bucket,
            asks_platform=self._settings.supabase_access_token is not None,
        )

    def latest(self) -> Backup | Unproven:
        """Return the backup that counts as proof for a step run alone."""
        return latest_backup(
            self.folder,
            target=self._settings.target,
            project_ref=self._settings.project_ref,
            now=self._wiring.clock.now(),
            max_age_s=_FRESH_PROOF_S,
            key=self._settings.backup_signing_key,
        )

    def latest_seal(self, plan: MigrationPlan) -> Seal | Unproven:
        """Return the rehearsal that counts as proof for migrations run alone."""
        return latest_seal(
            self.folder,
            plan,
            target=self._settings.target,
            project_ref=self._settings.project_ref,
            now=self._wiring.clock.now(),
            max_age_s=_FRESH_PROOF_S,
            key=self._settings.backup_signing_key,
        )

    @property
    def room(self) -> RehearsalRoom:
        """Where copies of backups live for as long as they are rehearsed on."""
        from shipway.edges.rehearsal_room import RehearsalRoom

        return RehearsalRoom(self._wiring.state / "rehearsals")

    def serving(self) -> Expectations | None:
        """Return what the last release that went live promised; its code serves until the next."""
        folder = self._wiring.releases_folder
        for release in sorted(folder.glob("*"), reverse=True):
            kept = kept_of(folder, release.name)
            if kept is not None and _went_live(release):
                return load_expectations(
                    kept.checks_dir,
                    exposed_schemas=self._settings.exposed_schemas,
                    timeout_s=self._settings.check_timeout_s,
                )
        return None

    @property
    def dumper(self) -> PgDump:
        """What dumps the database."""
        return PgDump(
            url=self._wiring.database.url, connect_timeout_s=self._settings.connect_timeout_s
        )

    @cached_property
    def vault(self) -> Storage | None:
        """The bucket that keeps copies; None when no bucket is set."""
        bucket = self._settings.backup_bucket
        if bucket is None:
            return None
        # supabase-py costs half a second: only those pay who keep copies in Storage.
        from shipway.edges.storage import Storage

        where = "It stands in the project's API settings; backup_bucket wants it."
        storage = Storage(
            url=wanted(self._settings.supabase_url, "SUPABASE_URL", where),
            key=wanted(self._settings.supabase_secret_key, "SUPABASE_SECRET_KEY", where),
            bucket=bucket,
            clock=self._wiring.clock,
        )
        self._wiring.closing().callback(storage.close)
        return storage


def _went_live(release: Path) -> bool:
    """Tell whether a release came to a good end, as its record says."""
    try:
        record = json.loads((release / "release.json").read_text(encoding="utf-8"))
        return record["end"] in _LIVE
    except (OSError, ValueError, KeyError, TypeError):
        return False
