"""The order of a folder, for the ledger's rows too, and which files they have become. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shipway.values.backup import Manifest
    from shipway.values.migrations import AppliedMigration, Migration

__all__ = [
    "applied_since",
    "in_order",
    "is_other_file",
    "moved_files",
    "number_of",
    "stands_before",
    "up_to",
]


def in_order(
    rows: Iterable[AppliedMigration], files: Sequence[Migration]
) -> list[AppliedMigration]:
    """Return rows of the ledger in the order of the folder; their files may be gone."""
    by_name = any(file.by_name for file in files)
    return sorted(rows, key=lambda row: (0 if by_name else row.version, row.label))


def applied_since(manifest: Manifest, rows: Iterable[AppliedMigration]) -> set[int]:
    """Return the versions that came into the ledger after a backup.

    A higher number than all that it knew is a later one. Where a folder is in the order of its
    names a lower one may be too: the server's clock tells, which both times are by.
    """
    seen = manifest.snapshot_at
    return {
        row.version
        for row in rows
        if row.version > manifest.ledger_version or (seen and row.applied_at > seen)
    }


def is_other_file(row: AppliedMigration, file: Migration) -> bool:
    """Return whether neither name nor text speak for the file being what was applied."""
    return file.sha256 != row.sha256 and file.name != _name_of(row)


def moved_files(
    rows: Sequence[AppliedMigration], files: Sequence[Migration]
) -> dict[int, Migration]:
    """Return, by the versions of rows, the files of other versions that have the rows' texts.

    A file with the text of its own row has not moved, nor has one stand for two rows. An empty
    text says nothing of who moved, unless the row's own number is free or the name is the same.
    """
    of = {row.version: row.sha256 for row in rows}
    versions = {file.version for file in files}
    unexplained = [file for file in files if of.get(file.version) != file.sha256]
    here = {file.version for file in files if of.get(file.version) == file.sha256}
    found: dict[int, Migration] = {}
    for row in rows:
        twins = [
            file
            for file in unexplained
            if row.version not in here
            and file.sha256 == row.sha256
            and (not file.blank or row.version not in versions or _name_of(row) == file.name)
        ]
        if twins:
            twin = max(twins, key=lambda file: _name_of(row) == file.name)
            unexplained.remove(twin)
            found[row.version] = twin
    return found


def number_of(row: AppliedMigration) -> int:
    """Return the digits of a row's label as a number: its version, unless it shares them."""
    return int(row.label.partition("_")[0])


def stands_before(file: Migration, row: AppliedMigration) -> bool:
    """Return whether a file stands before a row of the ledger in the folder's order."""
    return file.place < (0 if file.by_name else row.version, row.label)


def up_to(version: int, files: Sequence[Migration]) -> list[Migration] | None:
    """Return the files up to a version, as a person or another tool knows it: by its digits.

    Args:
        version: of a file; of several with the same digits the last is meant.
        files: the folder, in order.

    Returns:
        None when there is no such file.
    """
    places = [at for at, file in enumerate(files) if version in {file.version, int(file.digits)}]
    return list(files[: places[-1] + 1]) if places else None


def _name_of(row: AppliedMigration) -> str:
    return row.label.partition("_")[2]
