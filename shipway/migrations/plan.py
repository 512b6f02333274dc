"""What is to be run: the folder's files held against the ledger's rows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.migrations.creation import is_untouched
from shipway.migrations.names import display_name, entry_of, in_own_folder
from shipway.migrations.order import in_order
from shipway.migrations.project import refuse_other_project
from shipway.migrations.unadopted import refuse_unadopted
from shipway.values.migrations import Migrated, MigrationPlan, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from shipway.values.migrations import AppliedMigration, LedgerState, Migration

__all__ = ["history_problems", "plan_migrations", "proof_of"]

_NOTHING_DONE = "Nothing was run; the database is as it was."
_SHOWN_DIGITS = 12
_FEW = 5


def plan_migrations(  # noqa: PLR0913 - all of it is known, and nothing is asked
    files: Sequence[Migration],
    state: LedgerState,
    *,
    phase: Phase = Phase.EXPAND,
    project_ref: str | None = None,
    target: str = "default",
    aside: Sequence[str] = (),
) -> MigrationPlan:
    """Return what would run, in order.

    Args:
        files: the folder, in order.
        state: what the target says about itself.
        phase: EXPAND leaves contract migrations for later; CONTRACT runs them.
        project_ref: the project that the settings name, if they do.
        target: its name, for the commands in messages.
        aside: files of the folder that are no migrations.

    Raises:
        Refused: the history does not fit the files, another tool has applied what is pending, or
            the database belongs to another project.
    """
    refuse_other_project(state, project_ref)
    refuse_unadopted(files, state, target=target)
    if problems := history_problems(files, state):
        raise Refused(
            "The files and the ledger do not fit together:\n"
            + "\n".join(f"- {what}" for what, _ in problems),
            unchanged=_NOTHING_DONE,
            next_step="\n".join(dict.fromkeys(cure for _, cure in problems)),
        )
    known = {row.version for row in state.applied}
    waiting = [file for file in files if file.version not in known]
    expand = [file for file in waiting if file.phase is Phase.EXPAND]
    contract = [file for file in waiting if file.phase is Phase.CONTRACT]
    if phase is Phase.CONTRACT and expand:
        raise Refused(
            f"{entry_of(expand[0].path)} belongs to the expand phase and is not applied yet.",
            unchanged=_NOTHING_DONE,
            next_step="Run the expand phase first: invoke db.migrate",
        )
    return MigrationPlan(
        applied=tuple(in_order(state.applied, files)),
        pending=tuple(contract if phase is Phase.CONTRACT else expand),
        held_back=() if phase is Phase.CONTRACT else tuple(contract),
        project_ref=project_ref if state.project_ref is None else None,
        warnings=(*_aside(aside), *_blank(waiting), *_beyond_reach(state)),
    )


def _aside(names: Sequence[str]) -> Iterator[str]:
    """Yield a warning where files were set aside: somebody may think that they are run."""
    if names:
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        yield (
            f"set aside: {', '.join(names[:_FEW])}{more}. A name without a number in front is no "
            "migration here, as for the Supabase CLI."
        )


def _blank(waiting: Sequence[Migration]) -> Iterator[str]:
    """Yield a warning for each file that would do nothing: what is applied may not be edited."""
    for file in waiting:
        if is_untouched(file):
            yield (
                f"{display_name(file.path)} is as db.new has made it: "
                "nothing is written into it yet."
            )
        elif file.blank:
            yield (
                f"{display_name(file.path)} holds no SQL statement: it is recorded as applied, and "
                "nothing is run."
            )


def _beyond_reach(state: LedgerState) -> Iterator[str]:
    """Yield a warning for each history of another tool that the role may not read or keep up."""
    for history in state.histories:
        lacks = [] if history.readable else ["may not be read: what it has applied is not known"]
        lacks += (
            []
            if history.kept_up is not False
            else ["may not be written: what is applied is not told it"]
        )
        if lacks:
            yield (
                f"{history.table}, where {history.tool} keeps its history, "
                f"{'; and it '.join(lacks)}. {history.cure}"
            )


def proof_of(
    before: tuple[AppliedMigration, ...],
    applied_now: tuple[AppliedMigration, ...] = (),
    *,
    recovery_time: datetime | None = None,
) -> Migrated:
    """Return the proof that a ledger of these rows amounts to; pure."""
    rows = sorted((*before, *applied_now), key=lambda row: row.version)
    return Migrated(
        applied_now=applied_now,
        ledger_version=rows[-1].version if rows else 0,
        ledger_label=rows[-1].label if rows else "",
        ledger_count=len(rows),
        recovery_time=recovery_time if applied_now else None,
    )


def history_problems(files: Sequence[Migration], state: LedgerState) -> list[tuple[str, str]]:
    """Return each fault of the history as (what is wrong, the command that mends it)."""
    by_version = {file.version: file for file in files}
    recorded = {row.version for row in state.applied}
    strangers = {file.sha256: file for file in files if file.version not in recorded}
    problems = []
    moved: set[int] = set()
    for row in state.applied:
        file = by_version.get(row.version)
        if file is None:
            twin = strangers.get(row.sha256)
            if twin is not None:
                moved.add(twin.version)
            problems.append(_missing(row, twin))
        elif file.sha256 != row.sha256:
            problems.append(_edited_file(row, file))
        elif file.label != row.label:
            problems.append(_renamed_file(row, file))
    rows = in_order(state.applied, files)
    newest = rows[-1] if rows else None
    known = recorded | moved
    late = [
        file
        for file in files
        if file.version not in known and file.phase is Phase.EXPAND and _before(file, newest)
    ]
    begun = {step.version for step in state.steps}
    problems += [
        (f"half undone: {step.label}.sql", "Complete it: invoke db.rollback")
        for step in state.steps
        if step.label.endswith(".down")
    ][:1]
    problems += [
        _out_of_order(file, files, newest)
        for file in late
        if newest is not None and file.version not in begun
    ]
    return problems


def _before(file: Migration, row: AppliedMigration | None) -> bool:
    """Tell whether a file stands before a row of the ledger in the folder's order."""
    if row is None:
        return False
    return file.place < (0 if file.by_name else row.version, row.label)


def _edited_file(row: AppliedMigration, file: Migration) -> tuple[str, str]:
    return (
        (
            f"edited after it was applied: {entry_of(file.path)} "
            f"(applied {row.sha256[:_SHOWN_DIGITS]}, now {file.sha256[:_SHOWN_DIGITS]})"
        ),
        (
            f"Restore the file (git checkout -- {entry_of(file.path)}) and put the change in a new "
            f"one: invoke db.new NAME; or, if only its text changed, not its effect: "
            f"invoke db.adopt --accept {row.version}"
        ),
    )


def _renamed_file(row: AppliedMigration, file: Migration) -> tuple[str, str]:
    return (
        f"renamed after it was applied: {_was(row, file)} is now {entry_of(file.path)}",
        (
            f"Rename it back (git mv {entry_of(file.path)} {_was(row, file)}), "
            f"or take the new name over: invoke db.adopt --accept {row.version}"
        ),
    )


def _was(row: AppliedMigration, file: Migration) -> str:
    """Return what the file was called when it was applied, in the layout that it has now."""
    return row.label if in_own_folder(file.path) else f"{row.label}.sql"


def _missing(row: AppliedMigration, twin: Migration | None) -> tuple[str, str]:
    if twin is not None:
        return (
            f"renumbered after it was applied: {_was(row, twin)} is now {entry_of(twin.path)}",
            f"Rename it back: git mv {entry_of(twin.path)} {_was(row, twin)}",
        )
    return (
        f"deleted after it was applied: {row.label}.sql",
        (
            f"Restore the file (git log -- '*{row.label}.sql' finds it), or take it out of the "
            f"ledger: invoke db.adopt --forget {row.version}"
        ),
    )


def _out_of_order(
    file: Migration, files: Sequence[Migration], newest: AppliedMigration
) -> tuple[str, str]:
    digits = files[-1].digits if file.by_name else file.digits
    last = int(digits) if file.by_name else max(newest.version, *(one.version for one in files))
    free = str(last + 1).zfill(len(digits))
    suffix = entry_of(file.path)[len(file.digits) :]
    return (
        f"out of order: {entry_of(file.path)} is not applied, while {newest.version} already is",
        f"Give it a number behind the last one: git mv {entry_of(file.path)} {free}{suffix}",
    )
