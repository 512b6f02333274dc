"""What makes two error lines the same error: the message without its particulars, route, status."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.values.logs import LogRow

__all__ = ["database_fingerprint", "fingerprint", "without_particulars"]

_LONGEST_CHARS = 160
_READ_CHARS = 2_000
"""Of a message or a path: it is cut first, so that a line costs the same whatever it is made of."""
_ROUTE_CHARS = 1_000
_READ_SEGMENTS = 20
_ABOUT_NAMES = "42"
_PARTICULARS = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+"), "<mail>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://\S+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?:0x)?[0-9a-f]{8,}+\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[a-z]{2,8}_[A-Za-z0-9]{8,}+\b"), "<id>"),
    (re.compile(r"\"[^\"]{0,200}\"|'[^']{0,200}'|`[^`]{0,200}`"), "<text>"),
    (re.compile(r"\d+"), "<n>"),
    (re.compile(r"\s+"), " "),
)
# Where a text was cut, it may end within what would have been one of them.
_CUT_WITHIN = re.compile(r"(?:[\"'`][^\"'`]{0,200}|\s\S*)\Z")
_BEFORE_PATH = re.compile(r"(?:[a-z][a-z0-9+.-]{0,30}:)?//[^/?#]*+", re.IGNORECASE)
_PARTICULAR_SEGMENT = re.compile(r"\d|[A-Za-z0-9_-]{20,}")


def fingerprint(row: LogRow) -> str:
    """Return what an error row has in common with others of its kind.

    `500 /orders/* TypeError: Cannot read properties of undefined (reading <text>)`
    """
    status = str(row.status) if row.status else row.level
    message = _general(row.message, _PARTICULARS)
    return f"{status} {_route(row.path or '')} {message}".strip()


def without_particulars(row: LogRow) -> LogRow:
    """Return a row whose message and path hold what makes its kind, and nothing of a record.

    What an app logs can be anything: addresses, names, whole rows.
    """
    message = _general(row.message, _particulars_of(row) if row.code else _PARTICULARS)
    return replace(row, message=message, path=_route(row.path) if row.path else row.path)


def database_fingerprint(row: LogRow) -> str:
    """Return what an error of the database has in common with others of its kind.

    `database 42P01 relation "orders" does not exist`: in messages about names, which are class 42
    (PostgreSQL, Appendix A), quotes hold the names of tables and columns; elsewhere they hold data.
    """
    place = _route(row.path) if row.path else ""
    code = row.code or (str(row.status) if row.status else row.level)
    message = _general(row.message, _particulars_of(row))
    return " ".join(part for part in ("database", code, place, message) if part)


def _particulars_of(row: LogRow) -> list[tuple[re.Pattern[str], str]]:
    names = row.code.startswith(_ABOUT_NAMES)
    return [one for one in _PARTICULARS if not names or one[1] not in {"<text>", "<n>"}]


def _general(message: str, patterns: Iterable[tuple[re.Pattern[str], str]]) -> str:
    begun = message[: 2 * _READ_CHARS].lstrip()
    line = begun.split("\n", 1)[0]
    first = line[:_READ_CHARS]
    if len(first) < len(line):
        first = _CUT_WITHIN.sub("", first)
    for pattern, name in patterns:
        first = pattern.sub(name, first)
    return first.strip()[:_LONGEST_CHARS]


def _route(path: str) -> str:
    """Return a path without query, its particular segments as `*`."""
    # A visitor chooses it: it need not be one that a parser of addresses takes.
    read = path[:_ROUTE_CHARS]
    before = _BEFORE_PATH.match(read)
    named = re.split(r"[?#]", read[before.end() if before else 0 :], maxsplit=1)[0]
    segments = named.split("/")[:_READ_SEGMENTS]
    return "/".join("*" if _PARTICULAR_SEGMENT.search(one) else one for one in segments)
