"""Drift: how a target's schema differs from what its migrations make, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Refused, VerificationFailed
from shipway.formats.figures import count
from shipway.migrations.unadopted import unadopted
from shipway.schema.fingerprint import fingerprint
from shipway.schema.promised import applied_files
from shipway.steps.verify.expected_schema import deviation

if TYPE_CHECKING:
    from shipway.schema.differences import Difference
    from shipway.steps.verify.powers import Database, Means

__all__ = ["Drift", "drift", "drifted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What was found."""

    migrations: int
    """How many files the expectation was made from."""
    fingerprint: str
    """Of the target's schema as it is."""
    differences: tuple[Difference, ...]
    narrower_defaults: tuple[Difference, ...]
    """Default privileges that give objects to come less than the last files left: Supabase takes
    them away too, and nothing that is there has changed."""


def drift(database: Database, *, means: Means) -> Drift:
    """Return how the target differs from what the ledger's files make of an empty database.

    Raises:
        Refused: the files do not tell: the ledger is empty or not all of the history, or a file is
            missing or edited.
        Stopped: they could not be run on the embedded server.
    """
    state = database.ledger()
    files = unadopted(means.files, state) or applied_files(state.applied, means.files)
    if isinstance(files, str):
        raise Refused(
            f"What the schema should be is not known: {files}.",
            unchanged="The database was only looked at.",
            next_step="Look at the ledger and the files: invoke db.status",
        )
    found = database.snapshot()
    told = deviation(files, found, database=database, blueprint=means.blueprint)
    return Drift(
        migrations=len(files),
        fingerprint=fingerprint(found),
        differences=(*told.objects, *(one for one in told.defaults if one.wider)),
        narrower_defaults=tuple(one for one in told.defaults if not one.wider),
    )


def drifted(found: Drift) -> VerificationFailed:
    """Return the error that says what differs."""
    lines = "\n".join(f"- {one.said}" for one in found.differences)
    return VerificationFailed(
        f"{count(len(found.differences), 'difference')} between the database and what its "
        f"{count(found.migrations, 'migration')} led to:\n{lines}",
        unchanged="The database was only looked at.",
        next_step="Write what was made by hand into a migration (invoke db.new), or undo it.",
    )
