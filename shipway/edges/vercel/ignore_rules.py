"""The rules of a .vercelignore or .gitignore file, as git understands them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["IgnoreRules"]


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    folders_only: bool
    takes_back: bool


class IgnoreRules:
    """Which paths are ignored. Rules: https://git-scm.com/docs/gitignore."""

    def __init__(self, rules: Iterable[_Rule]) -> None:
        self._rules = tuple(rules)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the lines of such a file; a line that means nothing is passed over."""
        lines = _bytewise(text).split("\n")
        return cls(rule for line in lines if (rule := _rule(line)) is not None)

    def ignores(self, name: str) -> bool:
        """Tell whether the file `name` (slashes, relative) or a folder above it is ignored."""
        parts = _bytewise(name).split("/")
        for depth in range(1, len(parts)):
            # What lies in an ignored folder cannot be taken back.
            if self._matches("/".join(parts[:depth]), folder=True):
                return True
        return self._matches("/".join(parts), folder=False)

    def _matches(self, name: str, *, folder: bool) -> bool:
        for rule in reversed(self._rules):
            if (folder or not rule.folders_only) and rule.pattern.fullmatch(name):
                return not rule.takes_back
        return False


def _bytewise(text: str) -> str:
    """Return one character for each byte of the UTF-8: git's `?` stands for a byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _rule(line: str) -> _Rule | None:
    line = line.rstrip("\r\n")
    # Spaces at the end count only behind a backslash.
    line = re.sub(r"(?<!\\) +$", "", line)
    if not line or line.startswith("#"):
        return None
    takes_back = line.startswith("!")
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.rstrip("/") if folders_only else line
    anchored = "/" in line
    line = line.removeprefix("/")
    if not line:
        return None
    body = _translated(line)
    try:
        pattern = re.compile(body if anchored else f"(?:.*/)?{body}", re.DOTALL)
    except re.error:
        return None
    return _Rule(pattern, folders_only, takes_back)


def _translated(glob: str) -> str:
    """Return the regular expression of a glob in which `*` stays within one folder."""
    out, at = [], 0
    while at < len(glob):
        rest = glob[at:]
        if rest.startswith("**/") and (at == 0 or glob[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif rest == "**" and (at == 0 or glob[at - 1] == "/"):
            out.append(".*")
            at += 2
        elif rest[0] == "*":
            out.append("[^/]*")
            at += 1
        elif rest[0] == "?":
            out.append("[^/]")
            at += 1
        elif rest[0] == "[" and (found := _character_class(rest)) is not None:
            out.append(found[0])
            at += found[1]
        elif rest[0] == "\\" and len(rest) > 1:
            out.append(re.escape(rest[1]))
            at += 2
        else:
            out.append(re.escape(rest[0]))
            at += 1
    return "".join(out)


def _character_class(rest: str) -> tuple[str, int] | None:
    """Return the regular expression of a leading `[…]` and its length; None when it has no end."""
    end = rest.find("]", 3 if rest[1:2] in {"!", "^"} else 2)
    if end < 0:
        return None
    inner = rest[1:end]
    negated = inner[0] in "!^"
    inner = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[")
    return f"(?!/)[{'^' if negated else ''}{inner}]", end + 1
