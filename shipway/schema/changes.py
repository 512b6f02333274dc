"""What a release changed: in the schema, and in who may do what; for its report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from shipway.schema.differences import part, unlike_facts
from shipway.values.checks import AccessChange, Change, SchemaChange
from shipway.values.inspection import DEFAULT_PRIVILEGE, Reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.values.inspection import Access, Snapshot, Thing

__all__ = ["access_changes", "schema_changes"]

_LONGEST_CHARS: Final = 400
_TOLD_BY: Final = ("type", "definition", "values", "privileges", "returns", "for")
_COUNTED: Final = (
    *("table", "view", "function", "type", "sequence"),
    *("column", "constraint", "index", "policy", "trigger"),
)
_PLURALS: Final = {"index": "indexes", "policy": "policies"}


def schema_changes(before: Snapshot, after: Snapshot) -> tuple[SchemaChange, ...]:
    """Return what became of the schema, in the order of names.

    A table that is new or gone is one change, with a count of its parts.
    """
    parted = part(before, after)
    told = [
        _change(Change.REMOVED, thing, "", _describe(thing, before), "")
        for thing in parted.first_only
    ]
    told += [
        _change(Change.ADDED, thing, "", "", _describe(thing, after))
        for thing in parted.second_only
    ]
    for one, other in parted.unlike:
        told += [
            _change(Change.CHANGED, one, fact, was, now)
            for fact, was, now in unlike_facts(one, other)
        ]
    return tuple(sorted(told, key=lambda one: (one.name, one.kind, one.fact)))


def _change(change: Change, thing: Thing, fact: str, before: str, after: str) -> SchemaChange:
    grant = thing.kind in {"grant", DEFAULT_PRIVILEGE}
    return SchemaChange(
        change=change,
        kind=thing.kind,
        name=f"{thing.parent} to {thing.name}" if grant else thing.full_name,
        fact=fact,
        before=_short(before),
        after=_short(after),
    )


def _describe(thing: Thing, where: Snapshot) -> str:
    for name in _TOLD_BY:
        if thing.fact(name):
            return thing.fact(name)
    parts = Counter(one.kind for one in where.things if one.parent == thing.full_name)
    counted = [
        f"{parts[kind]} {kind if parts[kind] == 1 else _PLURALS.get(kind, kind + 's')}"
        for kind in _COUNTED
        if parts[kind]
    ]
    if thing.fact("row level security"):
        counted.append(f"row level security {thing.fact('row level security')}")
    return ", ".join(counted)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_CHARS else line[:_LONGEST_CHARS] + "…"


def access_changes(
    before: Sequence[Access] | None,
    after: Sequence[Access] | None,
    *,
    schema_before: Snapshot | None = None,
) -> tuple[AccessChange, ...] | None:
    """Return the rights that are not as they were; None when that cannot be told.

    Args:
        before: as they were before; None when that is not known.
        after: as they are now; None when nobody looked.
        schema_before: without `before`: nobody had a right to what was not there, so that at
            least the rights to new objects can be told.
    """
    if after is None:
        return None
    if before is None:
        if schema_before is None:
            return None
        there = {thing.full_name for thing in schema_before.things}
        before, after = (), [one for one in after if one.name not in there]
    return tuple(_access_changes(before, after))


def _access_changes(before: Sequence[Access], after: Sequence[Access]) -> Iterator[AccessChange]:
    was, now = _by_right(before), _by_right(after)
    for key in sorted({*was, *now}):
        one, other = was.get(key), now.get(key)
        said, says = _reach(one), _reach(other)
        if said == says:
            continue
        name, role, command = key
        yield AccessChange(
            object=name,
            role=role,
            command=command,
            before=said,
            after=says,
            wider=_width(other) > _width(one),
        )


def _by_right(matrix: Sequence[Access]) -> dict[tuple[str, str, str], Access]:
    return {(one.name, one.role, one.command): one for one in matrix}


def _width(access: Access | None) -> tuple[int, int]:
    """Return how far a right goes: all columns are more than some of them."""
    if access is None or access.reach is Reach.NOTHING:
        return (Reach.NOTHING.width, 0)
    columns = access.columns.count(",") + 1 if access.columns else _LONGEST_CHARS
    return (access.reach.width, columns)


def _reach(access: Access | None) -> str:
    if access is None or access.reach is Reach.NOTHING:
        return Reach.NOTHING.value
    return f"{access.reach} ({access.columns})" if access.columns else access.reach.value
