"""Drift: how a target's schema differs from what it should be, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Refused, VerificationFailed
from shipway.formats.figures import count
from shipway.schema.fingerprint import fingerprint
from shipway.steps.verify.expected_schema import Unknown, against_target

if TYPE_CHECKING:
    from shipway.schema.differences import Difference
    from shipway.steps.verify.powers import Database, Means

__all__ = ["Drift", "SchemaAdoption", "drift", "drift_error", "plan_adoption"]

_LOOKED_AT = "The database was only looked at."


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What was found."""

    made: str
    """How it is known what the schema should be, to end the sentence "it is the same as …"."""
    fingerprint: str
    """Of the target's schema as it is."""
    differences: tuple[Difference, ...]
    narrower_defaults: tuple[Difference, ...]
    """Default privileges that give objects to come less than the last files left: Supabase takes
    them away too, and nothing that is there has changed."""
    files_fail: str = ""
    """Why the files could not be asked about what differs; empty where that was not so."""


def drift(database: Database, *, means: Means) -> Drift:
    """Return how the target differs from what it should be.

    Raises:
        Refused: nothing tells: no schema is recorded in the target, and the files do not make one:
            the ledger is empty or not all of the history, a file is missing or edited, or they
            cannot be run on an empty database.
    """
    found = database.snapshot()
    told = against_target(found, database=database, means=means)
    if isinstance(told, Unknown):
        raise Refused(
            f"Not checked: what the schema should be is not known: {told.why}.",
            unchanged=_LOOKED_AT,
            next_step="Look at the ledger and the files: invoke db.status. Or take the schema that "
            f"is there for the one that should be: {means.adopt_schema}",
        )
    return Drift(
        made=told.made,
        fingerprint=fingerprint(found),
        differences=(*told.objects, *(one for one in told.defaults if one.wider)),
        narrower_defaults=tuple(one for one in told.defaults if not one.wider),
        files_fail=told.files_fail,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaAdoption:
    """What would be taken for the schema that a target should have."""

    fingerprint: str
    """Of the schema that is there."""
    differences: tuple[Difference, ...]
    """What is accepted with it: how it differs from what is expected until now."""
    unknown: str
    """Why nothing is expected until now; empty where that is known."""


def plan_adoption(database: Database, *, means: Means) -> SchemaAdoption:
    """Return what a person is asked to accept; writes nothing."""
    found = database.snapshot()
    told = against_target(found, database=database, means=means)
    return SchemaAdoption(
        fingerprint=fingerprint(found),
        differences=() if isinstance(told, Unknown) else (*told.objects, *told.defaults),
        unknown=told.why if isinstance(told, Unknown) else "",
    )


def drift_error(found: Drift, *, adopt_schema: str) -> VerificationFailed:
    """Return the error that says what differs."""
    lines = "\n".join(f"- {one.said}" for one in found.differences)
    next_step = "Write what was made by hand into a migration (invoke db.new), or undo it."
    if found.files_fail:
        next_step += f" What stays as it is now is accepted by: {adopt_schema}"
    return VerificationFailed(
        f"The database is not the same as {found.made}; "
        f"{count(len(found.differences), 'difference')}:\n{lines}",
        unchanged=_LOOKED_AT,
        next_step=next_step,
    )
