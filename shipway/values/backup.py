"""Backups and what Supabase says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from shipway.values.inspection import Snapshot


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
class PlatformBackup:
    """One of the platform's own backups."""

    number: int
    status: str
    """COMPLETED, FAILED, PENDING, REMOVED, ARCHIVED, CANCELLED, or a newer word."""
    at: datetime | None
    """When it was made; None when the platform says it in a form that is not known."""
    physical: bool
    """It can be restored by the platform, and not downloaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """A named state that the platform can go back to; few accounts have them."""

    name: str
    status: str
    """AVAILABLE, PENDING, REMOVED, FAILED, or a newer word."""


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
    """When it was asked: the time to ask for, should what comes next have to be undone by it."""
    backups: tuple[PlatformBackup, ...] = ()
    """All that it lists, newest first."""
    restore_point: RestorePoint | None = None
    """None also where the account has none of the kind."""


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
class PlatformState:
    """What the platform says of a project and of what it could bring back."""

    project: SupabaseProject
    services: tuple[ServiceHealth, ...]
    readonly: bool
    window: Platform
    said: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A sentence about what could be brought back."""

    text: str
    warns: bool
    """It should not be overlooked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the server, as far as a copy of the database needs it."""

    name: str
    attributes: tuple[str, ...]
    """As CREATE ROLE writes them: `bypassrls`, `createrole`, `noinherit`."""
    member_of: tuple[str, ...]
    admin_of: tuple[str, ...]
    """Those among them that it may grant to others."""
    otherwise: tuple[str, ...] = ()
    """Those among them whose rights it does not inherit though it inherits, or the other way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDefaults:
    """What a role's connections begin with, as far as a statement's meaning hangs on it."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """Name to value, of those that are not the server's built-in ones."""
    own: Mapping[str, str] = field(default_factory=dict)
    """The project's own settings, such as `app.key`: each with a stand-in for its value."""
    may_set: tuple[str, ...] = ()
    """Parameters that only a superuser may set, and this role by a grant or by the platform."""
    path: tuple[str, ...] = ()
    """The schemas of the search path that are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLocale:
    """How a database keeps, orders and compares text: CREATE DATABASE's part, not the dump's."""

    encoding: str
    provider: str
    """`c` the operating system's library, `i` ICU, `b` PostgreSQL's own."""
    collate: str
    ctype: str
    locale: str = ""
    """Of ICU or PostgreSQL's own."""
    icu: tuple[str, ...] = ()
    """The server's collations of ICU that something in the database uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpedSoFar:
    """How far a dump has come."""

    written_bytes: int
    tables_begun: int
    tables: int
    """All that it will hold."""


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
    offered: tuple[str, ...]
    """The extensions that could be created there, whether they are there or not."""
    has_public: bool
    """Whether there is a schema public: some have dropped it for good."""
    roles: tuple[Role, ...]
    """All of the server but Postgres' own."""
    role: str
    """The one that dumped: DATABASE_URL's."""
    compression: str
    """`zstd:1`, or `1` for gzip."""
    schema: Snapshot
    ledger_version: int
    """The highest version in the ledger; 0 when there is none."""
    session: SessionDefaults
    """What the role's connections begin with."""
    locale: DatabaseLocale


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
    has_public: bool = True
    """Whether there is a schema public: that it was dropped for good, no archive tells."""
    roles: tuple[Role, ...] = ()
    role: str = ""
    """The one that dumped: DATABASE_URL's."""
    compression: str = ""
    fingerprint: str = ""
    """Of the project's schema in the dump's snapshot; the schema itself is `schema.json`."""
    encrypted_for: tuple[str, ...] = ()
    """The public keys whose owners can read the archive; none: everyone who has it."""
    session: SessionDefaults | None = None
    """What the role's connections begin with; None: an older shipway did not ask."""
    locale: DatabaseLocale | None = None
    """How the database keeps and orders text; None: an older shipway did not ask."""
    offered: tuple[str, ...] | None = None
    """The extensions that could be created there; None: an older shipway did not ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A dump on this machine with its manifest and the grade it has reached."""

    directory: Path
    manifest: Manifest
    grade: Grade
    restore_s: float | None = None
    """How long its last restore took, wherever that was; None while it was never restored."""

    @property
    def archive(self) -> Path:
        """The dump itself."""
        return self.directory / self.manifest.archive
