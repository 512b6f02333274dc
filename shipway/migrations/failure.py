"""A failed statement in words: file, line, column, the line itself, and what Postgres said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.literals import holds_secrets
from shipway.migrations.sql.statement_kinds import tokens_of

if TYPE_CHECKING:
    from shipway.migrations.sql.script import Script
    from shipway.values.exchange import SqlError

__all__ = ["cure_of", "describe", "message_of"]

_SHOWN_CHARS: Final = 120
_LEAD_CHARS: Final = 60
_SYNTAX_ERROR: Final = "42601"
_REFUSED: Final = "42501"
# Not auth.uid(): policies on every table call that.
_PLATFORMS: Final = re.compile(
    r'\b(?:auth|storage|realtime)"?\s*\.\s*"?\w+\b(?!"?\()', re.IGNORECASE
)
_HEAD_BYTES: Final = 4000
"""What a statement is about stands at its head; a DO block is looked at so far, too."""
_PASSWORD: Final = re.compile(r"\bpassword\b[^'$]{0,20}['$]", re.IGNORECASE)
_QUOTED_END: Final = re.compile(r"[\"«»„“”].*\Z", re.DOTALL)

_CURES: Final = {
    "57014": "Give the file more time by a directive at its head: "
    "-- shipway: statement_timeout=30min",
    "55P03": "Run it again when the table is less busy, or let the file wait longer: "
    "-- shipway: lock_timeout=30s",
    "25006": "The transaction was read-only: the file made it so, or the database has turned "
    "read-only meanwhile, and then this says why: invoke doctor",
    "40P01": "Two sessions waited for each other; run it again.",
}


def describe(script: Script, index: int | None, into: int, error: SqlError) -> str:
    """Return the block of lines that tells a person where and why a file failed.

    Args:
        script: the file.
        index: the statement that failed; None when it was one of the ledger's own.
        into: the byte in the statement, as it was sent.
        error: what Postgres reported.
    """
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    if index is None:
        lines = [f"{script.name}: {error.message}{code}"]
    else:
        line, column = script.line_and_column(index, into)
        where = f"{script.name}, line {line}, column {column}"
        lines = [f"{where}: {message_of(script, index, error)}{code}"]
        text = script.line_text(line)
        if not _holds_secrets(script, index) and not _PASSWORD.search(text):
            lines += _picture(text, line, column)
    lines += [f"Detail: {error.detail}"] if error.detail else []
    lines += [f"Hint: {error.hint}"] if error.hint else []
    places = [one for one in error.context.splitlines() if not _quotes_secrets(one)]
    lines += ["Context: " + "\n".join(places)] if places else []
    return "\n".join(lines)


def message_of(script: Script, index: int, error: SqlError) -> str:
    """Return what Postgres reported of a statement; of one that sets a secret, no word of it."""
    if error.sqlstate == _SYNTAX_ERROR and _holds_secrets(script, index):
        return _QUOTED_END.sub("…", error.message)
    return error.message


def _holds_secrets(script: Script, index: int) -> bool:
    return holds_secrets(script.sql(index).decode("utf-8", "replace"))


def _quotes_secrets(place: str) -> bool:
    """Tell whether a line of a context quotes a statement that sets a secret."""
    return holds_secrets(place.partition('"')[2])


def cure_of(error: SqlError, next_command: str, statement: bytes = b"") -> str:
    """Return what to do about an error of this kind, ending with the command to go on with.

    Args:
        error: what Postgres reported.
        next_command: the one to go on with.
        statement: the one that failed, where it is known.
    """
    if error.sqlstate == _REFUSED:
        cure = _cure_of_a_refusal(statement[:_HEAD_BYTES].decode("utf-8", "replace"))
    else:
        cure = _CURES.get(error.sqlstate, "Correct the file.")
    return f"{cure} Then run: {next_command}"


def _cure_of_a_refusal(statement: str) -> str:
    """Return what to do where the role has not the right that a statement wants.

    The statement tells what was refused: the server says it in its own language.
    """
    words = [word.strip('"') for word in tokens_of(statement)]
    low = [word.lower() for word in words]
    if low[1:2] == ["extension"]:
        named = next((one for one in words[2:] if one.lower() not in {"if", "not", "exists"}), "")
        return (
            f"The role may not do that with the extension {named}: Supabase lets its owner have "
            "those of its own list. Take it out, or connect as a superuser."
        )
    if low[1:3] == ["event", "trigger"]:
        return "Event triggers are a superuser's: on Supabase connect as postgres, else as one."
    if low[1:2] in (["role"], ["user"]):
        return (
            f"The role {words[2] if len(words) > 2 else ''} is not this role's to administer: "  # noqa: PLR2004
            "connect as one that has it with admin option, or leave it as it is."
        )
    if low[:1] in (["set"], ["reset"]):
        return "The setting is a superuser's: leave it out, or have it granted (grant set on …)."
    if _PLATFORMS.search(statement):
        return (
            "Supabase keeps the schemas auth, storage and realtime for itself: put objects into a "
            "schema of your own, or connect as the role that owns them."
        )
    return "Connect as the role that owns the object, or have the right granted to this one."


def _picture(text: str, line: int, column: int) -> list[str]:
    """Return the line with a caret under the column, cut to what fits a screen."""
    begin = max(0, column - 1 - _LEAD_CHARS) if len(text) > _SHOWN_CHARS else 0
    # One character for one column: a tab would move the caret.
    shown = text[begin : begin + _SHOWN_CHARS].replace("\t", " ")
    number = f"  {line} | "
    margin = " " * (len(number) - 2) + "| "
    return [number + shown, margin + " " * (column - 1 - begin) + "^"]
