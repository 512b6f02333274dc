"""Which files another tool's history names, and which history is meant. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Refused
from shipway.migrations.order import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shipway.values.migrations import AppliedMigration, ForeignEntry, ForeignHistory, Migration

__all__ = [
    "adopt_command",
    "choose_history",
    "files_applied_by",
    "files_named_by",
    "without_recorded",
]

_NOTHING_DONE = "Nothing was run; the database is as it was."


def adopt_command(target: str, flags: str = "") -> str:
    """Return the command that shows what would be taken over, as it can be copied."""
    where = f" --target {target}" if target != "default" else ""
    return f"invoke --dry db.adopt{f' {flags}' if flags else ''}{where}"


def files_applied_by(
    history: ForeignHistory, files: Sequence[Migration]
) -> tuple[list[Migration], list[str]]:
    """Return the files that the tool has applied, in order, and its entries without a file."""
    found, strangers = _match(history.entries, files)
    up_to = history.up_to
    if up_to is not None and (found or _files_begun(history, files) or _has(files, up_to)):
        # Else it is of another project in the same database.
        found += [file for file in files if file.version <= up_to]
    return _in_order(found, files), strangers


def files_named_by(history: ForeignHistory, files: Sequence[Migration]) -> list[Migration]:
    """Return the files that the tool has applied or has begun to apply, in order."""
    return _in_order([*files_applied_by(history, files)[0], *_files_begun(history, files)], files)


def without_recorded(
    history: ForeignHistory, applied: Iterable[AppliedMigration]
) -> ForeignHistory:
    """Return the history without the entries whose numbers the ledger accounts for.

    The Supabase CLI's history holds one row for all files of a number, and shipway keeps it up:
    once one of them is in the ledger, the row says nothing of the others.
    """
    known = {number_of(row) for row in applied}
    return replace(
        history, entries=tuple(one for one in history.entries if one.version not in known)
    )


def choose_history(
    histories: Sequence[ForeignHistory], files: Sequence[Migration], *, source: str, target: str
) -> ForeignHistory:
    """Return the history that is to be taken over: the one that names files of the folder.

    Args:
        histories: what is there.
        files: the folder.
        source: the tool or the table that a person has named; empty for none.
        target: for the commands in messages.

    Raises:
        Misconfigured: there is no such source.
        Refused: none is there, several are meant, or it cannot be taken over as it stands.
    """
    up_to = adopt_command(target, "--up-to VERSION")
    if source:
        wanted = [
            one for one in histories if source.lower() in {one.tool.lower(), one.table.lower()}
        ]
        if not wanted:
            raise Misconfigured(
                f"There is no history of '{source}' in the database.",
                unchanged=_NOTHING_DONE,
                next_step=f"Found: {_source_name(histories, histories) or 'none'}. "
                f"Or say it yourself: {up_to}",
            )
    else:
        wanted = [one for one in histories if files_named_by(one, files)]
        wanted = wanted or [one for one in histories if one.entries or one.fault]
        wanted = wanted or list(histories[:1])
    if not wanted:
        raise Refused(
            "No history of another migration tool was found in the database.",
            unchanged=_NOTHING_DONE,
            next_step=f"Say how far it is: {up_to}",
        )
    if len(wanted) > 1:
        first = adopt_command(target, f"--source '{_source_name(wanted[:1], histories)}'")
        raise Refused(
            f"Several tools have left a history: {_source_name(wanted, histories)}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Say whose counts, for example: {first}",
        )
    if wanted[0].fault:
        raise Refused(
            f"The history of {wanted[0].tool} ({wanted[0].table}) cannot be taken over: "
            f"{wanted[0].fault}.",
            unchanged=_NOTHING_DONE,
            next_step=f"{wanted[0].cure}\nOr say how far the database is: {up_to}",
        )
    return wanted[0]


def _source_name(some: Sequence[ForeignHistory], histories: Sequence[ForeignHistory]) -> str:
    """Return what `--source` knows some by: the tool, or the table where a tool has several."""
    many = Counter(one.tool for one in histories)
    return ", ".join(one.tool if many[one.tool] == 1 else one.table for one in some)


def _match(
    entries: Sequence[ForeignEntry], files: Sequence[Migration]
) -> tuple[list[Migration], list[str]]:
    # Of files that share their digits a tool means the one that it names, or the first.
    by_digits = {int(file.digits): file for file in reversed(files)}
    by_name = {name: file for file in files for name in (file.name, file.label)}
    found: list[Migration] = []
    strangers: list[str] = []
    for entry in entries:
        known = by_name.get(entry.name)
        if entry.version is not None and (known is None or int(known.digits) != entry.version):
            known = by_digits.get(entry.version)
        if known is None:
            strangers.append(entry.name)
        else:
            found.append(known)
    return found, strangers


def _files_begun(history: ForeignHistory, files: Sequence[Migration]) -> list[Migration]:
    return _match(history.failed, files)[0]


def _has(files: Sequence[Migration], version: int) -> bool:
    return any(file.version == version for file in files)


def _in_order(some: Iterable[Migration], files: Sequence[Migration]) -> list[Migration]:
    """Return files once each, in the folder's order."""
    named = {file.version for file in some}
    return [file for file in files if file.version in named]
