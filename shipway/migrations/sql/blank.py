"""What stands before a statement and is none: white space, comments, stray semicolons.

The rules are those of PostgreSQL's scan.l, on bytes: every character that matters is ASCII.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["BadScript", "after_comment", "first_statement", "psql_command", "skip_blank"]

_BLANK = re.compile(rb"[ \t\n\r\f\v]+|--[^\n\r]*")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_SEMICOLON, _BACKSLASH = b";\\"


class BadScript(ValueError):  # noqa: N818 - it says what the script is, to the module that names the file
    """The text cannot be cut into statements, or holds what no server would run.

    Attributes:
        offset: the byte at which the trouble begins.
        next_step: what to do about it.
    """

    def __init__(self, problem: str, *, offset: int, next_step: str) -> None:
        super().__init__(problem)
        self.offset = offset
        self.next_step = next_step


def first_statement(data: bytes | mmap, start: int = 0) -> int | None:
    """Return where the next statement begins; None when there is none any more.

    Raises:
        BadScript: a comment that does not end, or a command of psql.
    """
    at = skip_blank(data, start)
    while at < len(data):
        if data[at] == _SEMICOLON:
            at = skip_blank(data, at + 1)
        elif data[at] == _BACKSLASH:
            at = skip_blank(data, _after_psql_command(data, at))
        else:
            return at
    return None


def skip_blank(data: bytes | mmap, at: int) -> int:
    """Return the next place that is neither white space nor comment."""
    while True:
        if blank := _BLANK.match(data, at):
            at = blank.end()
        elif data[at : at + 2] == b"/*":
            at = after_comment(data, at)
        else:
            return at


def after_comment(data: bytes | mmap, opened: int) -> int:
    """Return the place after a block comment; they nest."""
    depth, at = 1, opened + 2
    while depth:
        edge = _COMMENT_EDGE.search(data, at)
        if edge is None:
            raise BadScript(
                "a comment begins with /* and does not end",
                offset=opened,
                next_step="Close it with */ (comments nest: each /* needs its own).",
            )
        depth += 1 if edge.group() == b"/*" else -1
        at = edge.end()
    return at


def psql_command(data: bytes | mmap, at: int) -> BadScript:
    """Return the refusal of what begins with a backslash there."""
    command = re.match(rb"\\\S*", data[at : at + 40])
    shown = command.group().decode("utf-8", "replace") if command else "\\"
    return BadScript(
        f"{shown} is a command of psql, not SQL",
        offset=at,
        next_step="Write plain SQL in its place: the server runs the file, psql does not.",
    )


def _after_psql_command(data: bytes | mmap, at: int) -> int:
    r"""Return the place after pg_dump's own \restrict lines; refuse every other command."""
    line_end = data.find(b"\n", at)
    end = len(data) if line_end < 0 else line_end
    if re.match(rb"\\(?:un)?restrict(?:\s|$)", data[at:end]):
        return end  # They guard psql against its own commands, and here are none.
    raise psql_command(data, at)
