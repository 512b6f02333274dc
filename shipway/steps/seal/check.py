"""Holds production against the seal: the schema that was rehearsed on, and the one it led to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.errors import Refused, VerificationFailed
from shipway.formats.decoding import IllFormed
from shipway.formats.signed_file import read_paper
from shipway.schema.differences import differences
from shipway.schema.fingerprint import fingerprint
from shipway.schema.recorded import same
from shipway.steps.backup.store import RESULT, SCHEMA, SEAL, list_backups
from shipway.steps.seal.store import same_files
from shipway.values.inspection import Snapshot
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shipway.values.backup import Backup
    from shipway.values.basics import Say, Secret
    from shipway.values.migrations import AppliedMigration, MigrationPlan

__all__ = [
    "Looker",
    "refuse_another_base",
    "refuse_another_result",
    "schema_of",
    "sealed_schema",
]

_SHOWN = 20


class Looker(Protocol):
    """Looks at the target's schema."""

    def snapshot(self) -> Snapshot:
        """Return the project's whole schema as it is at one moment."""


def sealed_schema(
    folder: Path,
    applied: Sequence[AppliedMigration],
    *,
    target: str,
    project_ref: str | None,
    key: Secret | None = None,
) -> Snapshot | None:
    """Return the schema that the target has if nothing but rehearsed files changed it.

    Args:
        folder: the folder of backups.
        applied: the ledger; a seal counts whose files are its newest ones.
        target: its name.
        project_ref: the project that the backup must be of.
        key: when given, the seal must be signed with it.
    """
    rows = [(one.label, one.sha256) for one in sorted(applied, key=lambda one: one.version)]
    for backup in list_backups(folder, key=key).backups:
        try:
            seal = read_paper(backup.directory / SEAL, "seal", Seal, key=key)
            files = [(one.label, one.sha256) for one in seal.migrations]
            of_target = (seal.target, seal.project_ref) == (target, project_ref)
            if files and seal.comparable and of_target and rows[-len(files) :] == files:
                return read_paper(backup.directory / RESULT, "schema", Snapshot, key=key)
        except IllFormed:
            continue
    return None


def schema_of(backup: Backup) -> Snapshot | None:
    """Return the schema that the backup was taken of; None when it cannot be read."""
    try:
        return read_paper(backup.directory / SCHEMA, "schema", Snapshot)
    except IllFormed:
        return None


def refuse_another_base(
    seal: Seal, plan: MigrationPlan, *, looker: Looker, folder: Path, say: Say
) -> None:
    """Return when the target still has the schema that was rehearsed on; else say what changed.

    Args:
        seal: of the rehearsal.
        plan: what is about to run.
        looker: looks at the target, whose lock is held.
        folder: the folder of backups.
        say: told that it is the same.

    Raises:
        Refused: it drifted, or the files are others than those that were rehearsed.
    """
    if not same_files(seal, plan):
        raise Refused(
            "The pending files are not those that were rehearsed.",
            unchanged="Nothing was run; the database is as it was.",
            next_step="Rehearse these: invoke db.rehearse",
        )
    found = looker.snapshot()
    if fingerprint(found) == seal.base_fingerprint:
        say.note("the target is as it was when it was rehearsed on")
        return
    raise Refused(
        "The target changed after the rehearsal:\n"
        + _tell(folder / seal.backup_id / SCHEMA, found, "now"),
        unchanged="No migration was run; the database is as it was found.",
        next_step="See who changed it. Then back up and rehearse again: invoke release does both.",
    )


def refuse_another_result(seal: Seal, *, looker: Looker, folder: Path, say: Say) -> None:
    """Return when the migrated target is what the copy became; else say what differs.

    Raises:
        VerificationFailed: it became something else.
    """
    if not seal.comparable:
        say.note("the copy was not quite the target's schema: the result is not compared with it")
        return
    found = looker.snapshot()
    if fingerprint(found) == seal.result_fingerprint or _same(folder / seal.backup_id, found):
        say.note("the target has become what the rehearsal led to")
        return
    raise VerificationFailed(
        "The migrated target is not what the rehearsal led to:\n"
        + _tell(folder / seal.backup_id / RESULT, found, "on the target"),
        unchanged="The migrations are applied; nothing was deployed.",
        next_step="Find out what the copy could not show: roles, extensions, or another session "
        "that changed the schema meanwhile. Then: invoke db.verify",
    )


def _same(directory: Path, found: Snapshot) -> bool:
    """Tell whether it is the rehearsal's result as a server of another version prints it."""
    try:
        return same(read_paper(directory / RESULT, "schema", Snapshot), found)
    except IllFormed:
        return False


def _tell(path: Path, found: Snapshot, where: str) -> str:
    try:
        expected = read_paper(path, "schema", Snapshot)
    except IllFormed as why:
        return f"- what differs cannot be told: {path.name} {why}"
    told = [
        f"- {one.kind} {one.name}: {one.how} {where}"
        + ("" if one.how != "changed" else f" ({one.said})")
        for one in differences(expected, found)
    ]
    more = [f"- and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    return "\n".join(told[:_SHOWN] + more)
