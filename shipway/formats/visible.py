"""Makes visible what in a text steers a terminal or changes how the text around it is shown.

Log lines, build logs, answers of APIs, messages of the database and names are written by others.
A control character in them moves the cursor or clears the screen, a bidirectional one turns the
order of what stands around it, an invisible one lets two names look alike (CWE-150).
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["no_command", "visible"]

# Unicode's categories Cc but for tab and line end, Cf, Zl, Zp, surrogates, and fillers that show
# nothing. A joiner between two pictures makes one of them, and is nothing else there.
_STEERS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff"
    "\uffa0\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
    "|\u200d(?![\u2600-\u27bf\U0001f000-\U0001faff])"
)
_COMMAND: Final = re.compile(r"^([^\S\n]*):(?=:)|#(?=#\[)", re.MULTILINE)


def visible(text: str) -> str:
    r"""Return a text in which nothing steers: `\x1b` stands for an escape character.

    Tabs and line ends stay; a carriage return before a line end is a part of it.
    """
    return _STEERS.sub(_escape, text.replace("\r\n", "\n"))


def no_command(text: str) -> str:
    """Return a log's text in which GitHub Actions finds no command: `::error::` or `##[group]`."""
    return _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code <= 0xFF:  # noqa: PLR2004 - what two digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four of them
