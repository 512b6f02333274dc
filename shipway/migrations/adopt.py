"""Which ledger rows follow from what a database has been through under another tool. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Refused
from shipway.migrations import order
from shipway.migrations.foreign import (
    adopt_command,
    choose_history,
    files_applied_by,
    without_recorded,
)
from shipway.migrations.names import entry_of
from shipway.migrations.order import is_other_file, moved_files
from shipway.migrations.project import refuse_other_project
from shipway.values.histories import AdoptPlan
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.migrations import AppliedMigration, LedgerState, Migration

__all__ = ["plan_accept", "plan_adopt", "plan_forget"]

_NOTHING_DONE = "Nothing was run; the database is as it was."


def plan_adopt(  # noqa: PLR0913 - what is known, and the ways to say more
    files: Sequence[Migration],
    state: LedgerState,
    *,
    source: str = "",
    up_to: int | None = None,
    project_ref: str | None = None,
    target: str = "default",
) -> AdoptPlan:
    """Return which files are recorded as applied.

    Args:
        files: the folder, ordered by version.
        state: what the target says about itself, and other tools have recorded in it.
        source: the tool or table whose history counts; needed when several name files.
        up_to: record every file up to this version, whatever any history says.
        project_ref: the project that the settings name, if they do.
        target: its name, for the commands in messages.

    Raises:
        Misconfigured: `source` or `up_to` names nothing that is there.
        Refused: the history cannot be taken over, or leaves a gap.
    """
    refuse_other_project(state, project_ref)
    if up_to is not None:
        known = order.up_to(up_to, files)
        if known is None:
            raise Misconfigured(
                f"There is no file with version {up_to}.",
                unchanged=_NOTHING_DONE,
                next_step="Give the version of the newest file that the database has already.",
            )
        named = f"--up-to {up_to}"
        matched = known
    else:
        history = choose_history(state.histories, files, source=source, target=target)
        named = f"{history.tool} ({history.table})"
        matched, strangers = files_applied_by(history, files)
        if strangers:
            raise _not_here(history.tool, strangers, matched, target)
        matched, _ = files_applied_by(without_recorded(history, state.applied), files)
    recorded = {row.version for row in state.applied}
    taken = {file.version for file in matched}
    record = tuple(file for file in matched if file.version not in recorded)
    pending = tuple(file for file in files if file.version not in taken | recorded)
    _refuse_gap(files, taken | recorded, named, target)
    return AdoptPlan(
        source=named,
        record=record,
        pending=pending,
        project_ref=project_ref if state.project_ref is None else None,
    )


def plan_accept(files: Sequence[Migration], state: LedgerState, version: int) -> AdoptPlan:
    """Return the plan that makes one row agree with its file, which was edited or renamed.

    Raises:
        Misconfigured: there is no such row or no such file.
        Refused: the file is another one: taken for the row's, it would never be run.
    """
    file = next((file for file in files if file.version == version), None)
    row = next((row for row in state.applied if row.version == version), None)
    if file is None or row is None:
        raise Misconfigured(
            f"Version {version} is not both in the ledger and in the folder.",
            unchanged=_NOTHING_DONE,
            next_step="See which are: invoke db.status",
        )
    _refuse_other_file(row, file, files, state)
    return AdoptPlan(source=f"--accept {version}", record=(file,))


def _refuse_other_file(
    row: AppliedMigration, file: Migration, files: Sequence[Migration], state: LedgerState
) -> None:
    """Refuse to take a file for what was applied that is, or may well be, another one."""
    moved = moved_files(state.applied, files)
    was, now = f"{row.label}.sql", entry_of(file.path)
    others = [one.label for one in state.applied if moved.get(one.version) == file]
    if row.version in moved:
        why = (
            f"{was}, applied, is {entry_of(moved[row.version].path)} now: accepted in its place, "
            f"{now} would never be run."
        )
    elif others:
        why = f"{now} has the text of {others[0]}.sql, which was applied too."
    elif is_other_file(row, file):
        why = (
            f"{now} has neither the name nor the text of {was}, which was applied: if it is "
            "another migration, it would never be run."
        )
    else:
        return
    raise Refused(
        why,
        unchanged=_NOTHING_DONE,
        next_step="See which files are to be renamed or restored: invoke db.status",
    )


def plan_forget(files: Sequence[Migration], state: LedgerState, version: int) -> AdoptPlan:
    """Return the plan that takes one row out of the ledger, of a file that is gone for good.

    Raises:
        Misconfigured: there is no such row.
        Refused: its file is there: forgotten, it would be run a second time.
    """
    for file in files:
        if file.version == version:
            raise Refused(
                f"{file.path.name} is in the folder: forgotten, it would be run again.",
                unchanged=_NOTHING_DONE,
                next_step="Undo it with: invoke db.rollback. Or, when it is to be gone and what it "
                "made is to stay, delete the file first.",
            )
    rows = tuple(row for row in state.applied if row.version == version)
    if not rows:
        raise Misconfigured(
            f"Version {version} is not in the ledger.",
            unchanged=_NOTHING_DONE,
            next_step="See which are: invoke db.status",
        )
    return AdoptPlan(source=f"--forget {version}", forget=rows)


def _not_here(
    tool: str, strangers: Sequence[str], matched: Sequence[Migration], target: str
) -> Refused:
    known = str(matched[-1].version) if matched else "VERSION"
    return Refused(
        f"{tool} has applied what is not in the folder: {', '.join(strangers)}.",
        unchanged=_NOTHING_DONE,
        next_step="Put these files into the migrations folder, under their numbers.\n"
        f"Or say how far the database is: {adopt_command(target, f'--up-to {known}')}",
    )


def _refuse_gap(files: Sequence[Migration], known: set[int], source: str, target: str) -> None:
    places = [at for at, file in enumerate(files) if file.version in known]
    if not places:
        return
    newest = files[places[-1]]
    for file in files[: places[-1]]:
        if file.version not in known and file.phase is Phase.EXPAND:
            raise Refused(
                f"{entry_of(file.path)} would be left behind: {source} does not know it, but knows "
                f"version {newest.version}.",
                unchanged=_NOTHING_DONE,
                next_step="If the database has it already: "
                f"{adopt_command(target, f'--up-to {newest.version}')}\n"
                "If not, give the file a number behind the last one.",
            )
