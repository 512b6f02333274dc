"""Rules of ignore files: .gitignore as git reads it, .vercelignore as the Vercel CLI reads it.

The CLI takes version 4 of Node's `ignore`, which differs from git: case does not count, `?` is a
character and not a byte, `[!a]` is one of two characters, a backslash escapes less, and `!folder/`
does not take a folder back. Who deploys without the CLI has to leave out the same files, or what
is to stay private is published. `***` and a `[` without an end, of which each of the two makes
something else, are read as git's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["IgnoreRules"]

_ESCAPED_FOR_VERCEL = frozenset(" \\^$.|*+(){")


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    folders_only: bool
    takes_back: bool


class IgnoreRules:
    """Which paths are ignored."""

    def __init__(self, rules: Iterable[_Rule | None], *, git: bool) -> None:
        self._rules = tuple(rule for rule in rules if rule is not None)
        self._git = git

    @classmethod
    def of_git(cls, text: str) -> Self:
        """Read a .gitignore. Rules: https://git-scm.com/docs/gitignore.

        A line that means nothing is passed over.
        """
        return cls((_rule(line, git=True) for line in _bytes_of(text).split("\n")), git=True)

    @classmethod
    def of_vercel(cls, text: str) -> Self:
        """Read a .vercelignore; a line that means nothing is passed over."""
        lines = (line.removeprefix("./") for line in text.split("\n"))
        return cls((_rule(line, git=False) for line in lines), git=False)

    def ignores(self, name: str) -> bool:
        """Tell whether the file `name` (slashes, relative) or a folder above it is ignored."""
        parts = (_bytes_of(name) if self._git else name).split("/")
        for depth in range(1, len(parts)):
            # What lies in an ignored folder cannot be taken back.
            above = "/".join(parts[:depth])
            if self._matches(above, folder=True):
                return True
            # The CLI asks without the slash before it enters a folder.
            if not self._git and self._matches(above, folder=False):
                return True
        return self._matches("/".join(parts), folder=False)

    def _matches(self, name: str, *, folder: bool) -> bool:
        for rule in reversed(self._rules):
            if (folder or not rule.folders_only) and rule.pattern.fullmatch(name):
                return not rule.takes_back
        return False


def _bytes_of(text: str) -> str:
    """Return one character for each byte of the UTF-8: git's `?` stands for a byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _rule(line: str, *, git: bool) -> _Rule | None:
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
    body = _translate(line, git=git)
    try:
        pattern = re.compile(
            body if anchored else f"(?:.*/)?{body}", re.DOTALL | (0 if git else re.IGNORECASE)
        )
    except re.error:
        return None
    return _Rule(pattern, folders_only, takes_back)


def _translate(glob: str, *, git: bool) -> str:
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
        elif rest[0] == "[" and (found := _character_class(rest, git=git)) is not None:
            out.append(found[0])
            at += found[1]
        elif _is_escape(rest, first=at == 0, git=git):
            out.append(re.escape(rest[1]))
            at += 2
        else:
            out.append(re.escape(rest[0]))
            at += 1
    return "".join(out)


def _is_escape(rest: str, *, first: bool, git: bool) -> bool:
    """Tell whether a backslash that stands here makes the next character an ordinary one."""
    if rest[0] != "\\" or len(rest) == 1:
        return False
    return git or rest[1] in _ESCAPED_FOR_VERCEL or (first and rest[1] in "!#")


def _character_class(rest: str, *, git: bool) -> tuple[str, int] | None:
    """Return the regular expression of a leading `[…]` and its length; None when it has no end."""
    negated = git and rest[1:2] in {"!", "^"}
    end = rest.find("]", 3 if negated else 2)
    if end < 0:
        return None
    inner = rest[1:end].removeprefix(rest[1] if negated else "")
    inner = inner.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"(?!/)[{'^' if negated else ''}{inner}]", end + 1
