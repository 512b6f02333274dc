"""Parts of Postgres' messages that quote rows: told apart, so that no record keeps them.

Errors about data are the classes 22 (a value that does not fit) and 23 (a constraint that does not
hold; PostgreSQL, Appendix A). Of class 23 the detail quotes the key or the row, of both the context
can; of class 22 the message quotes the value.
"""

from __future__ import annotations

import re

__all__ = ["apart", "without_details"]

_ABOUT_VALUES = "22"
_ABOUT_ROWS = "23"
# What quotes hold, also in the languages that servers speak; an apostrophe inside a word is none.
_QUOTED = re.compile(r"\".*\"|«.*»|».*«|„.*“|“.*”|(?<!\w)'.*'(?!\w)", re.DOTALL)
_DETAILS = re.compile(r"^(?:DETAIL|CONTEXT|COPY [^\n]*, line \d+).*$", re.MULTILINE)


def apart(
    sqlstate: str, *, message: str, detail: str, context: str
) -> tuple[str, str, str, tuple[str, ...]]:
    """Return message, detail and context without what they quote of rows, and what that was."""
    about_values = sqlstate.startswith(_ABOUT_VALUES)
    if not about_values and not sqlstate.startswith(_ABOUT_ROWS):
        return message, detail, context, ()
    rows = [f"Detail: {detail}"] if detail else []
    rows += [f"Context: {context}"] if context else []
    bare = _QUOTED.sub('"…"', message) if about_values else message
    if bare != message:
        rows.insert(0, message)
    return bare, "", "", tuple(rows)


def without_details(said: str) -> str:
    """Return what a program of Postgres said, without the lines that can quote rows."""
    return _DETAILS.sub("", said)
