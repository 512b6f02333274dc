"""The frozen values that steps hand to each other: what was found, planned and proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from shipway.inspection import Snapshot


class Secret:
    """A text that is never shown: `str` and `repr` hide it, `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __str__(self) -> str:
        return "(hidden)"


class Say(Protocol):
    """Where a step tells a person what is true by now. Report implements it."""

    def note(self, text: str) -> None:
        """One plain line: something became true."""

    def warn(self, text: str) -> None:
        """One line that a person should not overlook, though the work goes on."""


class Clock(Protocol):
    """Time, as the one thing that steps may not take from the machine themselves."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only grow, for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Stands where a proof is wanted and there is none: names it and the command that makes it."""

    missing: str
    command: str


# --- migrations ------------------------------------------------------------------------------


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


# --- backup ----------------------------------------------------------------------------------


class Grade(IntEnum):
    """How far a backup has been proven. A higher grade includes the lower ones."""

    EXISTS = 0
    DIGESTS = 1
    LISTS = 2
    RESTORES = 3
    EQUAL = 4
    CHECKED = 5
    REHEARSED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What Supabase says about its own backups of the project, and when it was asked."""

    pitr_enabled: bool
    backups_count: int
    """Those that are COMPLETED."""
    newest_at: datetime | None
    recoverable_from: datetime | None
    """Start of the point-in-time window; None without PITR."""
    recoverable_to: datetime | None
    recovery_time: datetime
    """The time to ask for, should this release have to be undone by the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupabaseProject:
    """A project as the Management API describes it."""

    ref: str
    name: str
    region: str
    status: str
    """ACTIVE_HEALTHY, INACTIVE (paused), RESTORING, or a newer word."""
    server_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """How one service of a project is, as the Management API says."""

    name: str
    status: str
    """ACTIVE_HEALTHY, COMING_UP, UNHEALTHY, or a newer word."""
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the server, as far as a copy of the database needs it."""

    name: str
    attributes: tuple[str, ...]
    """As CREATE ROLE writes them: `bypassrls`, `createrole`, `noinherit`."""
    member_of: tuple[str, ...]
    admin_of: tuple[str, ...]
    """Those among them that it may grant to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dumped:
    """What a finished dump holds, as its own snapshot saw the database."""

    database: str
    server_version: str
    tool: str
    """Name and version of the pg_dump that wrote it."""
    snapshot_at: datetime
    lsn: str
    """The server's write-ahead position when the snapshot was taken."""
    archive_bytes: int
    archive_sha256: str
    """Of the bytes that were written, taken while writing."""
    duration_s: float
    row_counts: Mapping[str, int]
    """`schema.table` to rows."""
    left_out: tuple[str, ...]
    """Schemas, and single tables as `schema.table`, that the role may not read."""
    extensions: Mapping[str, str]
    """Name to version."""
    roles: tuple[Role, ...]
    """All of the server but Postgres' own."""
    role: str
    """The one that dumped: DATABASE_URL's."""
    compression: str
    """`zstd:1`, or `1` for gzip."""
    schema: Snapshot
    ledger_version: int
    """The highest version in the ledger; 0 when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds and how it was made."""

    backup_id: str
    target: str
    project_ref: str | None
    database: str
    taken_at: datetime
    server_version: str
    tool: str
    """Name and version of the pg_dump that wrote it."""
    archive: str
    """File name beside the manifest."""
    archive_bytes: int
    archive_sha256: str
    duration_s: float
    row_counts: Mapping[str, int]
    """`schema.table` to rows, counted in the dump's own snapshot."""
    left_out: tuple[str, ...]
    """Schemas, and single tables as `schema.table`, that were not dumped."""
    ledger_version: int
    platform: Platform | None
    uploaded_to: str | None
    """`bucket/path` once the upload was read back and its digest was right."""
    snapshot_at: datetime | None = None
    """The moment whose state the dump shows."""
    lsn: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    role: str = ""
    """The one that dumped: DATABASE_URL's."""
    compression: str = ""
    fingerprint: str = ""
    """Of the project's schema in the dump's snapshot; the schema itself is `schema.json`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A dump on this machine with its manifest and the grade it has reached."""

    directory: Path
    manifest: Manifest
    grade: Grade


# --- rehearsal -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How an archive was brought back into a database of its own."""

    server_version: str
    tool: str
    duration_s: float
    left_out: tuple[str, ...]
    """What only the platform has: extensions and what belongs to them, event triggers."""
    errors: tuple[str, ...]
    """Of pg_restore; none when everything else is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """The rows of a table, as far as two states of them are compared."""

    rows: int
    digest: str
    """Of all rows in any order; empty when the table is too large to be read for it."""


class Severity(StrEnum):
    """How much a finding of a rehearsal matters."""

    NOTE = "note"
    WARNING = "warning"
    SERIOUS = "serious"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rehearsal found out about a migration."""

    severity: Severity
    migration: str
    """Its label; empty for the pending set as a whole."""
    line: int | None
    what: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedStatement:
    """One statement of a migration, measured on the copy."""

    migration: str
    line: int | None
    text: str
    """Its beginning, on one line."""
    duration_ms: float
    locks: tuple[str, ...]
    """`AccessExclusiveLock on public.users`: what it took on tables that were there before."""
    rewritten: tuple[str, ...]
    """Tables and indexes that were written anew as a whole."""
    rows_scanned: int
    rows_changed: int
    wal_bytes: int


class Reversal(StrEnum):
    """What undoing a migration with its `.down.sql` came to."""

    REVERSIBLE = "reversible"
    LOSSY = "lossy"
    IRREVERSIBLE = "irreversible"
    NOT_REACHED = "not reached"
    """A later one could not be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedMigration:
    """One migration that ran on the copy."""

    label: str
    sha256: str
    duration_ms: int
    reversal: Reversal
    detail: str
    """What would be lost, or why it cannot be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a rehearsal proved: these files lead from this schema to that one."""

    backup_id: str
    target: str
    project_ref: str | None
    at: datetime
    duration_s: float
    base_fingerprint: str
    """Of the target's schema when the backup was taken."""
    result_fingerprint: str
    """Of the copy's schema after the last migration."""
    comparable: bool
    """The copy's schema before the first one was the target's: its result can be demanded too."""
    migrations: tuple[RehearsedMigration, ...]
    statements: tuple[RehearsedStatement, ...]
    findings: tuple[Finding, ...]
    restored: Restored
    grade: Grade


# --- verify ----------------------------------------------------------------------------------


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check: of the database (verify) or of a release's preconditions (preflight, doctor)."""

    group: str
    name: str
    outcome: Outcome
    detail: str
    """What was found."""
    cure: str = ""
    """What to do about it; empty when it passed."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The results of checks that do not amount to a proof: some failed."""

    results: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Proof that the database passed its checks at a moment."""

    at: datetime
    ledger_version: int
    results: tuple[CheckResult, ...]


# --- deploy ----------------------------------------------------------------------------------

RELEASE_META = "shipwayRelease"
"""Name in a deployment's metadata: the release that made it."""
PREVIOUS_META = "shipwayPrevious"
"""The deployment that served production when the release was planned."""
COMMIT_META = "gitCommit"
LEDGER_META = "ledgerVersion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A Vercel deployment, as the server describes it."""

    deployment_id: str
    url: str
    """With scheme."""
    ready_state: str
    """QUEUED INITIALIZING BUILDING READY ERROR CANCELED BLOCKED, or a newer word."""
    production: bool
    """Its target is production (not: it serves production)."""
    auto_assign_domains: bool | None
    """False for a staged deployment; None when the server did not say."""
    meta: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    inspector_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasJob:
    """The last promotion or rollback of a Vercel project (its `lastAliasRequest`)."""

    kind: str
    """promote or rollback."""
    to_id: str
    status: str
    """pending, in-progress, succeeded, failed, skipped, or a newer word."""
    requested_at_ms: int
    """Epoch milliseconds by the server's clock: for comparing with itself only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """A Vercel project, as the server describes it."""

    project_id: str
    name: str
    production_id: str | None
    """The deployment that serves production; None before the first."""
    production_urls: tuple[str, ...]
    """With scheme; the team's own domains first. Empty before the first deployment."""
    auto_assign_domains: bool | None
    """False after a rollback, or where staging is the habit: a new build stays staged."""
    rolled_back: bool
    """The last change of production was a rollback."""
    git_repository: str | None
    """`owner/name` when pushes to it are deployed by Vercel itself."""
    last_job: AliasJob | None
    rolling_release: bool
    """The project promotes in stages: a promotion is not live for everyone at once."""


class Reply(StrEnum):
    """What a server said when it was asked to change what production is."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    CONFLICT = "conflict"
    """It is so already, or another change is under way."""
    REJECTED = "rejected"
    NOT_SENT = "not sent"
    """The request never reached the server."""
    LOST = "lost"
    """It may or may not have acted: the world has to be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A reply and the server's own words."""

    reply: Reply
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLine:
    """One line of a deployment's build log."""

    text: str
    error: bool
    """Written to stderr, or marked as an error by the build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """One file of the app that is deployed."""

    name: str
    """Path below the app's folder, with slashes."""
    path: Path
    sha1: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one plain GET brought; redirects were not followed."""

    url: str
    status: int | None
    """None when no answer came."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str
    """Its beginning."""
    body_bytes: int
    duration_ms: float
    failure: str = ""
    """Why no answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """Proof that production is this deployment, as the server says after the promotion."""

    deployment: Deployment
    production_url: str
    previous_id: str | None
    """The deployment that served production before; None for a project's first."""
    promoted_at: datetime
    smoke: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WentBack:
    """Proof that production is an earlier deployment again, as the server says."""

    from_id: str
    to_id: str
    production_url: str
    at: datetime
    smoke: tuple[CheckResult, ...]


# --- watch -----------------------------------------------------------------------------------


class Verdict(StrEnum):
    """Of the log check."""

    GOOD = "GOOD"
    BAD = "BAD"
    NOT_ENOUGH_EVIDENCE = "NOT ENOUGH EVIDENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One row of a deployment's runtime log."""

    row_id: str
    at: datetime
    level: str
    source: str
    message: str
    path: str | None
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was normal in the logs before the new version."""

    requests: int = 0
    errors: int = 0
    fingerprints: tuple[str, ...] = ()
    """Of the errors that have been seen before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A verdict with its numbers."""

    verdict: Verdict
    reason: str
    """One sentence with the figures that led to the verdict."""
    deployment_id: str
    window_s: float
    requests: int
    errors: int
    probes: int
    probes_failed: int
    worst: tuple[LogRow, ...]
    baseline: Baseline = field(default_factory=Baseline)
    e_value: float = 1.0
    """Evidence that more than the acceptable share fails; 100 shows it, 1 is none."""
    acceptable_share: float = 0.0
    smallest_seen: float | None = None
    """The smallest share of errors that would have been called bad in 95 of 100 cases."""
    fingerprints: tuple[str, ...] = ()
    """Of all errors that were seen."""
    new_errors: tuple[str, ...] = ()
    """Of these, those that the baseline does not know."""
    unseen: str = ""
    """What of the log could not be seen."""


# --- sandbox ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """What of the sandbox runs, and where."""

    directory: Path
    exists: bool
    database: str | None
    """host:port, when it runs."""
    postgres: str
    """The version of the embedded PostgreSQL."""
    supabase_api_url: str | None
    vercel_api_url: str | None
    production_url: str | None

    @property
    def running(self) -> bool:
        """Whether all of it runs."""
        return self.database is not None and self.vercel_api_url is not None
