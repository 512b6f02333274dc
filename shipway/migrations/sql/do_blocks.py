"""Finds the SQL statements inside a DO block: linters see one opaque string there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Inner", "inner_statements", "open_do_blocks"]

_DO: Final = re.compile(rb"do\b[^$']*(?P<tag>\$\w*\$)", re.IGNORECASE)
# What PL/pgSQL puts before a statement: BEGIN, IF … THEN, FOR … LOOP, WHEN … THEN, ELSE.
_BEFORE: Final = re.compile(
    rb"(?:\s|--[^\n]*\n|/\*.*?\*/|<<\w+>>|begin\b|else\b|loop\b|exception\b"
    rb"|(?:if|elsif|elseif|when)\b.*?\bthen\b|(?:for|foreach|while)\b.*?\bloop\b)+",
    re.IGNORECASE | re.DOTALL,
)
_SQL: Final = re.compile(
    rb"(?:alter|create|drop|grant|revoke|truncate|update|delete|insert|comment|reindex|cluster"
    rb"|refresh|lock)\b",
    re.IGNORECASE,
)
_EXECUTE: Final = re.compile(
    rb"execute\s+(?:(?:pg_catalog\.)?format\s*\(\s*)?(?P<text>'(?:[^']|'')*')?", re.IGNORECASE
)
_NOT_LINE_BREAK: Final = re.compile(rb"[^\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A statement within a DO block."""

    text: bytes
    start: int
    """The byte of the block's own text at which it begins."""
    lines_before: int
    """Line breaks of the block's own text before it."""
    built_as_text: bool
    """It is the argument of EXECUTE, as far as that is a plain string."""


def inner_statements(block: bytes) -> Iterator[Inner]:
    """Yield the SQL statements of a DO block; none for any other statement."""
    opened = _DO.match(block)
    end = block.rfind(opened["tag"]) if opened else -1
    if opened is None or end < opened.end():
        return
    body = block[opened.end() : end]
    try:
        found = [(one.start, one.end) for one in pieces(body)]
    except BadScript:
        return
    for start, stop in found:
        before = _BEFORE.match(body, start, stop)
        at = before.end() if before else start
        text = _statement(body[at:stop])
        if text is not None:
            place = opened.end() + at
            yield Inner(
                text=text,
                start=place,
                lines_before=block.count(b"\n", 0, place),
                built_as_text=not body.startswith(text, at),
            )


def _statement(text: bytes) -> bytes | None:
    """Return the statement, or the one that EXECUTE is given; None where there is no SQL."""
    if _SQL.match(text):
        return text
    built = _EXECUTE.match(text)
    if built is None:
        return None
    return (built["text"] or b"")[1:-1].replace(b"''", b"'") or text


def open_do_blocks(data: bytes) -> bytes:
    """Return a file in which the statements of DO blocks stand free, each on its own line still.

    What is no SQL by itself becomes blanks: the block around them, inline data of COPY, and
    commands of psql.
    """
    out = bytearray(_blanks(data))
    at = 0
    for piece in pieces(data):
        # What stands between statements are comments, which may speak to a linter.
        between = data[at : piece.start]
        out[at : piece.start] = _blanks(between) if b"\\" in between else between
        text = data[piece.start : piece.end]
        if _DO.match(text):
            for inner in inner_statements(text):
                if not inner.built_as_text:
                    start = piece.start + inner.start
                    out[start : start + len(inner.text) + 1] = inner.text + b";"
        elif not piece.copy_end:
            out[piece.start : piece.end + 1] = data[piece.start : piece.end + 1]
        at = max(piece.end + 1, piece.copy_end)
    return bytes(out)


def _blanks(text: bytes) -> bytes:
    return _NOT_LINE_BREAK.sub(b" ", text)
