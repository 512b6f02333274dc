"""Our own rules for a migration's text: what other linters do not look at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from shipway.migrations.sql.do_blocks import inner_statements
from shipway.migrations.sql.statement_kinds import tokens_of
from shipway.values.lint import LintFinding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.migrations.sql.script import Script

__all__ = ["lint"]

_EVERYONE: Final = ("anon", "public")
_WRITES: Final = frozenset(
    ("all", "insert", "update", "delete", "truncate", "references", "trigger", "maintain", "create")
)
_ROUTINES: Final = ("function", "functions", "procedure", "procedures", "routine", "routines")
_DDL: Final = ("alter", "create", "drop", "grant", "revoke", "truncate")
_HEAD_CHARS: Final = 4000
"""What a rule looks for stands at a statement's head; what follows is data."""
_SHOWN_CHARS: Final = 80
# Most statements of a large file are INSERTs: they are passed by with one look.
_LOOKED_AT: Final = re.compile(
    rb"(?:grant|alter|create|drop|update|delete|with|truncate|do)\b", re.IGNORECASE
)


class _Told(NamedTuple):
    """What a rule says of one statement."""

    rule: str
    severity: Severity
    what: str
    cure: str
    about: str = ""


def lint(script: Script, label: str) -> Iterator[LintFinding]:
    """Yield what the rules find in a migration, also inside its DO blocks.

    Args:
        script: its statements.
        label: the migration's label.
    """
    for index, line in enumerate(script.lines()):
        text = script.sql(index)
        if not _LOOKED_AT.match(text):
            continue
        for told in _of_statement(text):
            yield _finding(told, label, line)
        for inner in inner_statements(text):
            for told in _of_inner(inner.text, built_as_text=inner.built_as_text):
                yield _finding(told, label, line + inner.lines_before)


def _finding(told: _Told, label: str, line: int) -> LintFinding:
    return LintFinding(
        rule=f"shipway/{told.rule}",
        severity=told.severity,
        migration=label,
        line=line,
        what=told.what,
        cure=told.cure,
        about=told.about,
    )


def _of_inner(text: bytes, *, built_as_text: bool) -> Iterator[_Told]:
    yield from _of_statement(text)
    shown = " ".join(text[:_SHOWN_CHARS].decode("utf-8", "replace").split())
    if built_as_text or shown.partition(" ")[0].lower() in (*_DDL, "execute"):
        yield _Told(
            "in-do-block",
            Severity.NOTE,
            f"Changes the schema inside a DO block, where other linters do not look: {shown}",
            "Write the statement itself, where its text is known beforehand.",
        )


def _of_statement(text: bytes) -> Iterator[_Told]:
    tokens = tokens_of(text[:_HEAD_CHARS].decode("utf-8", "replace"))
    words = [token.lower() for token in tokens]
    first = words[0] if words else ""
    if first == "grant":
        yield from _grant(tokens, words)
    elif words[:3] == ["alter", "default", "privileges"] and "grant" in words:
        yield from _default_grant(words[words.index("grant") :])
    elif first in ("update", "delete", "with"):
        yield from _whole_table(tokens, words)
    elif first == "truncate":
        table = _name(tokens, 2 if words[1:2] == ["table"] else 1)
        yield _Told(
            "truncate",
            Severity.SERIOUS,
            f"Empties {table}, for everyone and at once.",
            "Delete what is meant, with a WHERE; or do it by hand, with the backup in sight.",
            table,
        )
    elif words[:2] == ["alter", "table"]:
        yield from _row_security(tokens, words)
    elif words[1:2] == ["policy"]:
        yield from _policy(tokens, words)


def _grant(tokens: Sequence[str], words: Sequence[str]) -> Iterator[_Told]:
    to = _people(words)
    if not to:
        return
    if "on" not in words:
        yield _Told(
            "grant-role",
            Severity.SERIOUS,
            f"Makes {to} a member of {tokens[1]}: every visitor may then do what that role may.",
            "Grant the single privileges that are needed, on the tables that need them.",
        )
        return
    on = words.index("on")
    given = sorted(_WRITES.intersection(words[1:on]))
    end = words.index("to", on)
    what, shown = words[on + 1 : end], tokens[on + 1 : end]
    if not given or set(_ROUTINES).intersection(what[:2]):
        return
    named = shown[1:] if what[0] in {"table", "schema", "sequence"} else shown
    name = "".join(one if one.startswith('"') else one.lower() for one in named)
    yield _Told(
        "grant-to-everyone",
        Severity.WARNING,
        f"Gives {', '.join(given)} on {_without_spaces(shown)} to {to}: "
        "policies alone hold visitors back.",
        "Grant what visitors need: select, on the tables that they may see.",
        "" if what[0] in {"all", "schema", "sequence"} else _full(name),
    )


def _default_grant(words: Sequence[str]) -> Iterator[_Told]:
    to, given = _people(words), sorted(_WRITES.intersection(words[1 : words.index("on")]))
    if to and given and "tables" in words:
        yield _Told(
            "grant-to-everyone",
            Severity.SERIOUS,
            f"Gives {', '.join(given)} on every future table to {to}.",
            "Grant table by table: a table without policies is then closed, not open.",
        )


def _people(words: Sequence[str]) -> str:
    """Return those among the grantees who stand for every visitor."""
    if "to" not in words:
        return ""
    named = words[len(words) - 1 - list(reversed(words)).index("to") :]
    return " and ".join(one for one in _EVERYONE if one in (word.strip('"') for word in named))


def _whole_table(tokens: Sequence[str], words: Sequence[str]) -> Iterator[_Told]:
    """Find UPDATE and DELETE that have no WHERE of their own."""
    own = _own_words(words)
    at = next((at for at in own if words[at] in {"update", "delete"}), None)
    if at is None or any(words[one] == "where" for one in own if one > at):
        return
    after = at + (2 if words[at + 1 : at + 2] in (["from"], ["only"]) else 1)
    table = _name(tokens, after + (words[after : after + 1] == ["only"]))
    deletes = words[at] == "delete"
    yield _Told(
        "no-where",
        Severity.SERIOUS if deletes else Severity.WARNING,
        f"{'Deletes' if deletes else 'Changes'} every row of {table}: it has no WHERE.",
        "Say which rows are meant, if only WHERE true; a large table wants batches outside the "
        "migration.",
        table,
    )


def _own_words(words: Sequence[str]) -> list[int]:
    """Return the places of the words that stand in no parentheses."""
    depth, places = 0, []
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if not depth and word != ")":
            places.append(at)
    return places


def _row_security(tokens: Sequence[str], words: Sequence[str]) -> Iterator[_Told]:
    for verb, what in (("disable", "Switches row level security off on"), ("no", "Unforces it on")):
        skip = 1 if verb == "disable" else 2
        for at, word in enumerate(words):
            if word == verb and words[at + skip : at + skip + 3] == ["row", "level", "security"]:
                skipped = sum(one in words[2:5] for one in ("if", "exists", "only"))
                table = _name(tokens, 2 + skipped)
                yield _Told(
                    "row-security-off",
                    Severity.SERIOUS if verb == "disable" else Severity.NOTE,
                    f"{what} {table}: "
                    + (
                        "its policies hold nobody back any more."
                        if verb == "disable"
                        else "its owner sees every row."
                    ),
                    "Leave it on; write a policy for those who may see more.",
                    table,
                )


def _policy(tokens: Sequence[str], words: Sequence[str]) -> Iterator[_Told]:
    if "on" not in words:
        return
    on = words.index("on")
    named = tokens[on - 1].strip('"')
    table = _name(tokens, on + 1)
    about = f"{table}.{named}"
    if words[0] == "drop":
        yield _Told(
            "policy-dropped",
            Severity.WARNING,
            f"Drops the policy {named} of {table}.",
            "Make its successor in the same file, and expect its effect in checks/access.toml.",
            about,
        )
    elif words[0] == "alter":
        yield _Told(
            "policy-altered",
            Severity.WARNING,
            f"Makes the policy {named} of {table} another one.",
            "Expect its effect in checks/access.toml, so that it is held to.",
            about,
        )
    elif words[0] == "create":
        yield from _open_policy(words, on, named, table)


def _open_policy(words: Sequence[str], on: int, named: str, table: str) -> Iterator[_Told]:
    rest = words[on:]
    to = rest[rest.index("to") + 1 :][:5] if "to" in rest else ["public"]
    everyone = any(one in to for one in _EVERYONE)
    always = any(
        rest[at : at + 4] == [*how, "(", "true", ")"][-4:]
        for at in range(len(rest))
        for how in (["using"], ["check"])
    )
    restrictive = "restrictive" in rest
    if everyone and always and not restrictive:
        command = rest[rest.index("for") + 1] if "for" in rest else "all"
        yield _Told(
            "policy-open",
            Severity.NOTE if command == "select" else Severity.WARNING,
            f"The policy {named} lets everyone {command} every row of {table}.",
            "Ask in it who the visitor is: (select auth.uid()) = owner.",
            f"{table}.{named}",
        )


def _name(tokens: Sequence[str], at: int) -> str:
    """Return the name that stands there, with its schema."""
    name = tokens[at] if at < len(tokens) else ""
    if tokens[at + 1 : at + 2] == ["."] and at + 2 < len(tokens):
        name = f"{name}.{tokens[at + 2]}"
    return _full(name)


def _without_spaces(tokens: Sequence[str]) -> str:
    """Return words as a person writes them: no spaces in a qualified name and before commas."""
    return " ".join(tokens).replace(" . ", ".").replace(" ,", ",")


def _full(name: str) -> str:
    name = name.replace('"', "")
    return name if "." in name else f"public.{name}"
