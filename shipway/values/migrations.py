"""Migrations: files, the ledger, and the plan to run them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shipway.values.inspection import DefaultPrivilege


class Phase(StrEnum):
    """When a migration may run: before the new code is live, or after the old code is gone."""

    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file `NNN_name.sql`. The SQL stays on disk: files may be large."""

    version: int
    """The digits as a number: `00010` is ten; of files that share them the first has it, and each
    other one a longer number. It names the file: its place in the order is `place`."""
    digits: str
    """The digits as they are written in the file's name."""
    name: str
    """The rest of the file's name, without `.sql`; empty where there are digits alone."""
    path: Path
    down_path: Path | None
    """The `.down.sql` that undoes it, beside it or in the folder for down scripts."""
    sha256: str
    """Digest of the text without BOM and with LF line ends."""
    size_bytes: int
    blank: bool = False
    """It holds no statement: white space, comments and semicolons alone."""
    by_name: bool = False
    """Its folder is run in the order of the names, as the Supabase CLI does it."""
    phase: Phase = Phase.EXPAND
    lock_timeout_s: float | None = None
    """The file's own limit, by its head directive; None takes the setting; 0 is no limit."""
    statement_timeout_s: float | None = None

    @property
    def label(self) -> str:
        """`NNN_name`, as an operator writes it."""
        return f"{self.digits}_{self.name}" if self.name else self.digits

    @property
    def place(self) -> tuple[int, str]:
        """What files are ordered by: their names, or their numbers."""
        return (0, self.label) if self.by_name else (self.version, self.label)

    @property
    def undone_by(self) -> Path | None:
        """What is run to undo it: its down script; where it does nothing, the file itself."""
        return self.down_path or (self.path if self.blank else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMigration:
    """One row of the ledger."""

    version: int
    label: str
    sha256: str
    applied_at: datetime
    duration_ms: int
    applied_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneStep:
    """A part of a half-done migration that is in the database for good."""

    version: int
    label: str
    first: int
    """Index of its first statement in the file, from 0."""
    after: int
    """Index of the first statement behind it."""
    prefix_sha256: str
    """Digest of the file's statements up to `after`."""
    finished: bool
    """False while a statement that runs outside transactions was begun and not seen to end."""
    seen: tuple[int, ...]
    """Identifiers of the indexes that the statement's table had before it was begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEntry:
    """One applied migration in another tool's history."""

    version: int | None
    """None where the tool knows names only."""
    name: str
    """As the tool has it, for messages; for sqitch, what files are matched by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignHistory:
    """What another tool has recorded in the target."""

    tool: str
    table: str
    entries: tuple[ForeignEntry, ...]
    up_to: int | None = None
    """Where the tool keeps only its newest version: that one."""
    failed: tuple[ForeignEntry, ...] = ()
    """Those that the tool has begun and not brought to an end."""
    fault: str = ""
    """Why the history cannot be taken over as it stands; empty when it can."""
    cure: str = ""
    """What mends the fault."""
    readable: bool = True
    """Whether the connection's role may read the table; if not, nothing of it is known."""
    kept_up: bool | None = None
    """Whether shipway records there what it applies; False where this role may not, and None
    where shipway never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What the target says about itself before a migration, read without writing anything."""

    exists: bool
    """The ledger's table is there."""
    applied: tuple[AppliedMigration, ...]
    steps: tuple[DoneStep, ...]
    project_ref: str | None
    """The project that the database was told it belongs to."""
    supabase_columns: tuple[str, ...]
    """Columns of supabase_migrations.schema_migrations; empty where there is none, or where the
    role may not write to it."""
    standard_strings: bool
    """The session's `standard_conforming_strings`."""
    supabase_absent: bool = False
    """There is no history of the Supabase CLI, and the role may make it."""
    histories: tuple[ForeignHistory, ...] = ()
    """What other migration tools have recorded."""
    default_privileges: tuple[DefaultPrivilege, ...] = ()
    """What is granted on objects that are not made yet."""
    records_defaults: bool = False
    """The ledger has the table that keeps them; older versions of shipway made none."""
    notices_death: bool = False
    """The server can be told to end a statement whose client is gone."""
    looked_at: datetime | None = None
    """The server's own time of this look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan:
    """What `db.migrate` would do. A dry run prints the very value that a real run executes."""

    applied: tuple[AppliedMigration, ...]
    pending: tuple[Migration, ...]
    """In the order in which they will run."""
    held_back: tuple[Migration, ...] = ()
    """Contract migrations that wait for `--phase contract`."""
    project_ref: str | None = None
    """What the database is told to be, when it was not told before."""
    warnings: tuple[str, ...] = ()
    """What stops nothing, and is to be known before it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMigration:
    """The files that `db.new` made."""

    path: Path
    down_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """Proof that the ledger holds every planned migration."""

    applied_now: tuple[AppliedMigration, ...]
    ledger_version: int
    """The highest version in the ledger; 0 when it is empty."""
    ledger_label: str
    ledger_count: int
    recovery_time: datetime | None = None
    """The server's time just before the first statement: the moment that the platform is to be
    asked for, should it bring the database back; None when nothing was run."""
