"""Plugs the real edges into the steps, as the settings say."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

from shipway.edges import postgres, release_lock
from shipway.edges.app_files import app_files, git_commit
from shipway.edges.catalog import Catalog
from shipway.edges.clock import SystemClock
from shipway.edges.dump import PgDump
from shipway.edges.http import Api
from shipway.edges.ledger import Ledger, read_ledger
from shipway.edges.log_memory import LogMemory
from shipway.edges.memory import VerifyMemory
from shipway.edges.rehearsal_room import RehearsalRoom
from shipway.edges.storage import Storage
from shipway.edges.supabase import Supabase
from shipway.edges.vercel import Vercel
from shipway.edges.vercel_logs import VercelLogs
from shipway.edges.web import Web
from shipway.errors import Misconfigured
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.sandbox.blueprint import Blueprint
from shipway.schema.expectations import Expectations, load_expectations
from shipway.steps.backup import plan_backup
from shipway.steps.deploy import LiveTerms, plan_deploy
from shipway.steps.kept import kept_of
from shipway.steps.listening import Listening, joined
from shipway.steps.means import Means
from shipway.steps.retreat import OldCode
from shipway.steps.sealed import latest_seal
from shipway.steps.shelf import latest_backup
from shipway.steps.smoke import read_pages
from shipway.steps.watch import WatchPlan
from shipway.values import RELEASE_META, MigrationLimits, Phase, Unproven

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.settings import Settings
    from shipway.steps.backup import BackupPlan
    from shipway.steps.deploy import DeployPlan
    from shipway.steps.smoke import SmokePage
    from shipway.values import (
        AppFile,
        Backup,
        Baseline,
        Clock,
        Deployed,
        LedgerState,
        Migration,
        MigrationPlan,
        Seal,
        Secret,
    )

__all__ = ["Wiring"]

_T = TypeVar("_T")
_NOT_SET = "Nothing was contacted and nothing was changed."
_FRESH_PROOF_S = 3600.0
"""How old the backup and the rehearsal may be that `db.migrate` alone takes as its proofs."""


class Wiring:
    """The powers of one command. Each is made when it is asked for: most commands need few.

    Used as a context manager; at its end every connection that it opened is closed.

    Args:
        settings: of the target.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock: Clock = SystemClock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # --- the database -------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """host:port/database of the target, without user or password."""
        return postgres.place_of(self._database_url)

    @property
    def _database_url(self) -> Secret:
        return self._wanted(
            self.settings.database_url,
            "DATABASE_URL",
            "Copy it from the Supabase dashboard (Connect > Session pooler).",
        )

    def ledger_state(self) -> LedgerState:
        """Return what the database says about its migrations."""
        with postgres.connect(
            self.settings.database_url,
            purpose="status",
            timeout_s=self.settings.connect_timeout_s,
        ) as connection:
            return read_ledger(connection)

    def migration_files(self) -> tuple[Migration, ...]:
        """Return the project's migrations."""
        return read_folder(self.settings.under_root(self.settings.migrations_dir))

    def migration_plan(self) -> MigrationPlan:
        """Return what would be applied."""
        return plan_migrations(
            self.migration_files(), self.ledger_state(), project_ref=self.settings.project_ref
        )

    def open_database(self) -> AbstractContextManager[Ledger]:
        """Return the connection that migrations run on."""
        return Ledger(self.settings.database_url, connect_timeout_s=self.settings.connect_timeout_s)

    @property
    def migration_limits(self) -> MigrationLimits:
        """How long a run of migrations may wait."""
        return MigrationLimits(
            lock_timeout_s=self.settings.lock_timeout_s,
            statement_timeout_s=self.settings.statement_timeout_s,
            run_lock_wait_s=self.settings.run_lock_wait_s,
            lock_retry_s=self.settings.lock_retry_s,
            lock_backoff_s=self.settings.lock_backoff_s,
        )

    def expectations(self) -> Expectations:
        """Return what the project promises of its database."""
        settings = self.settings
        return load_expectations(
            settings.under_root(settings.checks_dir),
            exposed_schemas=settings.exposed_schemas,
            timeout_s=settings.check_timeout_s,
        )

    @cached_property
    def catalog(self) -> Catalog:
        """What reads the database's catalog and asks the critical queries."""
        connection = postgres.connect(
            self.settings.database_url,
            purpose="verify",
            timeout_s=self.settings.connect_timeout_s,
        )
        return Catalog(self._open.enter_context(connection))

    @cached_property
    def means(self) -> Means:
        """What verify holds the target against, beside the checks folder."""
        settings = self.settings
        state = settings.under_root(settings.state_dir)
        return Means(
            files=self.migration_files(),
            blueprint=Blueprint(state / "blueprint", clock=self.clock),
            memory=VerifyMemory(state / "verified" / f"{settings.target}.json"),
            platform=self.platform,
        )

    def lock(self, owner: str) -> AbstractContextManager[None]:
        """Return the target's lock."""
        return release_lock.held(
            self.settings.database_url, owner=owner, timeout_s=self.settings.connect_timeout_s
        )

    # --- backup -------------------------------------------------------------------------------

    @property
    def backups_folder(self) -> Path:
        """Where backups lie."""
        return self.settings.under_root(self.settings.state_dir) / "backups"

    def backup_plan(self) -> BackupPlan:
        """Return what a backup that begins now would do."""
        return plan_backup(
            target=self.settings.target,
            project_ref=self.settings.project_ref,
            folder=self.backups_folder,
            now=self.clock.now(),
            bucket=self.settings.backup_bucket,
            asks_platform=self.settings.supabase_access_token is not None,
        )

    def latest_backup(self) -> Backup | Unproven:
        """Return the backup that counts as proof for a step run alone."""
        return latest_backup(
            self.backups_folder,
            target=self.settings.target,
            project_ref=self.settings.project_ref,
            now=self.clock.now(),
            max_age_s=_FRESH_PROOF_S,
            key=self.settings.backup_signing_key,
        )

    def latest_seal(self, plan: MigrationPlan) -> Seal | Unproven:
        """Return the rehearsal that counts as proof for migrations run alone."""
        return latest_seal(
            self.backups_folder,
            plan,
            target=self.settings.target,
            project_ref=self.settings.project_ref,
            now=self.clock.now(),
            max_age_s=_FRESH_PROOF_S,
            key=self.settings.backup_signing_key,
        )

    @property
    def protected(self) -> bool:
        """Whether migrations want a rehearsal: the target is elsewhere, or is marked so."""
        named = self.settings.target in self.settings.protected_targets
        return named or not postgres.is_local(self._database_url)

    @property
    def room(self) -> RehearsalRoom:
        """Where copies of backups live for as long as they are rehearsed on."""
        return RehearsalRoom(self.settings.under_root(self.settings.state_dir) / "rehearsals")

    @property
    def dumper(self) -> PgDump:
        """What dumps the database."""
        return PgDump(url=self._database_url, connect_timeout_s=self.settings.connect_timeout_s)

    @cached_property
    def platform(self) -> Supabase | None:
        """Supabase's Management API; None without an access token."""
        token = self.settings.supabase_access_token
        if token is None:
            return None
        ref = self._wanted(
            self.settings.project_ref,
            "SUPABASE_PROJECT_REF",
            "It is the 20 letters in the address of the project's dashboard.",
        )
        api = Api(
            name="Supabase",
            base_url=self.settings.supabase_api_url,
            setting="SUPABASE_API_URL",
            token=token,
            clock=self.clock,
        )
        return Supabase(self._open.enter_context(api), project_ref=ref, clock=self.clock)

    @cached_property
    def vault(self) -> Storage | None:
        """The bucket that keeps copies; None when no bucket is set."""
        bucket = self.settings.backup_bucket
        if bucket is None:
            return None
        where = "It stands in the project's API settings; backup_bucket wants it."
        storage = Storage(
            url=self._wanted(self.settings.supabase_url, "SUPABASE_URL", where),
            key=self._wanted(self.settings.supabase_secret_key, "SUPABASE_SECRET_KEY", where),
            bucket=bucket,
            clock=self.clock,
        )
        self._open.callback(storage.close)
        return storage

    # --- Vercel -------------------------------------------------------------------------------

    @cached_property
    def _vercel_api(self) -> Api:
        token = self._wanted(
            self.settings.vercel_token,
            "VERCEL_TOKEN",
            "Make one of this project in Vercel: Account Settings > Tokens.",
        )
        api = Api(
            name="Vercel",
            base_url=self.settings.vercel_api_url,
            setting="VERCEL_API_URL",
            token=token,
            clock=self.clock,
        )
        return self._open.enter_context(api)

    @property
    def _vercel_project_id(self) -> str:
        return self._wanted(
            self.settings.vercel_project_id,
            "VERCEL_PROJECT_ID",
            "`vercel link` writes it to .vercel/project.json.",
        )

    @cached_property
    def vercel(self) -> Vercel:
        """The Vercel project."""
        return Vercel(
            self._vercel_api,
            project_id=self._vercel_project_id,
            team_id=self.settings.vercel_org_id,
        )

    @cached_property
    def logs(self) -> VercelLogs:
        """The runtime logs of the Vercel project."""
        return VercelLogs(
            self._vercel_api,
            project_id=self._vercel_project_id,
            team_id=self.settings.vercel_org_id,
            clock=self.clock,
        )

    @cached_property
    def listening(self) -> Listening:
        """Tails of logs that are opened ahead of time."""
        return self._open.enter_context(Listening(self.logs))

    @cached_property
    def web(self) -> Web:
        """A visitor of the app's pages."""
        web = Web(
            clock=self.clock,
            timeout_s=self.settings.smoke_timeout_s,
            bypass=self.settings.vercel_bypass_secret,
        )
        return self._open.enter_context(web)

    def app_files(self) -> tuple[AppFile, ...]:
        """Return the files that are deployed."""
        return app_files(self.settings.under_root(self.settings.app_dir))

    def pages(self) -> tuple[SmokePage, ...]:
        """Return the pages of the smoke test."""
        return read_pages(self.settings.under_root(self.settings.checks_dir) / "smoke.toml")

    def deploy_plan(self, release_id: str, ledger_version: int | None) -> DeployPlan:
        """Return what would be deployed."""
        settings = self.settings
        return plan_deploy(
            release_id=release_id,
            hosting=self.vercel.hosting(),
            files=self.app_files(),
            pages=self.pages(),
            commit=git_commit(settings.under_root(settings.app_dir)),
            ledger_version=ledger_version,
            build_timeout_s=settings.deploy_timeout_s,
            promote_timeout_s=settings.promote_timeout_s,
            target=settings.target,
        )

    def live_terms(self) -> LiveTerms:
        """Return how a deployment that is built already is put live."""
        return LiveTerms(
            target=self.settings.target,
            previous_id=self.vercel.hosting().production_id,
            pages=self.pages(),
            promote_timeout_s=self.settings.promote_timeout_s,
        )

    def watch_plan(self, deployment_id: str, base_url: str, window_s: float) -> WatchPlan:
        """Return what is watched, and what counts as bad."""
        settings = self.settings
        return WatchPlan(
            deployment_id=deployment_id,
            base_url=base_url,
            pages=self.pages(),
            window_s=window_s,
            probe_every_s=settings.watch_probe_every_s,
            min_requests=settings.watch_min_requests,
            max_error_rate=settings.watch_max_error_rate,
            baseline=self.log_memory.read(),
        )

    def watch_plan_of(self, deployed: Deployed, heard: Baseline) -> WatchPlan:
        """Return the watch that follows a deployment in a release."""
        plan = self.watch_plan(
            deployed.deployment.deployment_id,
            deployed.production_url,
            self.settings.watch_window_s,
        )
        return replace(plan, baseline=joined(plan.baseline, heard))

    @property
    def log_memory(self) -> LogMemory:
        """What the logs of earlier versions were like."""
        state = self.settings.under_root(self.settings.state_dir)
        return LogMemory(state / "logs" / f"{self.settings.target}.json")

    @property
    def releases_folder(self) -> Path:
        """Where the records of releases lie."""
        return self.settings.under_root(self.settings.state_dir) / "releases"

    def old_code(self, deployed: Deployed) -> OldCode | Unproven:
        """Return what is known of the version that served before a deployment."""
        back = "invoke deploy.rollback"
        if deployed.previous_id is None:
            return Unproven(missing="it is the first deployment of the project.", command=back)
        meta = self.vercel.get(deployed.previous_id).meta
        kept = kept_of(self.releases_folder, meta.get(RELEASE_META, ""))
        if kept is None:
            return Unproven(
                missing=f"the checks of {deployed.previous_id}, which served before, are not on "
                "this machine, so it is not known whether that code fits the database.",
                command=back,
            )
        settings = self.settings
        contract = {one.label for one in self.migration_files() if one.phase is Phase.CONTRACT}
        return OldCode(
            release_id=meta[RELEASE_META],
            deployment_id=deployed.previous_id,
            expectations=load_expectations(
                kept.checks_dir,
                exposed_schemas=settings.exposed_schemas,
                timeout_s=settings.check_timeout_s,
            ),
            pages=read_pages(kept.checks_dir / "smoke.toml"),
            contracted=tuple(
                row.label
                for row in self.ledger_state().applied
                if row.label in contract - kept.migrations
            ),
        )

    @staticmethod
    def _wanted(value: _T | None, name: str, where: str) -> _T:
        if value is None:
            raise Misconfigured(
                f"{name} is not set.", unchanged=_NOT_SET, next_step=f"Set {name}. {where}"
            )
        return value
