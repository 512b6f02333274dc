"""Both generations of code on the migrated copy: the one that comes and the one that serves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import VerificationFailed
from shipway.schema.promised import promised_results
from shipway.schema.recorded import changed_keys
from shipway.steps.rehearse.narration import OnTheCopy
from shipway.steps.rehearse.restored_copy_check import UNTOUCHED
from shipway.steps.seal.check import schema_of
from shipway.steps.verify.expected_schema import (
    Unknown,
    against_files,
    against_record,
    beside_files,
)
from shipway.steps.verify.verify import ChecksFailed, verify
from shipway.values.basics import Unproven
from shipway.values.checks import Checks
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.schema.expectations import Expectations
    from shipway.steps.rehearse.rollback_proof import Stage
    from shipway.steps.verify.before import Earlier
    from shipway.steps.verify.expected_schema import Expected
    from shipway.steps.verify.powers import Database as Catalog
    from shipway.steps.verify.powers import Means
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say
    from shipway.values.migrations import AppliedMigration, MigrationPlan

__all__ = ["hold_to_expected", "hold_to_promises", "hold_to_serving"]

_WHAT_CODE_NEEDS = ("schema", "queries")
"""Groups of checks that speak of the code; the others speak of the database's own order."""
_ON_A_SAMPLE = ("schema", "access", "data")
"""Groups that a sample does not mislead: a query finds fewer rows there than it should."""


def hold_to_promises(
    expectations: Expectations, catalog: Catalog, earlier: Earlier, clock: Clock, say: Say
) -> None:
    """Hold the migrated copy against what the project promises, and what was there before.

    Raises:
        VerificationFailed: it is not what the checks promise, it holds fewer rows, or somebody
            may do more than before, and no file says that it is meant.
    """
    try:
        verify(
            expectations,
            database=catalog,
            clock=clock,
            say=OnTheCopy(say),
            earlier=earlier,
            only=_ON_A_SAMPLE if earlier.sampled else (),
        )
    except VerificationFailed as error:
        raise VerificationFailed(
            f"The migrated copy is not what the project promises. {error.what}",
            unchanged=UNTOUCHED,
            next_step=error.next_step,
            found=error.found,
        ) from None


def hold_to_expected(  # noqa: PLR0913 - what tells, and the copy with what it came from
    means: Means,
    catalog: Catalog,
    say: Say,
    *,
    backup: Backup,
    applied: Sequence[AppliedMigration],
    stages: Sequence[Stage],
    comparable: bool,
) -> None:
    """Hold the migrated copy against what the schema should be, as verify will hold the target.

    What was made by hand before the release is found here, and not after the target is migrated.
    The record is held against the schema that the backup was taken of, as the same server prints
    both; what the pending files change is no drift any more.

    Args:
        means: what verify holds the target against.
        catalog: looks at the copy.
        say: told what came of it.
        backup: that the copy was made from.
        applied: the target's ledger, before the pending files.
        stages: the copy before the first of them and after each.
        comparable: the copy began as the target is.

    Raises:
        VerificationFailed: it is something else.
    """
    found = stages[-1].schema

    def by_files() -> Expected | Unknown:
        if not comparable:
            return Unknown(why="the copy is not quite the target")
        with say.progress("on the copy: building what its migrations make"):
            return against_files(found, catalog.ledger().applied, catalog, means)

    told = beside_files(_carry_on(means, backup, applied, stages), by_files)
    if isinstance(told, Unknown):
        say.note(f"the copy is not held against what its schema should be: {told.why}")
        return
    accepts = means.adopt_schema if told.files_fail else ""
    results = tuple(promised_results(told.objects, found, made=told.made, accepts=accepts))
    if not told.objects:
        say.note(f"on the copy: {results[0].detail}")
        return
    failed = ChecksFailed(Checks(results=results, schema_changes=None, access_changes=None))
    raise VerificationFailed(
        "The migrated copy is not what its schema should be, and so the target would not be. "
        f"{failed.what}",
        unchanged=UNTOUCHED,
        next_step=failed.next_step,
        found=failed.found,
    )


def _carry_on(
    means: Means, backup: Backup, applied: Sequence[AppliedMigration], stages: Sequence[Stage]
) -> Expected | Unknown:
    """Return how the target differs from its record, without what the pending files change."""
    newest = max((one.version for one in applied), default=0)
    if newest != backup.manifest.ledger_version:
        return Unknown(why="the backup is older than what is applied")
    base = schema_of(backup)
    if base is None:
        return Unknown(why="the schema that the backup was taken of cannot be read")
    told = against_record(base, applied, means)
    if isinstance(told, Unknown):
        return told
    changed = changed_keys(stages[0].schema, stages[-1].schema)
    left = tuple(one for one in told.objects if one.key not in changed)
    return replace(told, objects=left, made=f"{told.made} and after the pending files")


def hold_to_serving(  # noqa: PLR0913 - the plan, the copy and what looks at it
    serving: Expectations | Unproven,
    plan: MigrationPlan,
    catalog: Catalog,
    clock: Clock,
    say: Say,
    *,
    sampled: bool,
) -> str:
    """Hold the migrated copy against the code that serves until the new one is promoted.

    Returns:
        Why it was not done; empty when it was, or when nothing is pending.

    Raises:
        VerificationFailed: that code would not work on it.
    """
    if not plan.pending:
        return ""
    why = serving.missing.rstrip(".") if isinstance(serving, Unproven) else ""
    if any(migration.phase is Phase.CONTRACT for migration in plan.pending):
        why = "contract migrations are pending, which only run when that code is gone"
    if why or isinstance(serving, Unproven):
        say.note(f"the checks of the code that serves now are not asked: {why}")
        return why
    try:
        verify(
            serving,
            database=catalog,
            clock=clock,
            say=OnTheCopy(say, "with the checks of the code that serves now"),
            only=[one for one in _WHAT_CODE_NEEDS if not sampled or one in _ON_A_SAMPLE],
        )
    except VerificationFailed as error:
        raise VerificationFailed(
            "The code that serves now would not work on the migrated schema, and it serves until "
            f"the new one is promoted. {error.what}",
            unchanged=UNTOUCHED,
            next_step="Keep what it needs, and take it away in a contract migration of a later "
            "release (a line `-- shipway: phase=contract` at the file's head).",
            found=error.found,
        ) from None
    return ""
