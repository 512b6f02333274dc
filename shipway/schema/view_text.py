"""Queries of views as servers of several versions print them, held against each other. Pure."""

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


def alike(one: Thing, other: Thing, version: int, other_version: int) -> bool:
    """Tell whether two things say the same, as the servers of these versions print them."""
    if one.facts == other.facts:
        return True
    if one.kind not in _VIEWS or not _print_otherwise(version, other_version):
        return False
    names = {*dict(one.facts), *dict(other.facts)}
    return all(same_fact(one, other, name, version, other_version) for name in names)


def same_fact(one: Thing, other: Thing, name: str, version: int, other_version: int) -> bool:
    """Tell whether one fact of two things is the same, as their servers print it."""
    first, second = one.fact(name), other.fact(name)
    if first == second:
        return True
    comparable = name == "definition" and one.kind in _VIEWS
    return comparable and _print_otherwise(version, other_version) and _bare(first) == _bare(second)


def _print_otherwise(version: int, other_version: int) -> bool:
    older, newer = sorted((version, other_version))
    return older < _WRITES_VIEWS_AS_NOW <= newer


def _bare(query: str) -> str:
    """Return a view's query without the table names before its columns."""
    return _QUALIFIED.sub(lambda found: found["kept"] or found["column"], query)
