"""What is to be run: the folder's files held against the ledger's rows. Pure."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.migrations.creation import is_untouched
from shipway.migrations.names import display_name, entry_of, in_own_folder
from shipway.migrations.order import in_order, is_other_file, moved_files, stands_before
from shipway.migrations.project import refuse_other_project
from shipway.migrations.unadopted import refuse_unadopted
from shipway.values.migrations import Migrated, MigrationPlan, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
    rows: Sequence[AppliedMigration],
    applied_now: tuple[AppliedMigration, ...] = (),
    *,
    recovery_time: datetime | None = None,
) -> Migrated:
    """Return the proof that a ledger of these rows amounts to; pure.

    Args:
        rows: all of the ledger, in the order of the folder.
        applied_now: those that this run has applied.
        recovery_time: a moment before the first of them.
    """
    return Migrated(
        applied_now=applied_now,
        ledger_version=max((row.version for row in rows), default=0),
        ledger_label=rows[-1].label if rows else "",
        ledger_count=len(rows),
        recovery_time=recovery_time if applied_now else None,
    )


def history_problems(files: Sequence[Migration], state: LedgerState) -> list[tuple[str, str]]:
    """Return each fault of the history as (what is wrong, the command that mends it)."""
    by_version = {file.version: file for file in files}
    recorded = {row.version for row in state.applied}
    moved = moved_files(state.applied, files)
    elsewhere = {file.version for file in moved.values()}
    rows = in_order(state.applied, files)
    newest = rows[-1] if rows else None
    free = _free_numbers(files, newest)
    problems: list[tuple[str, str]] = []
    for row in state.applied:
        file = by_version.get(row.version)
        if file is not None and file.version in elsewhere:
            file = None  # It is another row's.
        if row.version in moved:
            problems += [_newcomer(row, file, next(free))] if file is not None else []
        elif file is None:
            problems.append(_deleted_file(row))
        elif file.sha256 != row.sha256:
            replaced = is_other_file(row, file)
            problems.append(
                _replaced_file(row, file, next(free)) if replaced else _edited_file(row, file)
            )
        elif file.label != row.label:
            problems.append(_renamed_file(row, file))
    problems += _renumbered_files(
        [(row, moved[row.version]) for row in rows if row.version in moved]
    )
    begun = {step.version for step in state.steps}
    problems += [
        (f"half undone: {step.label}.sql", "Complete it: invoke db.rollback")
        for step in state.steps
        if step.label.endswith(".down")
    ][:1]
    problems += [
        _out_of_order(file, newest, next(free))
        for file in files
        if newest is not None
        and file.version not in recorded | elsewhere | begun
        and file.phase is Phase.EXPAND
        and stands_before(file, newest)
    ]
    return problems


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


def _deleted_file(row: AppliedMigration) -> tuple[str, str]:
    return (
        f"deleted after it was applied: {row.label}.sql",
        (
            f"Restore the file (git log -- '*{row.label}.sql' finds it), or take it out of the "
            f"ledger: invoke db.adopt --forget {row.version}"
        ),
    )


def _replaced_file(row: AppliedMigration, file: Migration, free: str) -> tuple[str, str]:
    was, now = _was(row, file), entry_of(file.path)
    return (
        (
            f"replaced after it was applied: {was}; {now} has its number, and neither its name "
            "nor its text"
        ),
        (
            f"If {now} is a new one, restore {was} (git log -- '*{was}' finds it) and give the "
            f"new one a number behind the last: git mv {now} {_with_number(file, free)}\n"
            f"If it is {was} itself, give it its name again: git mv {now} {was}"
        ),
    )


def _newcomer(row: AppliedMigration, file: Migration, free: str) -> tuple[str, str]:
    return (
        (
            f"never run: {entry_of(file.path)} has the number under which {_was(row, file)} was "
            "applied"
        ),
        _behind_the_last(file, free),
    )


def _renumbered_files(
    moved: Sequence[tuple[AppliedMigration, Migration]],
) -> list[tuple[str, str]]:
    """Return the faults of files under other numbers, each with the renames that mend them all."""
    back = {entry_of(file.path): _was(row, file) for row, file in moved}
    back = {now: was for now, was in back.items() if now != was}
    cure = "\n".join(f"Rename it back: git mv {now} {was}" for now, was in _renames(back))
    return [
        (f"renumbered after it was applied: {was} is now {now}", cure) for now, was in back.items()
    ]


def _renames(back: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield renames in an order in which each one's target is free."""
    left = dict(back)
    while left:
        now = next((one for one, was in left.items() if was not in left), "")
        if now:
            yield now, left.pop(now)
        else:  # They go round in a circle: one of them steps aside.
            now = next(iter(left))
            aside = f"{now}.aside"
            yield now, aside
            left[aside] = left.pop(now)


def _out_of_order(file: Migration, newest: AppliedMigration, free: str) -> tuple[str, str]:
    return (
        f"out of order: {entry_of(file.path)} is not applied, while {newest.version} already is",
        _behind_the_last(file, free),
    )


def _behind_the_last(file: Migration, free: str) -> str:
    now = entry_of(file.path)
    return f"Give it a number behind the last one: git mv {now} {_with_number(file, free)}"


def _with_number(file: Migration, free: str) -> str:
    """Return what the file is called under another number."""
    width = len(file.digits)
    return f"{free if file.by_name else free.zfill(width)}{entry_of(file.path)[width:]}"


def _free_numbers(files: Sequence[Migration], newest: AppliedMigration | None) -> Iterator[str]:
    """Yield the numbers behind the last one; in the order of names with as many digits as it."""
    by_name = bool(files) and files[-1].by_name
    used = {newest.version if newest else 0, *(file.version for file in files)}
    last = int(files[-1].digits) if by_name else max(used)
    width = len(files[-1].digits) if by_name else 0
    yield from (str(number).zfill(width) for number in count(last + 1))
