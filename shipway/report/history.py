"""How a rollback and an adoption are told to a person: as plans, and when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count
from shipway.report.words import show
from shipway.values.histories import Adopted, AdoptPlan, Undone, UndoPlan

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal
    from shipway.values.histories import Loss

__all__: list[str] = []


@show.register(UndoPlan)
def _(value: UndoPlan, terminal: Terminal) -> None:
    for migration in value.undo:
        terminal.note(f"would undo {migration.label.removesuffix('.down')}")
        for loss in value.losses:
            if loss.label == migration.label:
                terminal.warn(f"  destroys {_loss(loss)}")
    newest = value.left[-1].label if value.left else "nothing"
    terminal.note(f"the ledger would hold {len(value.left)}, up to {newest}")


@show.register(Undone)
def _(value: Undone, terminal: Terminal) -> None:
    terminal.note(f"{count(len(value.undone), 'migration')} undone: {', '.join(value.undone)}")
    terminal.note(f"the ledger holds {value.ledger_count}")


@show.register(AdoptPlan)
def _(value: AdoptPlan, terminal: Terminal) -> None:
    terminal.note(f"from {value.source}; no migration is run")
    rows = [("record", file.label) for file in value.record]
    rows += [("forget", row.label) for row in value.forget]
    rows += [("stays pending", file.label) for file in value.pending]
    terminal.table(("what", "migration"), rows)
    if not value.record and not value.forget:
        terminal.note("the ledger agrees already: there is nothing to write")


@show.register(Adopted)
def _(value: Adopted, terminal: Terminal) -> None:
    terminal.note(
        f"{len(value.recorded)} recorded, {len(value.forgotten)} forgotten, from {value.source}"
    )
    terminal.note(
        f"the transaction wrote to {', '.join(value.tables_touched) or 'no table'} and nowhere "
        "else, as the server counted before its commit"
    )


def _loss(loss: Loss) -> str:
    if loss.column:
        held = "values not counted" if loss.count is None else count(loss.count, "value")
        return f"the column {loss.column} of {loss.table}: {held}"
    held = "rows not counted" if loss.count is None else count(loss.count, "row")
    return f"the table {loss.table}: {held}"
