"""What the recorded schema of a target becomes when something is run there. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from shipway.schema.view_text import alike
from shipway.values.inspection import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.values.inspection import Thing
    from shipway.values.migrations import AppliedMigration

__all__ = ["carry_forward", "changed_keys", "ledger_digest", "same"]

_Key = tuple[str, str, str]


def ledger_digest(applied: Iterable[AppliedMigration]) -> str:
    """Return a digest of which files a ledger holds as applied."""
    rows = sorted((one.version, one.label, one.sha256) for one in applied)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def carry_forward(recorded: Snapshot, before: Snapshot, after: Snapshot) -> Snapshot:
    """Return what the schema should be after a run: what it should have been, and what the run did.

    What was otherwise than recorded before the run, and was not touched by it, stays as recorded:
    so what was changed by hand is not forgotten over the next migration.

    Args:
        recorded: what it should have been.
        before: what it was just before the run.
        after: what it is just after it.
    """
    should, result = _by_key(recorded), _by_key(after)
    for key in _unlike(recorded, before) - changed_keys(before, after):
        if key in should:
            result[key] = should[key]
        else:
            result.pop(key, None)
    return Snapshot(server_version=after.server_version, things=tuple(sorted(result.values())))


def same(one: Snapshot, other: Snapshot) -> bool:
    """Tell whether two schemas are the same, whichever servers have printed them."""
    return not _unlike(one, other)


def changed_keys(before: Snapshot, after: Snapshot) -> frozenset[_Key]:
    """Return kind, parent and name of what is there in one only, or is not the same in both."""
    return frozenset(_unlike(before, after))


def _unlike(first: Snapshot, second: Snapshot) -> set[_Key]:
    one, other = _by_key(first), _by_key(second)
    same = {
        key
        for key in one.keys() & other.keys()
        if alike(one[key], other[key], first.server_version, second.server_version)
    }
    return (one.keys() | other.keys()) - same


def _by_key(schema: Snapshot) -> dict[_Key, Thing]:
    return {one.key: one for one in schema.things}
