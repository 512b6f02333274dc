"""All pending files in one transaction: together they are in the database, or none of them is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from shipway.errors import Refused
from shipway.migrations.ledger import messages, rows
from shipway.migrations.ledger.books import Applying
from shipway.migrations.ledger.messages import Message
from shipway.migrations.sql.opened import open_script
from shipway.steps.migrate.file import row_of
from shipway.steps.migrate.send import Sending, StatementError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.migrations.sql.script import Script, Unit
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.exchange import Answer
    from shipway.values.migrations import AppliedMigration, LedgerState, Migration

__all__ = ["run_together"]

_COMMIT: Final = Message([b"COMMIT"])
_STAYS: Final = "All files of this run were rolled back: the database is as it was before it."


def run_together(
    powers: MigratePowers, state: LedgerState, project_ref: str | None, pending: Sequence[Migration]
) -> list[AppliedMigration]:
    """Run every file in one transaction and return their ledger rows, after the commit.

    Raises:
        Refused: a file cannot run in a transaction, or commits on its own.
        Stopped: a statement failed; nothing of the run is in the database.
    """
    with ExitStack() as stack:
        parts = []
        book = Applying(state)
        for migration in pending:
            script = stack.enter_context(
                open_script(migration, standard_strings=state.standard_strings)
            )
            sending = Sending(powers, migration, script, _STAYS, book.command)
            parts.append((sending, _only_unit(script, state, migration)))
        last, _ = parts[-1]
        done: list[AppliedMigration] = []

        def attempt() -> Answer:
            done.clear()
            own = [b"BEGIN", *rows.setup(state, project_ref, before=pending[0].version)]
            for sending, unit in parts:
                answer = _send_file(powers, state, sending, unit, own)
                done.append(row_of(sending.migration, answer))
                own = []
            return last.send(_COMMIT, commits=True)

        try:
            last.again_while_locked(attempt)
        except StatementError as failed:
            raise parts[min(len(done), len(parts) - 1)][0].stopped(failed) from None
        return done


def _only_unit(script: Script, state: LedgerState, migration: Migration) -> Unit:
    units = script.units()
    begun = any(step.label == migration.label for step in state.steps)
    fits = not units[0].outside and not units[0].begun_by  # these hold for all that comes after
    if len(units) == 1 and fits and not begun and not script.switches:
        return units[0]
    place = units[-1] if begun else next((unit for unit in units if unit.outside), units[-1])
    line, _ = script.line_and_column(place.first)
    raise Refused(
        f"{script.name}, line {line}: this file cannot be run in one transaction with others.",
        unchanged="Nothing was run; the database is as it was.",
        next_step="Run the files one by one: invoke db.migrate",
    )


def _send_file(
    powers: MigratePowers, state: LedgerState, sending: Sending, unit: Unit, own: list[bytes]
) -> Answer:
    migration, script = sending.migration, sending.script
    book = Applying(state)
    message = Message([*own, *messages.fresh(state)])
    message.add_own(messages.limits(migration, powers.limits, local=True))
    message.add_own(book.first(migration))
    for index in range(unit.first, unit.after):
        message.add(script, index)
        if message.size_bytes > messages.BATCH_BYTES:
            sending.send(message)
            message = Message()
    message.add_own(messages.AS_OURSELVES)
    message.add_own(book.last(migration, script))
    return sending.send(message)
