"""Rehearsals: what a run on a restored copy showed, and the seal on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shipway.values.lint import LintReport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shipway.values.backup import Grade
    from shipway.values.lint import Severity

_NOT_ASKED: Final = "the version of shipway that rehearsed did not look"
_NOT_LINTED: Final = LintReport(unread=(_NOT_ASKED,))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledTable:
    """A table of a copy that holds only some of the backup's rows."""

    name: str
    rows: int
    of_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How an archive was brought back into a database of its own."""

    server_version: str
    tool: str
    duration_s: float
    left_out: tuple[str, ...]
    """What only the platform has: extensions and what belongs to them, event triggers."""
    stayed: tuple[str, ...] = ()
    """What was not brought back into a project because its platform's schemas stay as they are."""
    errors: tuple[str, ...]
    """Of pg_restore; none when everything else is there."""
    sample: tuple[SampledTable, ...] = ()
    """Tables that hold only some of their rows; none when the whole backup was restored."""
    by_path: tuple[str, ...] = ()
    """What came in with the target's search path only; a plain restore has an empty one."""
    unlike: tuple[str, ...] = ()
    """In which settings its connections begin otherwise than the target's, in words."""
    stand_ins: tuple[str, ...] = ()
    """The target's extensions that were stand-ins there: nothing acts on what they keep."""
    tables_left_out: tuple[str, ...] = ()
    """As `schema.table`, for want of an extension; `left_out` names them too."""
    branch: str = ""
    """The Supabase branch that stands in for a copy of the backup; empty for a copy."""
    place: str = ""
    """Of the server that was there already, one's own or a target's; empty for any other."""
    roles_unlike: tuple[str, ...] = ()
    """In what roles that were on that server before differ from the target's."""

    @property
    def server(self) -> str:
        """The server that it was, in words."""
        kind = "" if self.place or self.branch else "an embedded "
        return f"{kind}PostgreSQL {self.server_version}" + (self.place and f" at {self.place}")

    @property
    def partly(self) -> str:
        """What a rehearsal there cannot prove, in words; empty when the whole backup is there."""
        if self.branch:
            return (
                "it ran on a Supabase branch made from the platform's own physical backup: that "
                "this backup restores, and that it holds what production held"
            )
        if self.sample:
            held = sum(one.rows for one in self.sample)
            rows = sum(one.of_rows for one in self.sample)
            return (
                f"it ran on a sample ({held} of {rows} rows of {len(self.sample)} tables): that "
                "the other rows fit, how long statements take on all of them, what critical "
                "queries find, and that the whole backup restores"
            )
        if self.tables_left_out:
            return (
                f"the copy has no {', '.join(self.lacking)} and lacks what hangs on it: that "
                f"{', '.join(self.tables_left_out)} come back, and what files do to them"
            )
        return ""

    @property
    def lacking(self) -> tuple[str, ...]:
        """The target's extensions that were not there at all."""
        prefix = "extension "
        return tuple(one.removeprefix(prefix) for one in self.left_out if one.startswith(prefix))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """The rows of a table, as far as two states of them are compared."""

    rows: int
    digest: str
    """Of all rows in any order; empty when the database is too large to be read for it."""
    values: Mapping[str, int] = field(default_factory=dict)
    """Column to how many of its values are not null."""


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
class Relation:
    """A table or an index, as a second connection sees it."""

    name: str
    """`schema.table`."""
    index: bool
    file: int
    """The number of its file on disk, another one after a rewrite; 0 when it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query that the target is asked, as pg_stat_statements counts it."""

    text: str
    """Without its values."""
    per_minute: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedStatement:
    """One statement of a migration, measured on the copy."""

    migration: str
    line: int | None
    text: str
    """Its beginning, on one line."""
    duration_ms: float
    held_ms: float = 0.0
    """How long the locks that it took are held: to the end of its transaction."""
    locks: tuple[str, ...]
    """`AccessExclusiveLock on public.users`: what it took on tables that were there before."""
    rewritten: tuple[str, ...]
    """Tables and indexes that were written anew as a whole."""
    rows_scanned: int
    rows_changed: int
    wal_bytes: int
    queued: tuple[Query, ...] = ()
    """The target's queries that wait while those locks are held, the most frequent first."""

    @property
    def queued_per_minute(self) -> float:
        """How many a minute they are, all together."""
        return sum(one.per_minute for one in self.queued)


class Reversal(StrEnum):
    """How undoing a migration with its `.down.sql` ended."""

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
    lint: LintReport = _NOT_LINTED
    """What linters said of the files, weighed against what was measured."""
    traffic_unknown: str = _NOT_ASKED
    """Why it is not known which queries of the target would have waited; empty when it is."""
    restored: Restored
    serving_unasked: str = _NOT_ASKED
    """Why the checks of the code that serves now were not asked; empty when they hold."""
    grade: Grade
