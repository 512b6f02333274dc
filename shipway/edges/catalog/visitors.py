"""Which policies open no row to a visitor, told by the expression that Postgres prints. Pure.

A visitor's token names nobody: what asks it for a person gets null, a comparison with null is not
true, and a row that is not surely let through is not let through. Whatever is not known here for
certain counts as open.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["closed_to_visitors"]

_NOBODY: Final = {"auth.uid()", "auth.email()"}
# Not those that the key of visitors has as well: role, iss, ref, iat and exp.
_OF_A_PERSON: Final = re.compile(
    r"'(?:sub|email|phone|app_metadata|user_metadata|session_id|aal)'::text\Z"
)
_OTHER_ROLES: Final = re.compile(r"'(?:authenticated|service_role)'::text\Z")
_ASKED_ONCE: Final = re.compile(r"SELECT (.*?)(?: AS [\w\"?]+)?\Z")
# No call, as count() is, that gives a row where there is none; and the condition comes last.
_ROWS_WHERE: Final = re.compile(
    r"(?!.*\b(?:UNION|INTERSECT|EXCEPT)\b)(?:EXISTS|.+ IN) \( ?SELECT [\w.\", ]+ WHERE (\(.*\))\)\Z"
)


def closed_to_visitors(expression: str) -> bool:
    """Tell whether a policy's expression is true of no row for who has not signed in."""
    bare = _unwrapped(" ".join(expression.split()))
    if len(either := [*_split(bare, " OR ")]) > 1:
        return all(map(closed_to_visitors, either))
    if len(both := [*_split(bare, " AND ")]) > 1:
        return any(map(closed_to_visitors, both))
    if bare.endswith(" IS NOT NULL"):
        return _is_null(bare.removesuffix(" IS NOT NULL"))
    if (rows := _ROWS_WHERE.match(bare)) and _unwrapped(rows[1]) != rows[1]:
        return closed_to_visitors(rows[1])
    sides = [*_split(bare, " = ")]
    roles = {_asked(one) for one in sides}
    return len(sides) == len(("left", "right")) and (
        any(map(_is_null, sides))
        or ("auth.role()" in roles and any(map(_OTHER_ROLES.match, sides)))
    )


def _is_null(term: str) -> bool:
    """Tell whether a term is null when nobody has signed in."""
    bare = _asked(term)
    for arrow in (" ->> ", " -> "):
        if len(parts := [*_split(bare, arrow)]) > 1:
            of_token = _asked(parts[0]) == "auth.jwt()" and _OF_A_PERSON.match(parts[1])
            return bool(of_token) or _is_null(parts[0])
    value = next(_split(bare, "::"))
    return bare in _NOBODY or (value != bare and _is_null(value))


def _asked(term: str) -> str:
    """Return a term without its brackets, and without the SELECT that asks once for all rows."""
    bare = _unwrapped(term)
    once = _ASKED_ONCE.match(bare)
    return _unwrapped(once[1]) if once else bare


def _unwrapped(text: str) -> str:
    """Return a text without the brackets that hold all of it."""
    bare = text.strip()
    while bare.startswith("(") and all(
        depth > 0 for place, depth in _depths(bare) if place < len(bare) - 1
    ):
        bare = bare[1:-1].strip()
    return bare


def _split(text: str, by: str) -> Iterator[str]:
    """Yield the parts between separators that stand in no brackets and no quotes."""
    start = 0
    for place, depth in _depths(text):
        if depth == 0 and place >= start and text.startswith(by, place):
            yield text[start:place]
            start = place + len(by)
    yield text[start:]


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Yield each place outside of quotes with how many brackets are open after it."""
    depth, quote = 0, ""
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
            continue
        if char in "'\"":
            quote = char
        depth += (char == "(") - (char == ")")
        yield place, depth
