"""The filter language of Vercel's log queries, as far as the CLI's help describes it."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = Mapping[str, Any]
    Test = Callable[[Row], bool]

_TOKEN = re.compile(r'\s*(\(|\)|!=|>=|<=|>|<|:|"[^"]*"|[^\s()":!<>=]+)')


class BadFilter(Exception):  # noqa: N818 - it names what was received
    """A filter that cannot be read."""


def log_filter(text: str) -> Test:
    """Return the test that a filter describes; an empty one lets every row through.

    Known are `field:value`, `field:(a OR b)`, `field:*`, wildcards, `!=` and the comparisons,
    bare words (in the message, ignoring case), AND, OR, NOT and parentheses.

    Raises:
        BadFilter: it is of no such form.
    """
    tokens = _TOKEN.findall(text)
    if not tokens:
        return lambda _: True
    reader = _Reader(tokens)
    test = reader.either()
    if reader.left():
        raise BadFilter(text)
    return test


class _Reader:
    """Reads by descent: OR binds less than AND, which may be left out."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def left(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if not self.left():
            raise BadFilter("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def either(self) -> Test:
        tests = [self._all()]
        while self.left() == "OR":
            self._next()
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self.left() not in {"", ")", "OR"}:
            if self.left() == "AND":
                self._next()
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        word = self._next()
        if word == "NOT":
            test = self._one()
            return lambda row: not test(row)
        if word == "(":
            return self._inside(self.either)
        if self.left() in {":", "!=", ">=", "<=", ">", "<"}:
            return self._compared(word, self._next())
        wanted = word.strip('"').lower()
        return lambda row: wanted in str(row.get("message", "")).lower()

    def _inside(self, read: Callable[[], Test]) -> Test:
        test = read()
        if self._next() != ")":
            raise BadFilter("a parenthesis is not closed")
        return test

    def _compared(self, field: str, sign: str) -> Test:
        value = self._next()
        if value == "(" and sign == ":":
            return self._inside(lambda: self._values(field))
        return _comparison(field, sign, value.strip('"'))

    def _values(self, field: str) -> Test:
        tests = [_comparison(field, ":", self._next().strip('"'))]
        while self.left() == "OR":
            self._next()
            tests.append(_comparison(field, ":", self._next().strip('"')))
        return lambda row: any(test(row) for test in tests)


def _comparison(field: str, sign: str, value: str) -> Test:
    if sign == ":":
        if value == "*":
            return lambda row: row.get(field) is not None
        return lambda row: fnmatch.fnmatchcase(str(row.get(field, "")), value)
    if sign == "!=":
        return lambda row: str(row.get(field, "")) != value
    try:
        bound = float(value)
    except ValueError:
        raise BadFilter(value) from None
    holds: dict[str, Callable[[float], bool]] = {
        ">=": lambda found: found >= bound,
        "<=": lambda found: found <= bound,
        ">": lambda found: found > bound,
        "<": lambda found: found < bound,
    }
    return lambda row: field in row and holds[sign](float(row[field]))
