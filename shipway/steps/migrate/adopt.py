"""Adopt: write the ledger of a database that another tool has brought where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.errors import Failed
from shipway.migrations.ledger import rows
from shipway.steps.migrate.run_lock import become_the_only_runner
from shipway.values.histories import Adopted

if TYPE_CHECKING:
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.histories import AdoptPlan

__all__ = ["adopt"]

_COMMAND: Final = "invoke db.adopt"


def adopt(plan: AdoptPlan, powers: MigratePowers) -> Adopted:
    """Write the plan's rows in one transaction that proves to have written nothing else.

    Before it commits, the server is asked which tables the transaction has written to and which
    catalog rows it has made: anything outside the schema shipway makes it fail.

    Raises:
        Locked: a run of migrations holds the database.
        Failed: the server refused it, or something else would have changed; nothing was written.
    """
    database = powers.database
    become_the_only_runner(powers, _COMMAND)
    state = database.look()
    statements = [
        b"BEGIN ISOLATION LEVEL REPEATABLE READ",
        *rows.setup(state, plan.project_ref, before=rows.ADOPTED),
        *(rows.adopt_row(file, plan.source) for file in plan.record),
        *(rows.forget_row(row) for row in plan.forget),
        rows.NOTHING_ELSE,
        rows.WRITTEN_TABLES,
        b"COMMIT",
    ]
    answer = database.exchange(b"\n;\n".join(statements))
    if answer.error is not None:
        if not answer.lost:
            database.exchange(b"ROLLBACK")
        why = answer.error.message
        if answer.error.sqlstate == rows.DIVISION_BY_ZERO:
            why = "something else than the ledger would have changed"
        raise Failed(
            f"The ledger was not written: {why}.",
            unchanged="Nothing was written: it is one transaction.",
            next_step=f"Look at what it says, then run: {_COMMAND}",
        )
    return Adopted(
        source=plan.source,
        recorded=tuple(file.label for file in plan.record),
        forgotten=tuple(row.label for row in plan.forget),
        tables_touched=tuple(str(table) for (table,) in answer.rows),
    )
