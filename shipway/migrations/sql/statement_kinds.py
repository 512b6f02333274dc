"""What a statement is, as far as it decides how it may be run: read from its words alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["Kind", "Label", "kind_of", "may_be_special", "tokens_of"]


class Label(Enum):
    """How a statement stands to transactions."""

    PLAIN = auto()
    SETTING = auto()
    """Changes the session: to be said again when a file is resumed in a new one."""
    BEGIN = auto()
    COMMIT = auto()
    ROLLBACK = auto()
    OF_TRANSACTION = auto()
    """SET TRANSACTION in one of its forms: the first thing in its transaction."""
    PREPARED = auto()
    """Two-phase commit: PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED."""
    OUTSIDE = auto()
    """Cannot run in a transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A statement's label and, for one that runs outside transactions, what it works on."""

    label: Label
    verb: str = ""
    """For OUTSIDE: `create index`, `drop index`, `reindex`, `detach partition`, …"""
    name: str = ""
    """For OUTSIDE: the object as it is written, possibly with its schema; empty if not named."""
    table: str = ""
    """For `create index` and `detach partition`: the table as it is written."""


_PLAIN: Final = Kind(label=Label.PLAIN)

# Most statements of a large file are INSERTs: they are passed by with one look.
_SPECIAL_HEAD = re.compile(
    rb"(?:abort|alter|begin|call|cluster|commit|create|discard|do|drop|end|prepare|reindex|reset"
    rb"|rollback|select|set|start|vacuum)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"""--[^\n\r]*|/\*.*?\*/|\s+                      # left out
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<word>[^\W\d][\w$]*)
    |(?P<text>'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_HEAD_CHARS: Final = 4000
_COMMIT_IN_BODY = re.compile(r"\b(?:commit|rollback)\s*(?:;|and\b)", re.IGNORECASE)
_OF_TRANSACTION: Final = {
    "transaction",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_deferrable",
}
_NO_TRANSACTION: Final = {
    ("create", "database"),
    ("drop", "database"),
    ("create", "tablespace"),
    ("drop", "tablespace"),
    ("create", "subscription"),
    ("drop", "subscription"),
    ("alter", "system"),
    ("discard", "all"),
}


def may_be_special(data: bytes | mmap, start: int) -> bool:
    """Tell at one look whether `kind_of` could say anything but PLAIN of the statement there."""
    return _SPECIAL_HEAD.match(data, start) is not None


def kind_of(text: str) -> Kind:
    """Return what the statement is. The text begins with its first word."""
    tokens = tokens_of(text[:_HEAD_CHARS])
    bare = [token.lower() for token in tokens]
    first, second = bare[0] if bare else "", bare[1] if len(bare) > 1 else ""
    if label := _transaction_label(first, second, bare) or _setting_label(first, second, bare):
        return Kind(label=label)
    if first == "reindex":
        return _reindex(tokens, bare)
    if "concurrently" in bare:
        return _concurrently(tokens, bare)
    verb = _lonely_verb(first, second, bare)
    if verb is None and first == "do" and _COMMIT_IN_BODY.search(text):
        verb = "do"
    if verb is None:
        return _PLAIN
    return Kind(label=Label.OUTSIDE, verb=verb, name=_first_name(tokens[len(verb.split()) :]))


def _lonely_verb(first: str, second: str, bare: list[str]) -> str | None:
    """Return the words of a command that takes no transaction and has no CONCURRENTLY."""
    if (first, second) in _NO_TRANSACTION:
        return f"{first} {second}"
    if first == "vacuum" or (first == "cluster" and bare in (["cluster"], ["cluster", "verbose"])):
        return first
    if (first, second) == ("alter", "database") and "tablespace" in bare[3:5]:
        return "alter database"
    if (first, second) == ("alter", "subscription") and {"refresh", "publication"} & set(bare):
        return "alter subscription"
    return None


def _setting_label(first: str, second: str, bare: list[str]) -> Label | None:
    set_ = bare[2:3] if second in ("local", "session") else bare[1:2]
    if first == "set" and _OF_TRANSACTION.intersection(set_):
        return Label.OF_TRANSACTION
    if first in ("set", "reset") and second not in ("local", "transaction", "constraints"):
        return Label.SETTING
    if first == "select" and "set_config" in bare[1:4]:
        return Label.SETTING
    return None


def tokens_of(text: str) -> list[str]:
    """Return words, quoted names (with their quotes), texts and punctuation, in order."""
    return [
        match.group()
        for match in _TOKEN.finditer(text)
        if match.lastgroup in {"quoted", "word", "text", "tag", "other"}
    ]


def _transaction_label(first: str, second: str, bare: list[str]) -> Label | None:
    if first == "begin" or (first, second) == ("start", "transaction"):
        return Label.BEGIN
    if (first, second) == ("prepare", "transaction"):
        return Label.PREPARED
    if first in ("commit", "end"):
        return Label.PREPARED if second == "prepared" else Label.COMMIT
    if first in ("rollback", "abort"):
        if second == "prepared":
            return Label.PREPARED
        return None if "to" in bare[1:3] else Label.ROLLBACK
    return None


def _reindex(tokens: list[str], bare: list[str]) -> Kind:
    """REINDEX CONCURRENTLY, and REINDEX of a schema or a database, commit on their own."""
    options = bare[1 : bare.index(")")] if ")" in bare[:12] else []
    concurrently = "concurrently" in bare
    if concurrently and options and "concurrently" in options:
        after = bare[bare.index("concurrently") + 1]
        concurrently = after not in ("false", "off", "0")
    wide = {"schema", "database", "system"} & set(bare[1:8])
    if not concurrently and not wide:
        return _PLAIN
    skip = {"index", "table", "concurrently", "schema", "database", "system"}
    places = [at for at, word in enumerate(bare) if word in skip]
    name = _first_name(tokens[places[-1] + 1 :]) if places else ""
    sort = next((word for word in bare if word in skip - {"concurrently"}), "")
    return Kind(label=Label.OUTSIDE, verb=f"reindex {sort}", name=name)


def _concurrently(tokens: list[str], bare: list[str]) -> Kind:
    at = bare.index("concurrently")
    if bare[0] == "create" and "index" in bare[1:3]:
        on = bare.index("on", at) if "on" in bare[at:] else at
        table = tokens[on + 1 :]
        return Kind(
            label=Label.OUTSIDE,
            verb="create index",
            name=_first_name(tokens[at + 1 : on]),
            table=_first_name(table[1:] if bare[on + 1 : on + 2] == ["only"] else table),
        )
    if bare[:2] == ["drop", "index"]:
        return Kind(label=Label.OUTSIDE, verb="drop index", name=_first_name(tokens[at + 1 :]))
    if bare[:2] == ["alter", "table"] and "detach" in bare[:at]:
        detach = bare.index("detach")
        return Kind(
            label=Label.OUTSIDE,
            verb="detach partition",
            name=_first_name(tokens[detach + 2 : at]),
            table=_first_name([t for t in tokens[2:detach] if t.lower() != "only"]),
        )
    return _PLAIN  # REFRESH MATERIALIZED VIEW CONCURRENTLY runs in a transaction.


def _first_name(tokens: list[str]) -> str:
    """Return the name that stands first, with its schema, past IF [NOT] EXISTS."""
    bare = [token.lower() for token in tokens[:3]]
    if bare[:3] == ["if", "not", "exists"]:
        tokens = tokens[3:]
    elif bare[:2] == ["if", "exists"]:
        tokens = tokens[2:]
    name = ""
    for part in tokens:
        expects_word = not name or name.endswith(".")
        if (part == ".") == expects_word or part in ("(", ",", ";"):
            break
        name += part
    return name
