"""Takes the values out of a query, so that it can be shown: its shape tells enough."""

from __future__ import annotations

import re

__all__ = ["without_literals"]

_LITERAL = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)
    |"(?:[^"]|"")*"                                   # a name: kept
    |(?P<text>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
    |(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z)        # cut off queries end inside a string
    |\$\$.*?(?:\$\$|\Z)
    |\$(?P<tag>[^\W\d]\w*)\$.*?(?:\$(?P=tag)\$|\Z)
    |(?<![\w$.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)""",
    re.VERBOSE | re.DOTALL,
)


def without_literals(query: str) -> str:
    """Return the query with every string and number as `?`, without its comments."""

    def shown(match: re.Match[str]) -> str:
        if match.group("text") is not None:
            return "?"
        return match.group() if match.group().startswith('"') else " "

    return _LITERAL.sub(shown, query)
