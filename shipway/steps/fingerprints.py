"""What makes two error lines the same error: the message without its particulars, route, status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from shipway.values import LogRow

__all__ = ["fingerprint"]

_LONGEST_CHARS = 160
_PARTICULARS = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<mail>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?:0x)?[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[a-z]{2,8}_[A-Za-z0-9]{8,}\b"), "<id>"),
    (re.compile(r"\"[^\"]{0,200}\"|'[^']{0,200}'|`[^`]{0,200}`"), "<text>"),
    (re.compile(r"\d+"), "<n>"),
    (re.compile(r"\s+"), " "),
)
_PARTICULAR_SEGMENT = re.compile(r"\d|[A-Za-z0-9_-]{20,}")


def fingerprint(row: LogRow) -> str:
    """Return what an error row has in common with others of its kind.

    `500 /orders/* TypeError: Cannot read properties of undefined (reading <text>)`
    """
    first_line = row.message.strip().split("\n", 1)[0]
    for pattern, name in _PARTICULARS:
        first_line = pattern.sub(name, first_line)
    status = str(row.status) if row.status else row.level
    return f"{status} {_route(row.path or '')} {first_line.strip()[:_LONGEST_CHARS]}".strip()


def _route(path: str) -> str:
    segments = urlsplit(path).path.split("/")
    return "/".join("*" if _PARTICULAR_SEGMENT.search(one) else one for one in segments)
