"""Roll back: run the down scripts, newest first, each with the end of its row of the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.errors import Refused
from shipway.migrations.ledger.books import Undoing
from shipway.migrations.sql.opened import open_script
from shipway.migrations.undo import count_query, losses_of, tables_query
from shipway.steps.migrate.file import Runner
from shipway.steps.migrate.order import run_in_order
from shipway.steps.migrate.progress import LiveLine
from shipway.steps.migrate.run_lock import become_the_only_runner
from shipway.values.basics import Unproven
from shipway.values.histories import Undone

if TYPE_CHECKING:
    from shipway.steps.migrate.powers import Database, MigratePowers
    from shipway.values.backup import Backup
    from shipway.values.histories import Loss, UndoPlan
    from shipway.values.migrations import Migration

__all__ = ["look_at_losses", "undo"]

_COUNT_TIMEOUT_S: Final = 10


def look_at_losses(plan: UndoPlan, *, database: Database) -> UndoPlan:
    """Return the plan with what its scripts would destroy, counted in the target.

    A table that takes longer than ten seconds to count is named without its figure.
    """
    database.exchange(f"SET statement_timeout = '{_COUNT_TIMEOUT_S}s'".encode())
    losses: list[Loss] = []
    for migration in plan.undo:
        with open_script(migration) as script:
            for named in losses_of(script, migration):
                found = database.exchange(tables_query(named)).rows
                losses += [
                    _count(named, table or "", column or "", database) for table, column in found
                ]
    database.exchange(b"RESET statement_timeout")
    return replace(plan, losses=tuple(losses))


def _count(named: Loss, table: str, column: str, database: Database) -> Loss:
    answer = database.exchange(count_query(table, column))
    count = int(answer.rows[0][0] or 0) if answer.error is None else None
    return replace(named, table=table, column=column, count=count)


def undo(plan: UndoPlan, proof: Backup | Unproven, powers: MigratePowers) -> Undone:
    """Run the plan's down scripts in order, each in one transaction with its ledger row's end.

    Raises:
        Locked: another run held the database for all of `limits.run_lock_wait_s`.
        Misconfigured: a script holds what cannot be run; none was run.
        Refused: the ledger is not the one that the plan was made from.
        MigrationFailed: a script failed and was rolled back; those before it stay undone.
        OutcomeUnknown: the connection broke while a script was being committed.
        Interrupted: the operator stopped it.
    """
    if isinstance(proof, Unproven):
        powers.say.warn(f"goes on without {proof.missing}; make it with: {proof.command}")
    become_the_only_runner(powers, Undoing.command)
    state = powers.database.look()
    planned = {row.version for row in plan.left} | {file.version for file in plan.undo}
    if planned != {row.version for row in state.applied}:
        raise Refused(
            "The ledger has changed since the plan was made.",
            unchanged="Nothing was run; the database is as it was.",
            next_step="Look at it anew: invoke db.status",
        )
    runner = Runner(powers, state, Undoing(state))
    with LiveLine(powers.say, plan.undo, powers.clock) as line:
        run_in_order(
            runner, plan.undo, lambda migration, _: line.next(f"undone {_name(migration)}")
        )
    return Undone(
        undone=tuple(_name(migration) for migration in plan.undo),
        ledger_version=max((row.version for row in plan.left), default=0),
        ledger_count=len(plan.left),
    )


def _name(script: Migration) -> str:
    """Return the label of the migration that a down script undoes."""
    return script.label.removesuffix(".down")
