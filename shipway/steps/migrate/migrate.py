"""Migrate: run the planned files, each in one transaction with its row of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import MigrationFailed, Refused
from shipway.migrations.ledger.books import Applying
from shipway.migrations.ledger.supabase_history import with_supabase_history
from shipway.migrations.order import in_order
from shipway.migrations.plan import proof_of
from shipway.migrations.unadopted import unadopted_files
from shipway.steps.migrate.file import Runner, row_of
from shipway.steps.migrate.one_transaction import run_together
from shipway.steps.migrate.order import run_in_order
from shipway.steps.migrate.progress import LiveLine
from shipway.steps.migrate.run_lock import become_the_only_runner
from shipway.values.basics import Unproven

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.backup import Backup
    from shipway.values.basics import Say
    from shipway.values.exchange import Answer
    from shipway.values.migrations import (
        AppliedMigration,
        LedgerState,
        Migrated,
        Migration,
        MigrationPlan,
    )

__all__ = ["migrate"]


def migrate(
    plan: MigrationPlan,
    proof: Backup | Unproven,
    powers: MigratePowers,
    *,
    together: bool = False,
    before: Callable[[str], None] | None = None,
) -> Migrated:
    """Run the plan's files in order; each is in the database with its ledger row, or not at all.

    Args:
        plan: what to run, and the ledger it was made from.
        proof: the backup taken before, or what stands in its place.
        powers: what they are run with; told of each file after its commit.
        together: all files in one transaction, instead of one each.
        before: told of the files that go as one message before it is sent; raises to stop there.

    Raises:
        Locked: another run held the database for all of `limits.run_lock_wait_s`.
        Misconfigured: a file holds what cannot be run; no file was run.
        Refused: the ledger, or a file, is not the one that the plan was made from.
        MigrationFailed: a file failed and was rolled back, or was edited since the plan was made;
            those before it stay.
        OutcomeUnknown: the connection broke while a file was being committed.
        Interrupted: the operator stopped it.
    """
    if not plan.pending:
        return proof_of(plan.applied)
    say = powers.say
    if isinstance(proof, Unproven):
        say.warn(f"goes on without {proof.missing}; make it with: {proof.command}")
    become_the_only_runner(powers, Applying.command)
    state = with_supabase_history(powers.database.look(), plan.pending)
    pending = _still_pending(plan, state, say)
    runner = Runner(
        powers,
        state,
        Applying(state),
        project_ref=plan.project_ref,
        before=pending[0].version if pending else None,
    )
    applied_now: list[AppliedMigration] = []
    if together and pending:
        applied_now = run_together(powers, state, plan.project_ref, pending)
        for row in applied_now:
            say.note(_tell(row))
        return _proof(plan, state, applied_now)
    with LiveLine(say, pending, powers.clock) as line:

        def applied(migration: Migration, answer: Answer) -> None:
            row = row_of(migration, answer)
            applied_now.append(row)
            line.next(_tell(row))

        try:
            run_in_order(runner, pending, applied, about=before and _announce(before))
        except Refused as error:
            if not applied_now:
                raise
            # A refusal says that nothing was changed; here the files before it were applied.
            raise MigrationFailed(
                error.what, unchanged=error.unchanged, next_step=error.next_step
            ) from None
    return _proof(plan, state, applied_now)


def _proof(
    plan: MigrationPlan, state: LedgerState, applied_now: Sequence[AppliedMigration]
) -> Migrated:
    rows = in_order((*state.applied, *applied_now), plan.pending)
    return proof_of(rows, tuple(applied_now), recovery_time=state.looked_at)


def _announce(before: Callable[[str], None]) -> Callable[[Sequence[Migration]], None]:
    return lambda files: before(f"apply {', '.join(file.label for file in files)}")


def _tell(row: AppliedMigration) -> str:
    return f"applied {row.label} in {row.duration_ms} ms"


def _still_pending(plan: MigrationPlan, state: LedgerState, say: Say) -> list[Migration]:
    """Return the planned files that no other run has applied meanwhile."""
    if elsewhere := unadopted_files(plan.pending, state):
        raise Refused(
            f"{elsewhere}. Running it would do it a second time.",
            unchanged="Nothing was run; the database is as it was.",
            next_step="Look at it anew: invoke db.status",
        )
    recorded = {row.version: row for row in state.applied}
    planned = {row.version for row in plan.applied}
    wanted = {file.version: file for file in plan.pending}
    for version, row in recorded.items():
        file = wanted.get(version)
        known = version in planned or (file is not None and file.sha256 == row.sha256)
        if not known:
            raise Refused(
                f"The ledger has changed since the plan was made: {row.label} is new there.",
                unchanged="Nothing was run; the database is as it was.",
                next_step="Look at it anew: invoke db.status",
            )
    for file in plan.pending:
        if file.version in recorded:
            say.note(f"{file.label} was applied by another run meanwhile")
    return [file for file in plan.pending if file.version not in recorded]
