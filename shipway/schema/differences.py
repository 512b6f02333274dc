"""What differs between the schema that was expected and the one that was found, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shipway.schema.view_text import alike, same_fact
from shipway.values.inspection import DEFAULT_PRIVILEGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shipway.values.inspection import Snapshot, Thing

__all__ = ["Difference", "HowItDiffers", "differences", "part", "unlike_facts"]

# Their parent says what is granted on, their name to whom.
_GRANTS = ("grant", DEFAULT_PRIVILEGE)
# What a column, a constraint or a trigger belongs to.
_OWNERS = ("table", "view", "materialized view", "foreign table")
_NOTHING = "nothing"
_WHAT_IT_IS = ("type", "definition", "values", "privileges", "returns", "for")


class HowItDiffers(StrEnum):
    """In which of three ways."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that is not as it was expected."""

    how: HowItDiffers
    key: tuple[str, str, str]
    """Kind, parent and name of the thing."""
    kind: str
    """table, column, policy, …"""
    name: str
    """`public.users.email`; of a grant: what was granted."""
    said: str
    """As a person says it."""
    wider: bool = False
    """Of a default privilege: objects to come are granted more than was expected."""


def differences(expected: Snapshot, found: Snapshot) -> tuple[Difference, ...]:
    """Return what differs, in the order of kinds and names.

    Parts of a table that is missing or unexpected as a whole are not told one by one. An
    extension that nobody expected is the platform's business and is left out.
    """
    parted = part(expected, found)
    told = [
        _of(thing, HowItDiffers.MISSING, _missing(thing), wider=_holds(thing) == _NOTHING)
        for thing in parted.first_only
    ]
    told += [
        _of(thing, HowItDiffers.UNEXPECTED, _surplus(thing), wider=_more("", thing))
        for thing in parted.second_only
        if thing.kind != "extension"
    ]
    for one, other in parted.unlike:
        told += [
            _of(
                one,
                HowItDiffers.CHANGED,
                _tell(one, name, wanted, there),
                wider=_more(wanted, other),
            )
            for name, wanted, there in unlike_facts(one, other)
            if not same_fact(one, other, name, expected.server_version, found.server_version)
        ]
    return tuple(sorted(told, key=lambda one: (one.name, one.kind, one.said)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Two snapshots held against each other.

    Parts of a table or schema that only one of them has are left out beside the whole.
    """

    first_only: tuple[Thing, ...]
    second_only: tuple[Thing, ...]
    unlike: tuple[tuple[Thing, Thing], ...]
    """Things that both have, with other facts."""


def part(first: Snapshot, second: Snapshot) -> Parted:
    """Return what only one of two snapshots has, and what both have differently."""
    one = {thing.key: thing for thing in first.things}
    other = {thing.key: thing for thing in second.things}
    versions = (first.server_version, second.server_version)
    gone, new = list(_alone(one, other)), list(_alone(other, one))
    lonely = {
        thing.full_name
        for thing in (*gone, *new)
        if thing.kind in _OWNERS or thing.kind == "schema"
    }
    return Parted(
        first_only=tuple(thing for thing in gone if not _within(thing, lonely)),
        second_only=tuple(thing for thing in new if not _within(thing, lonely)),
        unlike=tuple(
            (thing, other[key])
            for key, thing in one.items()
            if key in other and not alike(thing, other[key], *versions)
        ),
    )


def unlike_facts(one: Thing, other: Thing) -> Iterator[tuple[str, str, str]]:
    """Yield name, first and second value of each fact that differs; empty for none."""
    for name in dict.fromkeys([*dict(one.facts), *dict(other.facts)]):
        if one.fact(name) != other.fact(name):
            yield name, one.fact(name), other.fact(name)


def _alone(
    one: Mapping[tuple[str, str, str], Thing], other: Mapping[tuple[str, str, str], Thing]
) -> Iterator[Thing]:
    return (thing for key, thing in one.items() if key not in other)


def _within(thing: Thing, lonely: set[str]) -> bool:
    """Return whether the thing goes with a whole table or schema that differs anyway."""
    if thing.kind == DEFAULT_PRIVILEGE:
        return thing.fact("in schema") in lonely
    # The parent of a grant reads `table public.users` or `column public.users.email`.
    owner = thing.parent.partition(" ")[2] if thing.kind == "grant" else thing.parent
    return any(owner == whole or owner.startswith(f"{whole}.") for whole in lonely)


def _of(thing: Thing, how: HowItDiffers, said: str, *, wider: bool) -> Difference:
    wider = wider and thing.kind == DEFAULT_PRIVILEGE
    name = _name(thing)
    return Difference(how=how, key=thing.key, kind=thing.kind, name=name, said=said, wider=wider)


def _name(thing: Thing) -> str:
    return thing.parent if thing.kind in _GRANTS else thing.full_name


def _more(wanted: str, there: Thing) -> bool:
    """Return whether somebody is granted what was not expected."""
    return bool({*_holds(there).split(", ")} - {_NOTHING, *wanted.split(", ")})


def _holds(thing: Thing) -> str:
    return thing.fact("privileges")


def _missing(thing: Thing) -> str:
    if _holds(thing) == _NOTHING:
        return f"{thing.parent}: everyone may use them, which a migration has taken away"
    if thing.kind in _GRANTS:
        return f"{thing.parent}: {thing.name} lacks {thing.fact('privileges')}"
    return f"{thing.full_name}: the {thing.kind} is missing{_in_brackets(thing)}"


def _surplus(thing: Thing) -> str:
    if _holds(thing) == _NOTHING:
        return f"{thing.parent}: not everyone may use them, which no migration takes away"
    if thing.kind in _GRANTS:
        privileges = thing.fact("privileges")
        return f"{thing.parent}: {thing.name} holds {privileges}, which no migration grants"
    return f"{thing.full_name}: no migration makes this {thing.kind}{_in_brackets(thing)}"


def _in_brackets(thing: Thing) -> str:
    facts = [_short(thing.fact(name)) for name in _WHAT_IT_IS if thing.fact(name)]
    return f" ({facts[0]})" if facts else ""


def _tell(thing: Thing, fact: str, wanted: str, there: str) -> str:
    if thing.kind in _GRANTS:
        return f"{thing.parent}: {thing.name} holds {there}, expected {wanted}"
    if fact == "body":
        return f"{thing.full_name}: the {thing.kind} does something else than the migration's"
    if fact == "valid":
        return f"{thing.full_name}: the index is {'invalid' if there else 'valid'}"
    what = "" if fact in {"type", "definition"} else f"{fact} "
    return (
        f"{thing.full_name}: {what}{_short(there) or 'none'}, expected {_short(wanted) or 'none'}"
    )


def _short(text: str) -> str:
    """Return a definition on one line."""
    return " ".join(text.split())
