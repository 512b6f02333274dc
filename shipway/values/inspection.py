"""What is seen when a database is looked at: its schema, its tables, the answers to queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self, TypeAlias

__all__ = [
    "DEFAULT_PRIVILEGE",
    "Access",
    "Advice",
    "Before",
    "ColumnDetail",
    "DefaultPrivilege",
    "Finding",
    "Identities",
    "Named",
    "QueryAnswer",
    "Reach",
    "Remembered",
    "RowCount",
    "Snapshot",
    "TableDetail",
    "TableSummary",
    "Thing",
    "Tried",
]


DEFAULT_PRIVILEGE: Final = "default privilege"
"""The kind of thing that grants are which objects get when they are made."""


class Thing(NamedTuple):
    """One part of a schema: a table, a column, a policy, a grant.

    A tuple, not a dataclass: a large schema has tens of thousands of them.
    """

    kind: str
    """As a person says it: table, column, index, policy, function, grant, …"""
    parent: str
    """What it belongs to, `schema.table` or `schema`; empty at the top."""
    name: str
    """Its name within its parent."""
    facts: tuple[tuple[str, str], ...]
    """What is true of it, in a fixed order: ("type", "text"), ("nullable", "no")."""

    def fact(self, name: str) -> str:
        """Return one fact; empty when it has none of that name."""
        for known, value in self.facts:
            if known == name:
                return value
        return ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is found by in another snapshot."""
        return (self.kind, self.parent, self.name)

    @property
    def full_name(self) -> str:
        """`public.users.email`."""
        return f"{self.parent}.{self.name}" if self.parent else self.name


class DefaultPrivilege(NamedTuple):
    """What one role is granted on every object of a kind that some role will make."""

    maker: str
    """Who makes the objects; empty for the role that migrates."""
    schema: str
    """Where; empty for every schema."""
    objects: str
    """tables, sequences, functions, types, schemas or large objects."""
    grantee: str
    """`public` for everyone."""
    privileges: str
    """`insert, select`; `nothing` where what everyone has of itself is taken away."""

    @classmethod
    def of(cls, thing: Thing) -> Self:
        """Return what a part of a schema that is a default privilege says."""
        return cls(
            maker=thing.fact("made by"),
            schema=thing.fact("in schema"),
            objects=thing.fact("objects"),
            grantee=thing.name,
            privileges=thing.fact("privileges"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Every part of the schemas that belong to the project, at one moment."""

    server_version: int
    """As Postgres counts it: 170011 is 17.11."""
    things: tuple[Thing, ...]
    """Sorted by kind, parent and name."""

    @property
    def default_privileges(self) -> tuple[DefaultPrivilege, ...]:
        """What is granted on objects that are not made yet."""
        return tuple(
            DefaultPrivilege.of(one) for one in self.things if one.kind == DEFAULT_PRIVILEGE
        )


Identities: TypeAlias = Mapping[str, Mapping[str, str]]
"""Kind to full name to a number that stays through every change of the name."""


class Reach(StrEnum):
    """How far a right goes, from the narrowest to the widest."""

    NOTHING = "nothing"
    NO_ROW = "no row"
    """The grant is there, and no policy lets a row through."""
    BY_POLICY = "rows by policy"
    EVERY_ROW = "every row"
    ALL = "all of it"
    """Of a function: it can be called."""

    @property
    def width(self) -> int:
        """A number that grows with the reach."""
        return list(Reach).index(self)


class Tried(StrEnum):
    """How the server answered when the role tried it."""

    ROWS = "saw rows"
    ALLOWED = "allowed"
    REFUSED = "refused"
    BROKEN = "ended with an error"
    """It was neither refused nor answered: a policy or a view is not right in itself."""
    NOT_TRIED = "not tried"


class Access(NamedTuple):
    """What one role may do with one object through the Data API."""

    kind: str
    """table, view or function."""
    name: str
    """`schema.name`, of a function with its arguments."""
    role: str
    command: str
    """select, insert, update, delete or execute."""
    columns: str
    """The only ones it reaches, `id, name`; empty when it reaches all."""
    reach: Reach
    """As grants and policies say."""
    tried: Tried
    error: str = ""
    """What the server said where SQL of the database ended the trial; without data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something unwise that a lint, or a check of the data, found."""

    group: str
    """The group of checks that it belongs to."""
    lint: str
    level: str
    """error, warn or info."""
    object: str
    detail: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the target was like just before the first of the pending files."""

    access: tuple[Access, ...]
    powers: Mapping[str, tuple[str, ...]]
    """Of each role that is asked about: what it can beside its own grants, as
    `pass by row level security` and `all that service_role may`."""
    findings: tuple[Finding, ...]
    identities: Identities


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """How many rows a table has; None when it is gone or could not be counted in time."""

    name: str
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One finding of the platform's own advisors."""

    key: str
    """Stable for the object: the same finding has the same key tomorrow."""
    name: str
    level: str
    """ERROR, WARN or INFO."""
    detail: str
    remedy: str
    available: bool = True
    """False: no finding, but word that the platform could not look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the database was like when it last passed."""

    access: tuple[Access, ...]
    advice: tuple[str, ...] | None
    """Keys of the platform's findings; None when it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """What one read-only query returned."""

    rows: tuple[tuple[str | None, ...], ...]
    """The first rows, each value as text."""
    more: bool
    """There were more rows than these."""
    sqlstate: str | None
    """Of the error that it ended with."""
    message: str
    duration_ms: float
    left_transaction: bool = False
    """It ended the read-only transaction that it was to stay in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSummary:
    """One line of the list of tables."""

    schema: str
    name: str
    kind: str
    """table, view, materialized view, foreign table, partitioned table."""
    rows_estimate: int | None
    """As the planner believes; None when it was never analysed."""
    size_bytes: int
    """With indexes and out-of-line storage."""
    row_security: bool
    policies: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDetail:
    """One column."""

    name: str
    type: str
    nullable: bool
    default: str
    """An expression, `generated … as identity` or `generated always as (…)`; empty for none."""
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A part of a table with its definition: an index, a constraint, a policy, a grant."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDetail:
    """One table in full."""

    summary: TableSummary
    columns: tuple[ColumnDetail, ...]
    indexes: tuple[Named, ...]
    constraints: tuple[Named, ...]
    referenced_by: tuple[Named, ...]
    """Foreign keys of other tables that lead here, named `schema.table`."""
    policies: tuple[Named, ...]
    triggers: tuple[Named, ...]
    grants: tuple[Named, ...]
    """Role to privileges; those of the owner are left out."""
    definition: str
    """Of a view; empty for a table."""
