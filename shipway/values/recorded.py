"""The schema that a target keeps of itself beside its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shipway.values.inspection import Snapshot  # noqa: TC001 - asked for when a paper is read

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Basis", "RecordedSchema"]


class Basis(StrEnum):
    """What a recorded schema began with."""

    MIGRATED = "migrated"
    """With the first file that shipway ran: what was there before it is no file's."""
    ADOPTED = "adopted"
    """With what was there when a person took the database over."""
    FOUND = "found"
    """With what was there when shipway, which had migrated before, first recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSchema:
    """What a schema should be, as what was last run or taken over by shipway left it."""

    at: datetime
    basis: Basis
    newest: str
    """Label of the newest file in the ledger then; empty when there was none."""
    ledger_sha256: str
    """Of the ledger that it belongs to: of another one it says nothing."""
    role: str
    """That read it: default privileges are told from its point of view."""
    reader: str
    """Digest of the queries that read it."""
    schema: Snapshot
