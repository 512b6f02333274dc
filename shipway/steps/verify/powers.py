"""What verify looks with: the powers that it is handed, each as the least that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from shipway.schema.default_privileges import Defaults
    from shipway.values.backup import ServiceHealth, SessionDefaults, SupabaseProject
    from shipway.values.inspection import (
        Access,
        Advice,
        Finding,
        Identities,
        QueryAnswer,
        Remembered,
        RowCount,
        Snapshot,
    )
    from shipway.values.migrations import AppliedMigration, LedgerState, Migration
    from shipway.values.recorded import RecordedSchema

__all__ = ["Blueprint", "Database", "Means", "Memory", "Platform", "Records"]


class Database(Protocol):
    """The target, only looked at."""

    def snapshot(self) -> Snapshot:
        """Return the project's whole schema as it is at one moment."""

    def identities(self) -> Identities:
        """Return what each part of the schema is, whatever it is called."""

    def ledger(self) -> LedgerState:
        """Return what the database says about its migrations."""

    def recorded_defaults(self) -> Defaults:
        """Return the default privileges that were in force before the files of some versions ran.

        Under 0 are those of the time when another tool's history was taken over.
        """

    def session_defaults(self) -> SessionDefaults:
        """Return what the role's connections begin with."""

    def ask(
        self,
        statement: str,
        *,
        role: str | None,
        claims: str | None,
        timeout_s: float,
        most_rows: int = 5,
    ) -> QueryAnswer:
        """Put one query to the database so that nothing it does can stay."""

    def access(
        self, schemas: Sequence[str], roles: Sequence[str], *, timeout_s: float
    ) -> tuple[Access, ...]:
        """Return who may do what through the Data API."""

    def powers(self, roles: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Return what roles can beside their own grants."""

    def findings(self, exposed_schemas: Sequence[str]) -> tuple[Finding, ...]:
        """Return what is unwise in the schema and wrong with its data."""

    def count_rows(self, names: Sequence[str], *, timeout_s: float) -> tuple[RowCount, ...]:
        """Return the number of rows of some tables."""


class Blueprint(Protocol):
    """Finds out what migrations make of an empty database."""

    def build(
        self,
        migrations: Sequence[Migration],
        *,
        server_version: int,
        defaults: Defaults,
        session: SessionDefaults,
        extensions: Collection[str],
    ) -> Snapshot:
        """Return the schema that they make, with these default privileges before some of them."""


class Platform(Protocol):
    """What Supabase itself says of the project."""

    def project(self) -> SupabaseProject:
        """Return the project's state."""

    def health(self) -> tuple[ServiceHealth, ...]:
        """Return how its services are."""

    def readonly(self) -> bool:
        """Tell whether the database takes no writes."""

    def advice(self) -> tuple[Advice, ...]:
        """Return all that the advisors find."""


class Memory(Protocol):
    """Keeps what the target was like when it last passed."""

    def recall(self) -> Remembered | None:
        """Return it; None when nothing is kept."""

    def keep(self, remembered: Remembered) -> None:
        """Keep it for the next time."""


class Records(Protocol):
    """Keeps in the target what its schema should be."""

    @property
    def reader(self) -> str:
        """What reads schemas here: those that another one has read do not compare."""

    @property
    def role(self) -> str:
        """The role whose point of view it is."""

    def read(self) -> RecordedSchema | None:
        """Return what is kept; None when nothing is."""

    def write(self, record: RecordedSchema) -> None:
        """Put a record in the place of the one that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the target is held against beside the checks folder."""

    files: tuple[Migration, ...]
    """The project's migrations."""
    blueprint: Blueprint
    records: Records
    memory: Memory
    sealed: Callable[[Sequence[AppliedMigration]], Snapshot | None]
    """The schema that the rehearsal of a ledger's newest files led to; None when there is none."""
    platform: Platform | None
    """None without an access token."""
    adopt_schema: str = "invoke db.adopt --schema"
    """The command that takes the schema that is there for the one that should be."""
