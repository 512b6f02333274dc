"""Takes the values out of a query, so that it can be shown: its shape tells enough."""

from __future__ import annotations

import re

__all__ = ["holds_secrets", "without_literals"]

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


# Statements that put a password somewhere, or a setting whose name says that it is one.
_NAMED = "(?:secret|passw|token|key|conninfo|credential|dsn)"
_SECRETS = re.compile(
    rf"""(?:create|alter)\s+(?:user\s+mapping|server|subscription|foreign\s+data\s+wrapper)\b
    |(?:create|alter)\s+(?:role|user|group)\b.*\bpassword\b
    |(?:alter\s+(?:system|database|role|user)\b.*\bset|set)\s+[^=]*{_NAMED}
    |(?:select|perform)\b.*(?:vault\.\w+|set_config\s*\(\s*'[^']*{_NAMED})
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_SECRETS_STAND_WITHIN = 2_000


def holds_secrets(statement: str) -> bool:
    """Tell whether a statement sets a password or another secret, by what it begins with."""
    return _SECRETS.match(statement[:_SECRETS_STAND_WITHIN].lstrip()) is not None


def without_literals(query: str) -> str:
    """Return the query with every string and number as `?`, without its comments."""

    def shown(match: re.Match[str]) -> str:
        if match.group("text") is not None:
            return "?"
        return match.group() if match.group().startswith('"') else " "

    return _LITERAL.sub(shown, query)
