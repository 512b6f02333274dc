"""Tells whether a history was written for a project from before 30 October 2026.

Until that day whatever a project made in public was granted to the API's roles, unsaid. A history
counts on it when it lets an API role in by a policy, on a table that no statement grants to one.
A newer project may have forgotten a grant just so: therefore a table counts only when its file's
date is before that day or, in files without a date, when the whole history grants no table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.statement_kinds import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["counts_on_default_grants"]

_SINCE: Final = "20261030"
_DATED: Final = re.compile(r"(20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?:\d{6})?(?!\d)")
_CALLERS: Final = frozenset(("anon", "authenticated", "public"))
_GRANTED_BY: Final = frozenset(("anon", "authenticated", "public", "service_role"))
_TEXT: Final = re.compile(r"\A(?:'(.*)'|\$(\w*)\$(.*)\$\2\$)\Z", re.DOTALL)


@dataclass(slots=True)
class _Seen:
    """What the statements so far have said of tables in public."""

    made: dict[str, str] = field(default_factory=dict)
    """Table to the date of its file; empty when that has none."""
    open_by_policy: set[str] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)
    grants_all: bool = False


def counts_on_default_grants(files: Sequence[Path]) -> bool:
    """Return whether a history needs what an older project grants by itself.

    Args:
        files: its migrations, in order.
    """
    seen = _Seen()
    for path in files:
        dated = _DATED.match(path.name)
        file = path / "migration.sql" if path.is_dir() else path
        text = file.read_text(encoding="utf-8", errors="replace")
        for words in _statements(text):
            _look(words, dated[1] if dated else "", seen)
    if seen.grants_all:
        return False
    waiting = (seen.open_by_policy & seen.made.keys()) - seen.granted
    return any(
        seen.made[table] < _SINCE if seen.made[table] else not seen.granted for table in waiting
    )


def _statements(text: str) -> Iterator[list[str]]:
    """Yield the words of each statement, also of those in DO blocks; names lose their quotes."""
    words: list[str] = []
    for word in [*tokens_of(text), ";"]:
        if word != ";":
            words.append(word[1:-1] if word.startswith('"') else word)
            continue
        if words and words[0].lower() == "do":
            for body in filter(None, map(_TEXT.match, words)):
                yield from _statements(body[1] or body[3] or "")
        # In a block a statement follows on BEGIN, THEN or LOOP.
        verbs = ("create", "grant", "alter")
        at = next((i for i, one in enumerate(words) if one.lower() in verbs), len(words))
        yield words[at:]
        words = []


def _look(words: Sequence[str], date: str, seen: _Seen) -> None:
    low = [word.lower() for word in words]
    if low[:1] == ["create"] and "table" in low[1:4]:
        at = low.index("table") + (4 if low[low.index("table") + 1 :][:1] == ["if"] else 1)
        if (table := _in_public(low, at)) is not None:
            seen.made.setdefault(table, date)
    elif low[:2] == ["create", "policy"] and "on" in low:
        if (table := _in_public(low, low.index("on") + 1)) and _lets_in_callers(low):
            seen.open_by_policy.add(table)
    elif low[:1] == ["grant"] and "on" in low and _GRANTED_BY.intersection(_after_to(low)):
        what = low[low.index("on") + 1 : -len(_after_to(low)) - 1]
        seen.grants_all |= what[:2] == ["all", "tables"]
        names = what[1:] if what[:1] == ["table"] else what
        starts = [0, *(place + 1 for place, word in enumerate(names) if word == ",")]
        seen.granted |= {table for at in starts if (table := _in_public(names, at))}
    elif low[:3] == ["alter", "default", "privileges"] and "grant" in low:
        seen.grants_all |= "tables" in low and not _GRANTED_BY.isdisjoint(_after_to(low))


def _after_to(low: Sequence[str]) -> Sequence[str]:
    """Return what follows on the last TO."""
    return low[len(low) - low[::-1].index("to") :] if "to" in low else []


def _lets_in_callers(low: Sequence[str]) -> bool:
    """Return whether a policy is for callers of the API: without TO it is for everyone."""
    if "to" not in low:
        return True
    after = low[low.index("to") + 1 :]
    ends = next((i for i, word in enumerate(after) if word in {"using", "with"}), len(after))
    return bool(_CALLERS & {*after[:ends]})


def _in_public(low: Sequence[str], at: int) -> str | None:
    """Return the table that is named there, when it lies in public."""
    name = low[at : at + 3]
    if name[1:2] != ["."]:
        return name[0] if name else None
    return name[2] if name[0] == "public" and len(name) > 2 else None  # noqa: PLR2004 - schema, dot, name
