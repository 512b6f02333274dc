"""Undoing migrations, and taking over what other tools have applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipway.values.migrations import AppliedMigration, Migration


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
