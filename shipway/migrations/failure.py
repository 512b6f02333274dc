"""A failed statement in words: file, line, column, the line itself, and what Postgres said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.literals import holds_secrets

if TYPE_CHECKING:
    from shipway.migrations.sql.script import Script
    from shipway.values import SqlError

__all__ = ["cure_of", "describe", "message_of"]

_SHOWN_CHARS: Final = 120
_LEAD_CHARS: Final = 60
_SYNTAX_ERROR: Final = "42601"
_PASSWORD: Final = re.compile(r"\bpassword\b[^'$]{0,20}['$]", re.IGNORECASE)
_QUOTED_END: Final = re.compile(r"[\"«»„“”].*\Z", re.DOTALL)

_CURES: Final = {
    "57014": "Give the file more time by a directive at its head: "
    "-- shipway: statement_timeout=30min",
    "55P03": "Run it again when the table is less busy, or let the file wait longer: "
    "-- shipway: lock_timeout=30s",
    "42501": "Supabase keeps the schemas auth, storage and realtime for itself: put objects into a "
    "schema of your own, or connect as the role that owns them.",
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


def cure_of(error: SqlError, next_command: str) -> str:
    """Return what to do about an error of this kind, ending with the command to go on with."""
    cure = _CURES.get(error.sqlstate, "Correct the file.")
    return f"{cure} Then run: {next_command}"


def _picture(text: str, line: int, column: int) -> list[str]:
    """Return the line with a caret under the column, cut to what fits a screen."""
    begin = max(0, column - 1 - _LEAD_CHARS) if len(text) > _SHOWN_CHARS else 0
    # One character for one column: a tab would move the caret.
    shown = text[begin : begin + _SHOWN_CHARS].replace("\t", " ")
    number = f"  {line} | "
    margin = " " * (len(number) - 2) + "| "
    return [number + shown, margin + " " * (column - 1 - begin) + "^"]
