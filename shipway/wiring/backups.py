"""Backups: what makes them, where they are kept, and rehearsals on them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shipway.edges.storage.age import Age
from shipway.errors import Misconfigured, Stopped
from shipway.steps.backup.store import ProofTerms, latest_backup
from shipway.steps.backup.take import BackupPowers
from shipway.steps.seal.store import latest_seal
from shipway.values.basics import Unproven
from shipway.wiring.given import required
from shipway.wiring.vault import bucket_of, open_vault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shipway.edges.copies.branch import BranchRoom
    from shipway.edges.copies.own_server import OwnServer
    from shipway.edges.copies.rehearsal_room import RehearsalRoom
    from shipway.edges.dump.archives import Archives
    from shipway.edges.dump.dump import PgDump
    from shipway.edges.machine.squawk import Squawk
    from shipway.schema.expectations import Expectations
    from shipway.steps.backup.offsite import Vault
    from shipway.steps.backup.take import BackupPlan
    from shipway.values.backup import Backup
    from shipway.values.basics import Say
    from shipway.values.inspection import Snapshot
    from shipway.values.migrations import AppliedMigration, MigrationPlan
    from shipway.values.rehearsal import Seal
    from shipway.wiring import Wiring

__all__ = ["BackupWiring"]


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
        from shipway.steps.backup.take import plan_backup
        from shipway.steps.backup.time_left import expected_bytes

        self._age.check(self._settings.backup_recipients)
        return plan_backup(
            target=self._settings.target,
            project_ref=self._settings.project_ref,
            folder=self.folder,
            now=self._wiring.clock.now(),
            bucket=bucket_of(self._settings),
            asks_platform=self._settings.supabase_access_token is not None,
            encrypted_for=self._settings.backup_recipients,
            expected_bytes=expected_bytes(self.folder, self._settings.target),
        )

    def latest(self) -> Backup | Unproven:
        """Return the backup that counts as proof for a step run alone."""
        return latest_backup(self.folder, self._proof_terms)

    def latest_seal(self, plan: MigrationPlan) -> Seal | Unproven:
        """Return the rehearsal that counts as proof for migrations run alone."""
        return latest_seal(self.folder, plan, self._proof_terms)

    @property
    def _proof_terms(self) -> ProofTerms:
        return ProofTerms(
            target=self._settings.target,
            project_ref=self._settings.project_ref,
            now=self._wiring.clock.now(),
            max_age_s=self._settings.backup_max_age_s,
            key=self._settings.backup_signing_key,
        )

    def sealed_schema(self, applied: Sequence[AppliedMigration]) -> Snapshot | None:
        """Return the schema that the rehearsal of the ledger's newest files led to."""
        from shipway.steps.seal.check import sealed_schema

        return sealed_schema(
            self.folder,
            applied,
            target=self._settings.target,
            project_ref=self._settings.project_ref,
            key=self._settings.backup_signing_key,
        )

    @property
    def room(self) -> RehearsalRoom:
        """Where copies of backups live for as long as they are rehearsed on."""
        from shipway.edges.copies.rehearsal_room import RehearsalRoom

        return RehearsalRoom(
            self._wiring.state / "rehearsals",
            self.archives,
            whole_up_to_bytes=self._settings.rehearse_whole_up_to_bytes,
            instead=self._branches(),
            own_server=self._own_server(),
        )

    @property
    def copies_on(self) -> str:
        """The server that a copy would be made on, in words; or why there is none."""
        try:
            return str(self.room.server(*self._wiring.database.server_major_and_extensions))
        except Stopped as error:
            return f"nothing ({error.what})"

    def _own_server(self) -> OwnServer | None:
        """Return the server of one's own that copies are made on; None: embedded ones."""
        url = self._settings.rehearse_on
        if url is None:
            return None
        from shipway.edges.copies.own_server import OwnServer

        return OwnServer(
            url, target=self._settings.database_url, timeout_s=self._settings.connect_timeout_s
        )

    def _branches(self) -> BranchRoom | None:
        """Return where large backups are rehearsed; None: on a sample, here."""
        known = {"sample": False, "branch": True}
        chosen = self._settings.rehearse_large_on
        if chosen not in known:
            raise Misconfigured(
                f"rehearse_large_on = '{chosen}' is no place for a rehearsal.",
                unchanged="Nothing was changed.",
                next_step=f"Set rehearse_large_on to one of: {', '.join(known)}",
            )
        if not known[chosen]:
            return None
        from shipway.wiring.platform import open_branches

        token = required(
            self._settings.supabase_access_token,
            "SUPABASE_ACCESS_TOKEN",
            self._settings,
            because="rehearse_large_on is branch",
        )
        return open_branches(self._wiring, token, self._wiring.state / "branches")

    @property
    def linter(self) -> Squawk | Unproven:
        """What reads migrations for faults beside our own rules."""
        from shipway.edges.machine.squawk import find_squawk

        return find_squawk()

    def serving(self) -> Expectations | Unproven:
        """Return what the release promised whose code serves production, as Vercel says.

        The records on this machine do not know it: production may have been rolled back, emptied
        or changed from elsewhere since.
        """
        settings = self._settings
        if settings.vercel_token is None or settings.vercel_project_id is None:
            return _unknown("which code serves now is not known without VERCEL_TOKEN")
        from shipway.schema.expectations import load_expectations
        from shipway.values.hosting import RELEASE_META

        try:
            vercel = self._wiring.hosting.vercel
            serving_id = vercel.hosting().production_id
            if serving_id is None:
                return _unknown("no code serves production yet")
            release_id = vercel.get(serving_id).meta.get(RELEASE_META, "")
        except Stopped as error:
            return _unknown(error.what)
        kept = self._wiring.journals.kept(release_id)
        if kept is None:
            return _unknown(f"the checks of {serving_id}, which serves now, are not kept here")
        return load_expectations(
            kept.checks_dir,
            exposed_schemas=settings.exposed_schemas,
            timeout_s=settings.check_timeout_s,
        )

    @property
    def dumper(self) -> PgDump:
        """What dumps the database."""
        from shipway.edges.dump.dump import PgDump

        return PgDump(
            url=self._wiring.database.url,
            connect_timeout_s=self._settings.connect_timeout_s,
            age=self._age,
        )

    @cached_property
    def archives(self) -> Archives:
        """What reads the dumps."""
        from shipway.edges.dump.archives import Archives

        return Archives(age=self._age, folder=self._wiring.state / "plain")

    @cached_property
    def _age(self) -> Age:
        # One for the whole command: what it has encrypted only this one can read without a key.
        file = self._settings.backup_identity_file
        return Age(self._settings.under_root(file) if file else None)

    @cached_property
    def vault(self) -> Vault | None:
        """What keeps copies elsewhere; None when no bucket is set."""
        return open_vault(self._wiring)

    def powers(self, say: Say) -> BackupPowers:
        """Return what a backup is taken with."""
        return BackupPowers(
            dumper=self.dumper,
            lister=self.archives,
            platform=self._wiring.platform,
            vault=self.vault,
            clock=self._wiring.clock,
            say=say,
            key=self._settings.backup_signing_key,
        )


def _unknown(why: str) -> Unproven:
    return Unproven(missing=why, command="invoke release")
