"""Definitions as servers print them, held against each other. Pure.

Versions differ in how they print the query of a view, and one server prints a list of texts over a
varchar column otherwise once its own words were read back, as a restore does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shipway.values.inspection import Thing

__all__ = ["alike", "same_fact"]

_WRITES_VIEWS_AS_NOW: Final = 160_000
"""Since this version a server leaves out needless table names where it writes a view's query."""
_VIEWS: Final = ("view", "materialized view")
_NAME: Final = r'(?:"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$]*)'
_TEXT: Final = r"'(?:[^']|'')*'"
# What leads to a table or to a type keeps its schema, and so does a function's name.
_QUALIFIED: Final = re.compile(
    rf"(?P<kept>{_TEXT}|(?:\b(?:FROM|JOIN|ONLY)\s+\(*|::){_NAME}(?:\.{_NAME})*|{_NAME}(?:\.{_NAME})+\()"
    rf"|(?:{_NAME}\.)+(?P<column>{_NAME})"
)


# `(ARRAY['a'::character varying, …])::text[]`: what a server makes of `s in ('a', …)`.
_CAST_LIST: Final = re.compile(
    rf"\(ARRAY\[(?P<items>(?:{_TEXT}|[^\[\]'])*)\]\)::(?P<type>[a-z ]+)\[\]"
)
_ITEM: Final = re.compile(rf"(?:{_TEXT}|[^,'])+")


def alike(one: Thing, other: Thing, version: int, other_version: int) -> bool:
    """Tell whether two things say the same, as the servers of these versions print them."""
    if one.facts == other.facts:
        return True
    names = {*dict(one.facts), *dict(other.facts)}
    return all(same_fact(one, other, name, version, other_version) for name in names)


def same_fact(one: Thing, other: Thing, name: str, version: int, other_version: int) -> bool:
    """Tell whether one fact of two things is the same, as their servers print it."""
    first, second = one.fact(name), other.fact(name)
    if first == second or _read_back(first) == _read_back(second):
        return True
    comparable = name == "definition" and one.kind in _VIEWS
    return comparable and _print_otherwise(version, other_version) and _bare(first) == _bare(second)


def _print_otherwise(version: int, other_version: int) -> bool:
    older, newer = sorted((version, other_version))
    return older < _WRITES_VIEWS_AS_NOW <= newer


def _bare(query: str) -> str:
    """Return a view's query without the table names before its columns."""
    return _QUALIFIED.sub(lambda found: found["kept"] or found["column"], query)


def _read_back(definition: str) -> str:
    """Return a definition as the server prints it that was told it once."""
    return _CAST_LIST.sub(_cast_each, definition)


def _cast_each(found: re.Match[str]) -> str:
    items = [f"({item.strip()})::{found['type']}" for item in _ITEM.findall(found["items"])]
    return f"ARRAY[{', '.join(items)}]"
