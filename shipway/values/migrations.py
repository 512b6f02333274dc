"""Migrations: files, the ledger, and plans to run, undo or adopt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


class Phase(StrEnum):
    """When a migration may run: before the new code is live, or after the old code is gone."""

    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file `NNN_name.sql`. The SQL stays on disk: files may be large."""

    version: int
    """The digits as a number: `00010` is ten."""
    digits: str
    """The digits as they are written in the file's name."""
    name: str
    """The rest of the file's name, without `.sql`."""
    path: Path
    down_path: Path | None
    """The `.down.sql` beside it that undoes it."""
    sha256: str
    """Digest of the text without BOM and with LF line ends."""
    size_bytes: int
    phase: Phase = Phase.EXPAND
    lock_timeout_s: float | None = None
    """The file's own limit, by its head directive; None takes the setting; 0 is no limit."""
    statement_timeout_s: float | None = None

    @property
    def label(self) -> str:
        """`NNN_name`, as an operator writes it."""
        return f"{self.digits}_{self.name}"


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
class LedgerState:
    """What the target says about itself before a migration, read without writing anything."""

    exists: bool
    """The ledger's table is there."""
    applied: tuple[AppliedMigration, ...]
    steps: tuple[DoneStep, ...]
    project_ref: str | None
    """The project that the database was told it belongs to."""
    supabase_columns: tuple[str, ...]
    """Columns of supabase_migrations.schema_migrations; empty where there is none."""
    standard_strings: bool
    """The session's `standard_conforming_strings`."""
    notices_death: bool = False
    """The server can be told to end a statement whose client is gone."""
    looked_at: datetime | None = None
    """The server's own time of this look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationLimits:
    """How long a run of migrations may wait, in seconds; 0 is no limit for the first two."""

    lock_timeout_s: float
    statement_timeout_s: float
    run_lock_wait_s: float
    """For another runner to end."""
    lock_retry_s: float
    """For all attempts at one file together, after a lock was not to be had."""
    lock_backoff_s: float
    """The first pause between two attempts; it doubles, with jitter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Another session of the database that stands in the way."""

    pid: int
    role: str
    application: str
    age_s: float
    """Since its transaction began, or else since it connected."""
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlError:
    """What Postgres reported about a statement."""

    sqlstate: str
    """Five characters; empty when the connection was lost."""
    message: str
    detail: str = ""
    hint: str = ""
    context: str = ""
    rows: tuple[str, ...] = ()
    """What the report quoted of rows: message, detail and context as they were, if they did."""
    position: int | None = None
    """Where in the message that was sent, in characters from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one message of one or more statements."""

    completed: int
    """How many statements of the message were executed."""
    tags: tuple[str, ...]
    """The command tags of the last few of them: `CREATE TABLE`, `COMMIT`."""
    rows: tuple[tuple[str | None, ...], ...]
    """Of the last statement that returned any."""
    notices: tuple[str, ...]
    """`WARNING: …`, as the server sent them."""
    error: SqlError | None = None
    lost: bool = False
    """The connection broke: whether the message took effect is not known."""
    interrupted: bool = False
    """The operator stopped it; the server was asked to cancel."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMigration:
    """The files that `db.new` made."""

    path: Path
    down_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Data that a down script would destroy."""

    label: str
    table: str
    """As the script names it; with `.*` for a whole schema; schema-qualified once it is found."""
    column: str
    """Empty for the whole table."""
    count: int | None
    """Rows of the table, or non-null values of the column; None when it was not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """What `db.rollback` would do."""

    undo: tuple[Migration, ...]
    """The down scripts, in the order in which they will run: newest first."""
    left: tuple[AppliedMigration, ...]
    """What stays in the ledger."""
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Proof that the ledger does not hold the undone migrations any more."""

    undone: tuple[str, ...]
    ledger_version: int
    ledger_count: int


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
    fault: str = ""
    """Why the history cannot be taken over as it stands; empty when it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptPlan:
    """What `db.adopt` would write into the ledger. No migration is run."""

    source: str
    """Where the knowledge comes from: a tool and its table, or `--up-to`."""
    record: tuple[Migration, ...] = ()
    """Files that get a row, or whose row is made to agree with them."""
    forget: tuple[AppliedMigration, ...] = ()
    """Rows that are taken out."""
    pending: tuple[Migration, ...] = ()
    """What the next `db.migrate` would run."""
    project_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """Proof that the ledger was written, and nothing else in the database."""

    source: str
    recorded: tuple[str, ...]
    forgotten: tuple[str, ...]
    tables_touched: tuple[str, ...]
    """Every table outside the system catalogs into which the transaction wrote, as the server
    counted; all of them are the ledger's."""


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
