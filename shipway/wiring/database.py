"""The target's database: its ledger, its catalog, its lock."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from shipway.edges.ledger.state import read_ledger
from shipway.edges.postgres import connection as postgres
from shipway.migrations.files import read_folder, set_aside
from shipway.migrations.plan import plan_migrations
from shipway.values.migrations import Phase
from shipway.wiring.given import required

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.edges.catalog.snapshot import Catalog
    from shipway.edges.ledger.ledger import Ledger
    from shipway.edges.ledger.recorded_schema import RecordedSchemas
    from shipway.edges.postgres.advisory_lock import Lock
    from shipway.schema.expectations import Expectations
    from shipway.steps.migrate.powers import Database, MigratePowers
    from shipway.steps.verify.powers import Means
    from shipway.values.basics import Say, Secret, Unproven
    from shipway.values.exchange import MigrationLimits
    from shipway.values.migrations import LedgerState, Migration, MigrationPlan
    from shipway.values.rehearsal import Query
    from shipway.wiring import Wiring

__all__ = ["DatabaseWiring"]

_VERSIONS_PER_MAJOR: Final = 10_000


class DatabaseWiring:
    """What commands ask of the target's database."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._settings = wiring.settings

    @property
    def place(self) -> str:
        """host:port/database of the target, without user or password."""
        return postgres.place_of(self.url)

    @property
    def url(self) -> Secret:
        """The target's URL; its absence is an error that says so."""
        return required(self._settings.database_url, "DATABASE_URL", self._settings)

    def demand(self, *, writes: bool) -> None:
        """Refuse a target on which a command's work cannot be done, before any of it is begun.

        Raises:
            Refused: a transaction pooler is between; or `writes` are wanted and not taken.
        """
        from shipway.edges.postgres.pooler import connect_session
        from shipway.edges.postgres.writable import write_refusal

        with connect_session(
            self.url, purpose="preflight", timeout_s=self._settings.connect_timeout_s
        ) as connection:
            refusal = write_refusal(connection) if writes else None
        if refusal is not None:
            raise refusal

    @cached_property
    def server_major_and_extensions(self) -> tuple[int, tuple[str, ...]]:
        """The major version of the target's server, and the extensions of its database."""
        with postgres.connect(
            self.url, purpose="preflight", timeout_s=self._settings.connect_timeout_s
        ) as connection:
            major = connection.info.server_version // _VERSIONS_PER_MAJOR
            found = connection.execute("select extname from pg_catalog.pg_extension").fetchall()
            return major, tuple(str(name) for (name,) in found)

    def ledger_state(self) -> LedgerState:
        """Return what the database says about its migrations."""
        with postgres.connect(
            self._settings.database_url,
            purpose="status",
            timeout_s=self._settings.connect_timeout_s,
        ) as connection:
            return read_ledger(connection)

    def files(self) -> tuple[Migration, ...]:
        """Return the project's migrations."""
        return read_folder(self._folder)

    @property
    def _folder(self) -> Path:
        return self._settings.under_root(self._settings.migrations_dir)

    def plan(self, phase: Phase = Phase.EXPAND) -> MigrationPlan:
        """Return what would be applied in a phase."""
        return plan_migrations(
            self.files(),
            self.ledger_state(),
            phase=phase,
            project_ref=self._settings.project_ref,
            target=self._settings.target,
            aside=set_aside(self._folder),
        )

    def traffic(self) -> tuple[Query, ...] | Unproven:
        """Return the busiest queries of the target, or why they are not known."""
        from shipway.edges.catalog.workload import read_traffic

        with postgres.connect(
            self._settings.database_url,
            purpose="rehearsal",
            timeout_s=self._settings.connect_timeout_s,
        ) as connection:
            return read_traffic(connection)

    def open(self) -> AbstractContextManager[Ledger]:
        """Return the connection that migrations run on."""
        from shipway.edges.ledger.ledger import Ledger

        return Ledger(
            self._settings.database_url, connect_timeout_s=self._settings.connect_timeout_s
        )

    def migrate_powers(self, database: Database, say: Say) -> MigratePowers:
        """Return what migrations are run with on an open connection."""
        from shipway.steps.migrate.powers import MigratePowers

        return MigratePowers(
            database=database, limits=self.limits, clock=self._wiring.clock, say=say
        )

    @property
    def limits(self) -> MigrationLimits:
        """How long a run of migrations may wait."""
        from shipway.values.exchange import MigrationLimits

        return MigrationLimits(
            lock_timeout_s=self._settings.lock_timeout_s,
            statement_timeout_s=self._settings.statement_timeout_s,
            run_lock_wait_s=self._settings.run_lock_wait_s,
            lock_retry_s=self._settings.lock_retry_s,
            lock_backoff_s=self._settings.lock_backoff_s,
        )

    def expectations(self) -> Expectations:
        """Return what the project promises of its database."""
        from shipway.schema.expectations import load_expectations

        settings = self._settings
        return load_expectations(
            settings.under_root(settings.checks_dir),
            exposed_schemas=settings.exposed_schemas,
            timeout_s=settings.check_timeout_s,
        )

    @cached_property
    def catalog(self) -> Catalog:
        """What reads the database's catalog and asks the critical queries."""
        from shipway.edges.catalog.snapshot import Catalog

        return Catalog(self._beside)

    @cached_property
    def records(self) -> RecordedSchemas:
        """What keeps the expected schema in the target."""
        from shipway.edges.ledger.recorded_schema import RecordedSchemas

        return RecordedSchemas(lambda: self._beside, key=self._settings.backup_signing_key)

    @cached_property
    def _beside(self) -> postgres.Connection:
        """The connection that looks at the target, beside the one that migrations run on."""
        connection = postgres.connect(
            self._settings.database_url,
            purpose="verify",
            timeout_s=self._settings.connect_timeout_s,
        )
        return self._wiring.closing().enter_context(connection)

    def recording(self, say: Say, *, adopts: bool = False) -> AbstractContextManager[None]:
        """Record in the target what its schema should be after what is run in the block."""
        from shipway.steps.verify.recorded_schema import recording

        return recording(
            self.catalog, self.records, clock=self._wiring.clock, say=say, adopts=adopts
        )

    @cached_property
    def means(self) -> Means:
        """What verify holds the target against, beside the checks folder."""
        from shipway.edges.machine.memory import VerifyMemory
        from shipway.sandbox.database.blueprint import Blueprint
        from shipway.steps.verify.powers import Means

        settings, state = self._settings, self._wiring.state
        flag = f" --target {settings.target}" if settings.target != "default" else ""
        return Means(
            files=self.files(),
            blueprint=Blueprint(state / "blueprint", clock=self._wiring.clock),
            records=self.records,
            memory=VerifyMemory(state / "verified" / f"{settings.target}.json"),
            sealed=self._wiring.backups.sealed_schema,
            platform=self._wiring.platform,
            adopt_schema=f"invoke db.adopt --schema{flag}",
        )

    def lock(self, owner: str) -> AbstractContextManager[Lock]:
        """Return the target's lock."""
        from shipway.edges.postgres import advisory_lock as release_lock

        return release_lock.hold(
            self._settings.database_url, owner=owner, timeout_s=self._settings.connect_timeout_s
        )

    @property
    def protected(self) -> bool:
        """Whether migrations want a rehearsal: the target is elsewhere, or is marked so."""
        named = self._settings.target in self._settings.protected_targets
        return named or not postgres.is_local(self.url)
