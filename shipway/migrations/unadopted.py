"""Refuses to run what another tool has applied and nobody has taken over. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Refused, Stopped
from shipway.formats.figures import count
from shipway.migrations.adopt import plan_adopt
from shipway.migrations.foreign import adopt_command, files_named_by, without_recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.migrations import LedgerState, Migration

__all__ = ["refuse_unadopted", "unadopted_files"]

_FEW = 5


def unadopted_files(files: Sequence[Migration], state: LedgerState) -> str:
    """Return what other tools have recorded of the files and our ledger does not hold, in words.

    It is empty when there is no such file.
    """
    recorded = {row.version for row in state.applied}
    waiting = [file for file in files if file.version not in recorded]
    return "; ".join(
        f"{history.tool} has recorded in {history.table} what shipway's ledger does not hold: "
        f"{_list(named)}"
        for history in state.histories
        if (named := files_named_by(without_recorded(history, state.applied), waiting))
    )


def refuse_unadopted(files: Sequence[Migration], state: LedgerState, *, target: str) -> None:
    """Refuse to go on while a pending file was applied by another tool already.

    Args:
        files: the folder, ordered by version.
        state: what the target says about itself.
        target: its name, for the command.

    Raises:
        Refused: there is such a file; it names the command that takes the history over, or what
            keeps that command from doing so.
    """
    what = unadopted_files(files, state)
    if not what:
        return
    again = "Running it would do it a second time."
    next_step = (
        "Take its history over; no migration is run. See what would be recorded, then leave out "
        f"--dry: {adopt_command(target)}"
    )
    try:
        plan_adopt(files, state, target=target)
    except Stopped as stopped:
        again, next_step = f"{again}\n{stopped.what}", stopped.next_step
    raise Refused(
        f"{what}. {again}",
        unchanged="Nothing was run; the database is as it was.",
        next_step=next_step,
    )


def _list(files: Sequence[Migration]) -> str:
    labels = [file.label for file in files]
    if len(labels) <= _FEW:
        return ", ".join(labels)
    return f"{count(len(labels), 'migration')}, {labels[0]} to {labels[-1]}"
