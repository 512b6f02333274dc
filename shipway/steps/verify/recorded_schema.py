"""Keeps the schema that a target should have beside its ledger, whatever is run there by shipway.

Half of the histories of real projects do not make their database: something was made in a
dashboard, or they begin in its midst. What such a database should be is what it was when it was
taken over, and what has been run since. So every run writes down what the schema should be after
it; what somebody changes by hand afterwards, or had changed before, differs from that.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.cleanup import afterwards
from shipway.errors import Stopped
from shipway.schema.recorded import carry_forward, ledger_digest
from shipway.values.recorded import Basis, RecordedSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.steps.verify.powers import Database, Records
    from shipway.values.basics import Clock, Say
    from shipway.values.inspection import Snapshot
    from shipway.values.migrations import AppliedMigration

__all__ = ["adopt_schema", "keep_schema", "recording", "same_schema"]


@contextmanager
def recording(
    database: Database, records: Records, *, clock: Clock, say: Say, adopts: bool = False
) -> Iterator[None]:
    """Write down what the schema should be after what is run in the block, however it ends.

    Args:
        database: the target, looked at from beside.
        records: where it is kept.
        clock: for the record's time.
        say: told where it cannot be kept: what was run stands all the same.
        adopts: the block writes into the ledger what was done by others: what there is then is
            taken over with it.
    """
    applied, before = database.ledger().applied, database.snapshot()

    def write() -> None:
        try:
            now, after = database.ledger().applied, database.snapshot()
            if adopts and {one.version for one in now} - {one.version for one in applied}:
                _write(records, Basis.ADOPTED, now, after, clock)
                return
            known = _readable(records)
            # Another run of shipway has recorded meanwhile what was to be run here.
            if now != applied and known is not None and _holds(known, now, records):
                return
            if known is not None and _holds(known, applied, records):
                _write(records, known.basis, now, carry_forward(known.schema, before, after), clock)
            else:
                _write(records, _basis_without(known, applied), now, after, clock)
        except Stopped as stopped:
            say.warn(f"what the schema should be from now on is not recorded: {stopped.what}")

    with afterwards(write):
        yield


def keep_schema(database: Database, records: Records, *, clock: Clock, say: Say) -> None:
    """Write down the schema of a target that has passed, where no record of it holds yet."""
    try:
        applied, known = database.ledger().applied, _readable(records)
        if known is None or not _holds(known, applied, records):
            _write(records, _basis_without(known, applied), applied, database.snapshot(), clock)
    except Stopped as stopped:
        say.warn(f"what the schema should be from now on is not recorded: {stopped.what}")


def adopt_schema(database: Database, records: Records, *, clock: Clock) -> None:
    """Take what there is now for what should be there.

    Raises:
        Stopped: it cannot be recorded.
    """
    applied = database.ledger().applied
    _write(records, Basis.ADOPTED, applied, database.snapshot(), clock)


def same_schema(records: Records, applied: Sequence[AppliedMigration]) -> RecordedSchema | str:
    """Return what the schema of a target with this ledger should be, or why that is not known."""
    try:
        known = records.read()
    except Stopped as stopped:
        return stopped.what
    if known is None:
        return "no schema is recorded in the target"
    if known.ledger_sha256 != ledger_digest(applied):
        after = f" after {known.newest}" if known.newest else " before the first migration"
        return (
            f"the schema that is recorded in the target is that{after}, and the ledger is another "
            "one now"
        )
    if known.reader != records.reader:
        return (
            "the schema that is recorded in the target was recorded by another version of shipway, "
            "which looks at other things"
        )
    return known


def _holds(known: RecordedSchema, applied: Sequence[AppliedMigration], records: Records) -> bool:
    return known.ledger_sha256 == ledger_digest(applied) and known.reader == records.reader


def _readable(records: Records) -> RecordedSchema | None:
    """Return what is kept; what nobody can trust is put anew."""
    try:
        return records.read()
    except Stopped:
        return None


def _basis_without(known: RecordedSchema | None, applied: Sequence[AppliedMigration]) -> Basis:
    """Return what a record begins with that takes up no other."""
    if not applied:
        return Basis.MIGRATED
    # Another version of shipway wrote of the same ledger: only what it looked at was different.
    same = known is not None and known.ledger_sha256 == ledger_digest(applied)
    return known.basis if known is not None and same else Basis.FOUND


def _write(
    records: Records,
    basis: Basis,
    applied: Sequence[AppliedMigration],
    schema: Snapshot,
    clock: Clock,
) -> None:
    newest = max(applied, key=lambda one: one.version, default=None)
    records.write(
        RecordedSchema(
            at=clock.now().replace(microsecond=0),
            basis=basis,
            newest=newest.label if newest else "",
            ledger_sha256=ledger_digest(applied),
            role=records.role,
            reader=records.reader,
            schema=schema,
        )
    )
