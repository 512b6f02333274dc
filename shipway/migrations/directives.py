"""The head directive of an SQL file: `-- shipway: key=value key=value` in its leading comments."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["duration_s", "read_directives", "refuse_unknown"]

_NOTHING_DONE = "Nothing was run and nothing was changed."
_HEAD = re.compile(r"\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/)", re.DOTALL)
_DIRECTIVE = re.compile(r"\s*--\s*shipway\s*:(.*)", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|h)?\Z")
_UNIT_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def read_directives(text: str, *, source: str) -> Mapping[str, str]:
    """Return what the file's head says about itself.

    Args:
        text: the file, or as much of its beginning as holds its leading comments.
        source: the file's name, for messages.

    Raises:
        Misconfigured: a word that is not `key=value`, or a key given twice.
    """
    found: dict[str, str] = {}
    at = line = 0
    while head := _HEAD.match(text, at):
        line = text.count("\n", 0, head.start() + len(head.group()) - len(head.group().lstrip()))
        if directive := _DIRECTIVE.match(head.group()):
            for key, value in _items(directive.group(1), source, line + 1):
                if key in found:
                    raise _bad(source, line + 1, f"'{key}' is said twice")
                found[key] = value
        at = head.end()
    return found


def refuse_unknown(directives: Mapping[str, str], known: Collection[str], *, source: str) -> None:
    """Refuse a directive whose key is not one of `known`, naming the nearest one.

    Raises:
        Misconfigured: there is such a key.
    """
    for key in directives:
        if key not in known:
            import difflib  # noqa: PLC0415 - on the way to an error only

            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise Misconfigured(
                f"{source}: '{key}' is not a directive.",
                unchanged=_NOTHING_DONE,
                next_step=f"{hint}Known here: {', '.join(sorted(known))}.",
            )


def duration_s(value: str, *, key: str, source: str) -> float:
    """Return seconds from `500ms`, `10s`, `30min`, `2h` or a plain number of them; 0 is no limit.

    Raises:
        Misconfigured: it is none of these.
    """
    match = _DURATION.match(value.strip().lower())
    if match is None:
        raise Misconfigured(
            f"{source}: {key}={value} is not a duration.",
            unchanged=_NOTHING_DONE,
            next_step="Write it as 500ms, 10s, 30min or 2h; 0 means no limit.",
        )
    return float(match.group(1)) * _UNIT_S[match.group(2) or "s"]


def _items(text: str, source: str, line: int) -> list[tuple[str, str]]:
    try:
        parts = shlex.split(text)
    except ValueError:
        raise _bad(source, line, "a quote does not end") from None
    items = []
    for part in parts:
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            raise _bad(source, line, f"'{part}' is not of the form key=value")
        items.append((key.lower(), value))
    return items


def _bad(source: str, line: int, problem: str) -> Misconfigured:
    return Misconfigured(
        f"{source}, line {line}: the directive cannot be read: {problem}.",
        unchanged=_NOTHING_DONE,
        next_step="Write it as: -- shipway: key=value key=value",
    )
