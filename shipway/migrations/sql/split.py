"""A lexer that cuts an SQL file into its statements where Postgres itself would cut it.

It works on bytes, so that a large file is neither decoded nor copied: every character that
matters to SQL's lexical rules is ASCII. The rules are those of PostgreSQL's scan.l and, for
semicolons inside parentheses and BEGIN ATOMIC bodies, those of psql.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.blank import BadScript, first_statement, psql_command, skip_blank
from shipway.migrations.sql.quotes import IDENT, WORD, after_quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

__all__ = ["Piece", "pieces", "words"]

_DOLLAR: Final = rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$"
_PLAIN: Final = rb"--[^\n\r]*|/\*|(?<![eE])'[^']*'|\"[^\"]*\"|['\"]|" + _DOLLAR + rb"|[;()\\]"

_COPY_END = re.compile(rb"^\\\.\r?$", re.MULTILINE)
_SWITCH = re.compile(
    rb"standard_conforming_strings\s*'?\s*(?:=|,|\bto\b)\s*'?\s*(on|off|true|false|yes|no|1|0)\b",
    re.IGNORECASE,
)
_HEAD_WORDS: Final = 5
_SEMICOLON, _OPEN, _CLOSE, _DASH, _BACKSLASH, _DOLLAR_SIGN = b";()-\\$"
_LONGEST_OPENING: Final = 2  # ' or /* or the two quotes of an empty string


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One statement: `data[start:end]`, from its first word to before its semicolon."""

    start: int
    end: int
    copy_start: int = 0
    copy_end: int = 0
    """The inline data of `COPY … FROM stdin`; both 0 when there is none."""


def pieces(data: bytes | mmap, *, start: int = 0, standard_strings: bool = True) -> Iterator[Piece]:
    """Yield the statements of a file in order; comments and empty statements are left out.

    Args:
        data: UTF-8, or any encoding in which bytes below 0x80 are ASCII.
        start: where to begin: behind a byte order mark.
        standard_strings: the session's `standard_conforming_strings`; a statement of the file
            that switches it counts from the next one on.

    Raises:
        BadScript: a quote, a comment or a dollar quote that does not end, or a command of psql.
    """
    at = first_statement(data, start)
    while at is not None:
        end = _statement_end(data, at, standard_strings=standard_strings)
        piece = Piece(start=at, end=end)
        at = end + 1
        if _takes_inline_data(data, piece):
            piece = _with_inline_data(data, piece)
            at = piece.copy_end + 2
        yield piece
        if (switch := _SWITCH.search(data, piece.start, min(piece.end, piece.start + 200))) and (
            words(data, piece.start, piece.end, 1)[:1] in (["set"], ["select"])
        ):
            standard_strings = switch.group(1).lower() in {b"on", b"true", b"yes", b"1"}
        at = first_statement(data, min(at, len(data)))


def words(data: bytes | mmap, start: int, end: int, count: int) -> list[str]:
    """Return up to `count` leading words of a statement in lower case, comments left out.

    Reading stops at the first thing that is no plain word.
    """
    found: list[str] = []
    at = start
    while len(found) < count:
        at = skip_blank(data, at)
        word = WORD.match(data, at, end) if at < end else None
        if word is None:
            break
        found.append(word.group().decode("utf-8", "replace").lower())
        at = word.end()
    return found


def _statement_end(  # noqa: C901 - one branch for each character that matters
    data: bytes | mmap, start: int, *, standard_strings: bool
) -> int:
    """Return the place of the semicolon that ends the statement, or the end of the file."""
    routine = _is_routine(data, start)
    token = _token(words_too=routine, standard_strings=standard_strings)
    parens = blocks = 0
    at = start
    before = b""
    while found := token.search(data, at):
        first, place = data[found.start()], found.start()
        at = found.end()
        if first == _SEMICOLON:
            if not parens and not blocks:
                return place
        elif first == _OPEN:
            parens += 1
        elif first == _CLOSE:
            parens = max(0, parens - 1)
        elif first == _DASH:
            continue
        elif first == _BACKSLASH:
            raise psql_command(data, place)
        elif routine and WORD.fullmatch(data, place, at):
            if not parens:
                blocks += _block_step(data, place, at, before, blocks)
            before = data[place:at].lower()
            continue
        elif at - place <= _LONGEST_OPENING or first == _DOLLAR_SIGN:
            at = after_quote(data, place, at, standard_strings=standard_strings)
        before = b""
    return len(data)


@cache
def _token(*, words_too: bool, standard_strings: bool) -> re.Pattern[bytes]:
    """Return what finds the next character that matters.

    Args:
        words_too: words matter as well, as in a routine: BEGIN ATOMIC … END.
        standard_strings: else a backslash escapes inside plain strings too, and each string is
            looked at closely.
    """
    plain = _PLAIN if standard_strings else _PLAIN.replace(rb"(?<![eE])'[^']*'|", b"")
    return re.compile(plain + rb"|" + IDENT if words_too else plain)


def _block_step(data: bytes | mmap, place: int, at: int, before: bytes, blocks: int) -> int:
    """Return +1 where BEGIN ATOMIC or, inside it, CASE opens a block, -1 where END closes one."""
    word = data[place:at].lower()
    if word not in (b"begin", b"case", b"end"):
        return 0
    if before == b"as" or data[place - 1 : place] == b".":  # a column's label or a field
        return 0
    if word == b"begin":
        return 1 if words(data, at, len(data), 1) == ["atomic"] else 0
    if not blocks:
        return 0
    return 1 if word == b"case" else -1


def _is_routine(data: bytes | mmap, start: int) -> bool:
    if data[start : start + 1] not in (b"c", b"C"):
        return False
    head = words(data, start, len(data), _HEAD_WORDS)
    return head[:1] == ["create"] and bool({"function", "procedure"} & set(head[1:4]))


def _takes_inline_data(data: bytes | mmap, piece: Piece) -> bool:
    if words(data, piece.start, piece.end, 1) != ["copy"]:
        return False
    text = data[piece.start : piece.end]
    return re.search(rb"\bfrom\s+stdin\b", _without_quotes(text), re.IGNORECASE) is not None


def _without_quotes(text: bytes) -> bytes:
    return re.sub(rb"--[^\n\r]*|'[^']*'|\"[^\"]*\"", b" ", text)


def _with_inline_data(data: bytes | mmap, piece: Piece) -> Piece:
    """Take the lines after `COPY … FROM stdin;` up to the line that ends them, as psql does."""
    line_end = data.find(b"\n", piece.end)
    begin = len(data) if line_end < 0 else line_end + 1
    end = _COPY_END.search(data, begin)
    if end is None:
        raise BadScript(
            "the data of COPY … FROM stdin do not end",
            offset=piece.start,
            next_step=r"End them with a line that holds only \.",
        )
    if data[piece.end + 1 : begin].strip():
        raise BadScript(
            "something stands between COPY … FROM stdin; and its data",
            offset=piece.end + 1,
            next_step="Begin the data on the line after the semicolon.",
        )
    return Piece(start=piece.start, end=piece.end, copy_start=begin, copy_end=end.start())
