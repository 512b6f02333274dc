"""Where strings and names end: the lexical rules of PostgreSQL's scan.l."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.blank import BadScript, after_comment

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["IDENT", "WORD", "after_quote"]

IDENT: Final = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*"
WORD = re.compile(IDENT)

_ESCAPED_END = re.compile(rb"[^'\\]*(?:\\[\s\S][^'\\]*|''[^'\\]*)*'")
# A string goes on, in its own mode, after white space that holds a line break.
_CONTINUED = re.compile(rb"[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]+|--[^\n\r]*[\n\r])*'")
_IDENT_RUN = re.compile(rb"[A-Za-z0-9_$\x80-\xff]")
_NUMBER = re.compile(rb"\$?[0-9]+(?:\.[0-9]*)?")
_SLASH, _DOLLAR_SIGN, _QUOTE = b"/$'"


def after_quote(data: bytes | mmap, place: int, at: int, *, standard_strings: bool) -> int:
    """Return the place after a quoted thing that the fast path did not take whole."""
    first = data[place]
    if first == _SLASH:
        return after_comment(data, place)
    if first == _DOLLAR_SIGN:
        return _after_dollar(data, place, at)
    if first == _QUOTE:
        if at - place > 1:  # two quotes: an empty string, complete
            return at
        escapes = not standard_strings or _is_escape_string(data, place)
        return _after_string(data, place, escapes=escapes)
    if at - place > 1:
        return at
    raise BadScript(
        'a quoted name begins with " and does not end',
        offset=place,
        next_step='Close it with ".',
    )


def _is_escape_string(data: bytes | mmap, quote: int) -> bool:
    """Tell whether an E stands before the quote, as a word of its own."""
    if data[quote - 1 : quote] not in (b"e", b"E"):
        return False
    return quote < 2 or not _IDENT_RUN.match(data, quote - 2)  # noqa: PLR2004 - the place before E


def _after_string(data: bytes | mmap, opened: int, *, escapes: bool) -> int:
    at = opened + 1
    while True:
        if escapes:
            closed = _ESCAPED_END.match(data, at)
            end = closed.end() if closed else -1
        else:
            end = data.find(b"'", at) + 1 or -1
        if end < 0:
            raise BadScript(
                "a string begins with ' and does not end",
                offset=opened,
                next_step="Close it with ' (a quote inside it is written '').",
            )
        going_on = _CONTINUED.match(data, end) if escapes else None
        if going_on is None:
            return end
        at = going_on.end()


def _after_dollar(data: bytes | mmap, place: int, at: int) -> int:
    """Return the place after a dollar-quoted string, or after the name that only holds dollars."""
    begin = place
    while begin and _IDENT_RUN.match(data, begin - 1):
        begin -= 1
    while begin < place:
        part = WORD.match(data, begin) or _NUMBER.match(data, begin)
        if part is None:
            break
        if part.end() > place:
            return part.end()
        begin = part.end()
    tag = data[place:at]
    end = data.find(tag, at)
    if end < 0:
        raise BadScript(
            f"a string begins with {tag.decode('utf-8', 'replace')} and does not end",
            offset=place,
            next_step="Close it with the same tag.",
        )
    return end + len(tag)
