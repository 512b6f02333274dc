"""The schema that the applied files make of an empty database, held against what was found.

What an object is granted when it is made is no statement of any file: it comes of the default
privileges of that moment. Where the ledger has recorded them, the files are run under those. Where
it has not, an object is as expected when all its grants together are what it gets under one of the
states that the defaults may have been in: a grant by hand fits none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.schema.default_privileges import assumptions
from shipway.schema.differences import differences
from shipway.schema.recorded import changed_keys
from shipway.values.inspection import DEFAULT_PRIVILEGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.schema.differences import Difference
    from shipway.steps.verify.powers import Blueprint, Database
    from shipway.values.inspection import Snapshot
    from shipway.values.migrations import Migration

__all__ = ["Deviation", "deviation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """How a schema differs from the one that its files make."""

    objects: tuple[Difference, ...]
    defaults: tuple[Difference, ...]
    """Of the default privileges: what was changed outside of the files after they ran."""
    unlike: frozenset[tuple[str, str, str]]
    """Kind, parent and name of all that is not as the files make it, parts of wholes too."""


def deviation(
    files: Sequence[Migration], found: Snapshot, *, database: Database, blueprint: Blueprint
) -> Deviation:
    """Return how what was found differs from what the files make.

    Args:
        files: those that were applied, in order.
        found: the database's schema.
        database: tells which default privileges its ledger has recorded.
        blueprint: runs the files.

    Raises:
        Stopped: they could not be run on the embedded server.
    """
    recorded, session = database.recorded_defaults(), database.session_defaults()
    tried: list[tuple[Snapshot, tuple[Difference, ...]]] = []
    for defaults in assumptions(files, recorded, found.default_privileges):
        built = blueprint.build(
            files,
            server_version=found.server_version,
            defaults=defaults,
            session=session,
            extensions=[one.name for one in found.things if one.kind == "extension"],
        )
        tried.append((built, differences(built, found)))
        if not any(one.kind == "grant" for one in _unexplained_differences(tried, found)):
            break
    told = _unexplained_differences(tried, found)
    nearest, differing = _nearest(tried)
    explained = {one.key for one in differing} - {one.key for one in told}
    return Deviation(
        objects=tuple(one for one in told if one.kind != DEFAULT_PRIVILEGE),
        defaults=tuple(one for one in told if one.kind == DEFAULT_PRIVILEGE),
        unlike=changed_keys(nearest, found) - explained,
    )


def _nearest(
    tried: Sequence[tuple[Snapshot, tuple[Difference, ...]]],
) -> tuple[Snapshot, tuple[Difference, ...]]:
    return min(tried, key=lambda one: len(one[1]))


def _unexplained_differences(
    tried: Sequence[tuple[Snapshot, tuple[Difference, ...]]], found: Snapshot
) -> list[Difference]:
    """Return what the nearest attempt leaves open, without grants that another explains."""
    _, nearest = _nearest(tried)
    there = _grants(found)
    made = [_grants(built) for built, _ in tried]
    return [
        one
        for one in nearest
        if one.kind != "grant"
        or all(grants.get(one.name, {}) != there.get(one.name, {}) for grants in made)
    ]


def _grants(schema: Snapshot) -> dict[str, dict[str, str]]:
    """Return what each object's roles hold."""
    found: dict[str, dict[str, str]] = {}
    for one in schema.things:
        if one.kind == "grant":
            found.setdefault(one.parent, {})[one.name] = one.fact("privileges")
    return found
