"""What a schema should be, and how the one that was found differs from it.

Two answers there may be. What is recorded in the target says what it was when it was taken over
and what has been run since; and its files say what they make of an empty database, where they can
be run on one. What is as one of the two has it is no drift: a person who writes what was made by
hand into a migration has mended it, and what stood before a project came here is nobody's fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shipway.errors import Stopped
from shipway.formats.figures import count
from shipway.migrations.unadopted import unadopted_files
from shipway.schema.differences import differences
from shipway.schema.promised import applied_files
from shipway.steps.verify.recorded_schema import same_schema
from shipway.steps.verify.replayed_schema import deviation
from shipway.values.inspection import DEFAULT_PRIVILEGE
from shipway.values.recorded import Basis, RecordedSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.schema.differences import Difference
    from shipway.steps.verify.powers import Database, Means
    from shipway.values.inspection import Snapshot
    from shipway.values.migrations import AppliedMigration

__all__ = [
    "Expected",
    "Unknown",
    "against_files",
    "against_record",
    "against_target",
    "beside_files",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """What the schema should be is not known."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a schema differs from the one that it should be."""

    made: str
    """How it is known what it should be, to end the sentence "the objects are the same as …"."""
    objects: tuple[Difference, ...]
    defaults: tuple[Difference, ...] = ()
    """Of the default privileges: what was changed outside of the files after they ran."""
    unlike: frozenset[tuple[str, str, str]] = frozenset()
    """Kind, parent and name of all that is not as the files make it, parts of wholes too."""
    excuses: bool = False
    """What is as it says stood there before, whatever the files make of an empty database."""
    files_fail: str = ""
    """Why the files could not be asked about what differs; empty where that was not so."""


def against_target(found: Snapshot, *, database: Database, means: Means) -> Expected | Unknown:
    """Return how a target's schema differs from what it should be; the files are run if need be.

    Args:
        found: the target's schema.
        database: the target.
        means: its files, what runs them, and what is recorded of it.
    """
    state = database.ledger()
    if elsewhere := unadopted_files(means.files, state):
        return _against_seal(means, state.applied, found, Unknown(why=elsewhere))
    recorded = against_record(found, state.applied, means)
    answer = beside_files(recorded, lambda: against_files(found, state.applied, database, means))
    return (
        _against_seal(means, state.applied, found, answer)
        if isinstance(answer, Unknown)
        else answer
    )


def against_record(
    found: Snapshot, applied: Sequence[AppliedMigration], means: Means
) -> Expected | Unknown:
    """Return how a schema differs from what is recorded in the target."""
    known = same_schema(means.records, applied)
    if not isinstance(known, RecordedSchema):
        return Unknown(why=known)
    told = differences(known.schema, found)
    same_role = known.role == means.records.role
    return Expected(
        made=_words_for(known),
        objects=tuple(one for one in told if one.kind != DEFAULT_PRIVILEGE),
        defaults=tuple(one for one in told if one.kind == DEFAULT_PRIVILEGE and same_role),
        excuses=known.basis is not Basis.FOUND,
    )


def beside_files(
    recorded: Expected | Unknown, replayed: Callable[[], Expected | Unknown]
) -> Expected | Unknown:
    """Return what is left when the files are asked about what the record does not explain.

    Args:
        recorded: how it differs from what is recorded.
        replayed: runs the files on an empty database, which takes its time.
    """
    if isinstance(recorded, Expected) and recorded.excuses and not recorded.objects:
        return recorded
    by_files = replayed()
    if isinstance(recorded, Unknown):
        if isinstance(by_files, Unknown):
            return Unknown(why=f"{recorded.why}; {by_files.why}")
        return by_files
    if isinstance(by_files, Unknown):
        return replace(recorded, files_fail=by_files.why)
    if not recorded.excuses:
        return by_files
    left = tuple(one for one in recorded.objects if one.key in by_files.unlike)
    return replace(recorded, objects=left)


def against_files(
    found: Snapshot, applied: Sequence[AppliedMigration], database: Database, means: Means
) -> Expected | Unknown:
    """Return how a schema differs from what the applied files make of an empty database."""
    files = applied_files(applied, means.files)
    if isinstance(files, str):
        return Unknown(why=files)
    try:
        told = deviation(files, found, database=database, blueprint=means.blueprint)
    except Stopped as stopped:
        return Unknown(why=stopped.what)
    return Expected(
        made=f"after {count(len(files), 'migration')} on an empty database",
        objects=told.objects,
        defaults=told.defaults,
        unlike=told.unlike,
    )


def _against_seal(
    means: Means, applied: Sequence[AppliedMigration], found: Snapshot, unknown: Unknown
) -> Expected | Unknown:
    """Return how it differs from what the last rehearsal led to, where nothing else tells."""
    expected = means.sealed(applied)
    if expected is None:
        return unknown
    told = [one for one in differences(expected, found) if one.kind != DEFAULT_PRIVILEGE]
    return Expected(made=f"after the last rehearsal ({unknown.why})", objects=tuple(told))


def _words_for(known: RecordedSchema) -> str:
    newest = known.newest or "no migration"
    begun = {
        Basis.MIGRATED: "",
        Basis.ADOPTED: ", what was taken over with it",
        Basis.FOUND: ", and what was there before that run is not known",
    }
    at = f"{known.at:%Y-%m-%d %H:%M} UTC"
    return f"recorded in the target after {newest} ({at}){begun[known.basis]}"
