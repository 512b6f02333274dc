"""What was there before and is not after: by what it is, not by what it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from shipway.values.inspection import DEFAULT_PRIVILEGE, Thing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shipway.values.inspection import Identities, Snapshot

__all__ = [
    "FUNCTIONS",
    "MEMBER",
    "NAMED",
    "RELATIONS",
    "Pictured",
    "Vanished",
    "places",
    "vanished_objects",
]

RELATIONS: Final = ("table", "view", "materialized view", "foreign table", "sequence")
FUNCTIONS: Final = ("function", "procedure", "aggregate")
MEMBER: Final = "member of a publication"
NAMED: Final = (*RELATIONS, *FUNCTIONS, "column")
"""Kinds that people and rights speak of by name."""
_PARTS: Final = ("column", "constraint", "index", "trigger", MEMBER)
"""What goes with its table and is not told beside it."""
_ELSEWHERE: Final = ("policy", "grant", DEFAULT_PRIVILEGE)
"""Policies are held against each other by `findings`, grants below."""
_BY_SHAPE: Final = ("constraint", "index", "trigger")
"""Of these another one with the same definition is as good, whatever its name."""
_FILLS: Final = ("default", "identity", "generated")
_INDEX_HEAD: Final = re.compile(r"CREATE (UNIQUE )?INDEX .*? USING ", re.DOTALL)
_TRIGGER_HEAD: Final = re.compile(
    r"CREATE .*?TRIGGER .*? (?=BEFORE |AFTER |INSTEAD OF )", re.DOTALL
)


class Pictured(Protocol):
    """A database at one moment."""

    @property
    def schema(self) -> Snapshot:
        """Every part of it."""

    @property
    def identities(self) -> Identities:
        """What each part is, whatever it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """Something that is not there any more."""

    thing: Thing
    """As it was."""
    part: str = ""
    """What of it is gone, where it stands itself: `default`, `partition of`, `privileges`."""
    was: str = ""
    """The part as it was."""


def places(before: Identities, after: Identities) -> Mapping[str, str]:
    """Return where relations, columns and functions of before are: full name to full name.

    What has been renamed, or moved to another schema, is found by its identity. What is gone has
    no place, unless another one of its name stands there.
    """
    found: dict[str, str] = {}
    for kind in NAMED:
        now = after.get(kind, {})
        by_number = {number: name for name, number in now.items()}
        for name, number in before.get(kind, {}).items():
            # People ask by name: another one that has taken it is what they meet.
            place = name if name in now else by_number.get(number)
            if place is not None:
                found[name] = place
    return found


def vanished_objects(before: Pictured, after: Pictured) -> Iterator[Vanished]:
    """Yield what is gone, and what is gone of that which is still there.

    A rename takes nothing away; nor does making something anew under its name, as far as it has
    what the old one had.
    """
    look = _Look(before, after)
    for thing in (*before.schema.things, *_members(before.identities)):
        if thing.kind == "grant":
            yield from look.privileges(thing)
        elif thing.kind not in _ELSEWHERE:
            yield from look.of(thing)


class _Look:
    def __init__(self, before: Pictured, after: Pictured) -> None:
        self._was, self._now = before.identities, after.identities
        self._places = places(self._was, self._now)
        self._names = {
            kind: {number: name for name, number in numbers.items()}
            for kind, numbers in self._now.items()
        }
        self._things = {
            (one.kind, one.full_name): one
            for one in (*after.schema.things, *_members(self._now))
            if one.kind != "grant"
        }
        self._shapes = {
            (one.kind, one.parent, _shape(one))
            for one in after.schema.things
            if one.kind in _BY_SHAPE
        }
        self._grants = {
            (one.parent, one.name): set(one.fact("privileges").split(", "))
            for one in after.schema.things
            if one.kind == "grant"
        }

    def of(self, thing: Thing) -> Iterator[Vanished]:
        """Yield it when it is gone, or what of it is."""
        parent = thing.parent
        if thing.kind in _PARTS:
            # A trigger may stand on a table of the platform, which has no identity here.
            of_ours = any(parent in self._was.get(kind, {}) for kind in RELATIONS)
            parent = self._places.get(parent, "") if of_ours else parent
            if not parent:
                return
        now = self._itself(thing) or self._named_so(thing, parent)
        alike = (thing.kind, parent, _shape(thing)) in self._shapes
        if now is None:
            if not alike:
                yield Vanished(thing=thing)
        elif thing.kind in _BY_SHAPE:
            # Another one that has taken its name may say something else.
            if not (alike or self._itself(thing)):
                was = thing.fact("definition")
                yield Vanished(thing=thing, part="definition", was=was)
        else:
            yield from _less(thing, now)

    def _itself(self, thing: Thing) -> Thing | None:
        number = self._was.get(thing.kind, {}).get(thing.full_name, "")
        name = self._names.get(thing.kind, {}).get(number, "")
        return self._things.get((thing.kind, name))

    def _named_so(self, thing: Thing, parent: str) -> Thing | None:
        name = f"{parent}.{thing.name}" if parent else thing.name
        return self._things.get((thing.kind, name))

    def privileges(self, grant: Thing) -> Iterator[Vanished]:
        """Yield what somebody may no longer do with an object that is still there."""
        kind, _, name = grant.parent.partition(" ")
        place = self._place_of(kind, name)
        if place is None:
            return
        left: set[str] = set()
        wholes = [place] if kind != "column" else [place, place.rpartition(".")[0]]
        for whole in wholes:
            of_kind = "table" if whole is not place else kind
            for who in (grant.name, "public"):
                left |= self._grants.get((f"{of_kind} {whole}", who), set())
        gone = sorted(set(grant.fact("privileges").split(", ")) - left)
        if gone:
            parent = f"{kind} {place}"
            yield Vanished(
                thing=grant._replace(parent=parent), part="privileges", was=", ".join(gone)
            )

    def _place_of(self, kind: str, name: str) -> str | None:
        """Return what an object is called now; None when it is gone."""
        if kind == "column":
            table, _, column = name.rpartition(".")
            was = Thing("column", table, column, ())
            now = self._itself(was) or self._named_so(was, self._places.get(table, ""))
            return now.full_name if now else None
        if kind in {"schema", "type"}:
            number = self._was.get(kind, {}).get(name, "")
            by_number = self._names.get(kind, {}).get(number)
            return name if name in self._now.get(kind, {}) else by_number
        return self._places.get(name)


def _less(was: Thing, now: Thing) -> Iterator[Vanished]:
    if was.kind == "column":
        filled = next((name for name in _FILLS if was.fact(name)), "")
        if filled and not any(now.fact(name) for name in _FILLS):
            yield Vanished(thing=was, part=filled, was=was.fact(filled))
    if was.fact("partition of") and not now.fact("partition of"):
        yield Vanished(thing=was, part="partition of", was=was.fact("partition of"))


def _members(identities: Identities) -> Iterator[Thing]:
    for name in identities.get(MEMBER, {}):
        table, _, publication = name.rpartition(".")
        yield Thing(MEMBER, table, publication, ())


def _shape(thing: Thing) -> str:
    """Return its definition without its own name."""
    definition = thing.fact("definition")
    if thing.kind == "index":
        unique = definition.startswith("CREATE UNIQUE")
        definition = f"{unique} " + _INDEX_HEAD.sub("", definition, count=1)
    elif thing.kind == "trigger":
        definition = _TRIGGER_HEAD.sub("", definition, count=1)
    rest = [f"{name} {value}" for name, value in thing.facts if name != "definition"]
    return " ".join([definition, *rest])
