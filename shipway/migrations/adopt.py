"""Which ledger rows follow from what a database has been through under another tool. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Refused
from shipway.migrations.names import entry_of
from shipway.migrations.plan import refuse_other_project
from shipway.values import AdoptPlan, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values import ForeignEntry, ForeignHistory, LedgerState, Migration

__all__ = ["plan_accept", "plan_adopt", "plan_forget"]

_NOTHING_DONE = "Nothing was run; the database is as it was."


def plan_adopt(  # noqa: PLR0913 - what is known, and the three ways to say more
    files: Sequence[Migration],
    state: LedgerState,
    histories: Sequence[ForeignHistory],
    *,
    source: str = "",
    up_to: int | None = None,
    project_ref: str | None = None,
) -> AdoptPlan:
    """Return which files are recorded as applied.

    Args:
        files: the folder, ordered by version.
        state: what the target says about itself.
        histories: what other tools have recorded in the target.
        source: the tool whose history counts; needed when there are several.
        up_to: record every file up to this version, whatever any history says.
        project_ref: the project that the settings name, if they do.

    Raises:
        Misconfigured: `source` or `up_to` names nothing that is there.
        Refused: the history cannot be taken over, or leaves a gap.
    """
    refuse_other_project(state, project_ref)
    if up_to is not None:
        if up_to not in {file.version for file in files}:
            raise Misconfigured(
                f"There is no file with version {up_to}.",
                unchanged=_NOTHING_DONE,
                next_step="Give the version of the newest file that the database has already.",
            )
        named = f"--up-to {up_to}"
        matched = [file for file in files if file.version <= up_to]
    else:
        history = _chosen(histories, source)
        named = f"{history.tool} ({history.table})"
        matched = _matched(files, history)
    recorded = {row.version for row in state.applied}
    taken = {file.version for file in matched}
    record = tuple(file for file in matched if file.version not in recorded)
    pending = tuple(file for file in files if file.version not in taken | recorded)
    _refuse_gap(pending, max(taken | recorded, default=-1), named)
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
    """
    file = next((file for file in files if file.version == version), None)
    if file is None or version not in {row.version for row in state.applied}:
        raise Misconfigured(
            f"Version {version} is not both in the ledger and in the folder.",
            unchanged=_NOTHING_DONE,
            next_step="See which are: invoke db.status",
        )
    return AdoptPlan(source=f"--accept {version}", record=(file,))


def plan_forget(state: LedgerState, version: int) -> AdoptPlan:
    """Return the plan that takes one row out of the ledger.

    Raises:
        Misconfigured: there is no such row.
    """
    rows = tuple(row for row in state.applied if row.version == version)
    if not rows:
        raise Misconfigured(
            f"Version {version} is not in the ledger.",
            unchanged=_NOTHING_DONE,
            next_step="See which are: invoke db.status",
        )
    return AdoptPlan(source=f"--forget {version}", forget=rows)


def _chosen(histories: Sequence[ForeignHistory], source: str) -> ForeignHistory:
    names = ", ".join(history.tool for history in histories)
    if source:
        wanted = [one for one in histories if one.tool.lower() == source.lower()]
        if not wanted:
            raise Misconfigured(
                f"There is no history of '{source}' in the database.",
                unchanged=_NOTHING_DONE,
                next_step=f"Found: {names or 'none'}. Or say it yourself: --up-to VERSION",
            )
    else:
        wanted = list(histories)
    if not wanted:
        raise Refused(
            "No history of another migration tool was found in the database.",
            unchanged=_NOTHING_DONE,
            next_step="Say how far it is: invoke db.adopt --up-to VERSION",
        )
    if len(wanted) > 1:
        raise Refused(
            f"Several tools have left a history: {names}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Say whose counts: invoke db.adopt --source '{wanted[0].tool}'",
        )
    if wanted[0].fault:
        raise Refused(
            f"The history of {wanted[0].tool} cannot be taken over: {wanted[0].fault}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Resolve that with {wanted[0].tool}, or say: invoke db.adopt --up-to N",
        )
    return wanted[0]


def _matched(files: Sequence[Migration], history: ForeignHistory) -> list[Migration]:
    found: list[Migration] = []
    strangers: list[str] = []
    for entry in history.entries:
        file = _file_of(entry, files)
        if file is None:
            strangers.append(entry.name)
        else:
            found.append(file)
    if strangers:
        raise Refused(
            f"{history.tool} has applied what is not in the folder: {', '.join(strangers)}.",
            unchanged=_NOTHING_DONE,
            next_step="Put these files into the migrations folder, under their numbers; or say "
            "how far the database is: invoke db.adopt --up-to VERSION",
        )
    if history.up_to is not None:
        return [file for file in files if file.version <= history.up_to]
    return sorted(found, key=lambda file: file.version)


def _file_of(entry: ForeignEntry, files: Sequence[Migration]) -> Migration | None:
    for file in files:
        if entry.version is None and entry.name in (file.name, file.label):
            return file
        if entry.version is not None and entry.version == file.version:
            return file
    return None


def _refuse_gap(pending: Sequence[Migration], newest: int, source: str) -> None:
    for file in pending:
        if file.version < newest and file.phase is Phase.EXPAND:
            raise Refused(
                f"{entry_of(file.path)} would be left behind: {source} does not know it, but knows "
                f"version {newest}.",
                unchanged=_NOTHING_DONE,
                next_step="If the database has it already, use --up-to; if not, give the file a "
                "number behind the last one.",
            )
