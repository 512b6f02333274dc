"""The order of a folder, for the rows of the ledger too: by number, or by name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shipway.values.backup import Manifest
    from shipway.values.migrations import AppliedMigration, Migration

__all__ = ["applied_since", "in_order", "number_of", "up_to"]


def in_order(
    rows: Iterable[AppliedMigration], files: Sequence[Migration]
) -> list[AppliedMigration]:
    """Return rows of the ledger in the order of the folder; their files may be gone."""
    by_name = any(file.by_name for file in files)
    return sorted(rows, key=lambda row: (0 if by_name else row.version, row.label))


def applied_since(manifest: Manifest, rows: Iterable[AppliedMigration]) -> set[int]:
    """Return the versions that came into the ledger after a backup.

    A higher number than all that it knew is a later one. Where a folder is in the order of its
    names a lower one may be too: its time tells, by the server's clock, the backup's by ours.
    """
    return {
        row.version
        for row in rows
        if row.version > manifest.ledger_version or row.applied_at > manifest.taken_at
    }


def number_of(row: AppliedMigration) -> int:
    """Return the digits of a row's label as a number: its version, unless it shares them."""
    return int(row.label.partition("_")[0])


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
