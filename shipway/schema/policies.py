"""Policies by what they do, not by what they are called or how they are spelt. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shipway.values.inspection import Snapshot, Thing

__all__ = ["does_the_same", "equal_in", "successor_in"]

_FACTS: Final = ("for", "to", "using", "check", "restrictive")
# The way that Supabase advises: asked once for all rows, and the same answer.
_ASKED_ONCE: Final = re.compile(
    r"\( SELECT ((?:auth\.\w+|current_setting)\([^()]*\))(?: AS \w+)?\)"
)
_EQUATION: Final = re.compile(r"\(([\w.\"]+(?:\(\))?) = ([\w.\"]+(?:\(\))?)\)")


def does_the_same(one: Thing, other: Thing) -> bool:
    """Tell whether two policies of a table let the same people do the same with the same rows."""
    return all(_meaning(one.fact(name)) == _meaning(other.fact(name)) for name in _FACTS)


def equal_in(after: Snapshot, policy: Thing, *, before: Snapshot) -> Thing | None:
    """Return the policy that does after the files what one of before did, under another name."""
    return next((one for one in _new(after, policy, before) if does_the_same(one, policy)), None)


def successor_in(after: Snapshot, policy: Thing, *, before: Snapshot) -> Thing | None:
    """Return the new policy for the same commands, and some of the roles, of one that is gone."""
    roles = {*policy.fact("to").split(", ")}
    return next(
        (
            one
            for one in _new(after, policy, before)
            if one.fact("for") == policy.fact("for")
            and one.fact("restrictive") == policy.fact("restrictive")
            and roles & {*one.fact("to").split(", ")}
        ),
        None,
    )


def _new(after: Snapshot, policy: Thing, before: Snapshot) -> list[Thing]:
    known = {one.key for one in before.things if one.kind == "policy"}
    return [
        one
        for one in after.things
        if one.kind == "policy" and one.parent == policy.parent and one.key not in known
    ]


def _meaning(expression: str) -> str:
    """Return an expression in one spelling of those that mean the same."""
    bare = _ASKED_ONCE.sub(r"\1", " ".join(expression.split()))
    return _EQUATION.sub(lambda found: " = ".join(sorted(found.groups())), bare)
