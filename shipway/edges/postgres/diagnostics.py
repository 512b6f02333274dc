"""What Postgres says of an error or a notice, without the rows and the secrets that it quotes.

A report has fields (PostgreSQL, "Error and Notice Message Fields"), whatever language the server
speaks. Which of them quote data is told by the SQLSTATE and by the function that made the report:

- Classes 21, 22, 23 and 44 are about data: the detail quotes the key or the row, and of class 22
  the message quotes the value; but what the server's extension.c says names extension and version.
- That a name is not known (of class 42) is said also of a value that is cast to regclass and its
  kin, and of SQL that was put together from values: such a name has to stand in what was sent.
- What SQL raises by itself (RAISE, ASSERT, an error of PL/Python) has any text and any SQLSTATE.
  It may be told as far as it stands in the text that was sent, which is a file in git.
- Of a connection to another server (classes 08 and HV) the detail can quote its password.
- The context quotes whole statements, lines of COPY and assignments: of it, the places are kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from shipway.values.exchange import SqlError

if TYPE_CHECKING:
    import psycopg

__all__ = ["UNTOLD", "plain_message", "report", "without_data"]

_ABOUT_VALUES: Final = "22"
_OF_EXTENSIONS: Final = "extension.c"
# Of rows, of parameters in PL/pgSQL, and of the connection strings of other servers.
_QUOTE_IN_DETAIL: Final = {"21", "23", "44", "P0", "08", "HV"}
_RAISED_BY: Final = {
    *("exec_stmt_raise", "exec_stmt_assert"),
    *("PLy_output", "PLy_elog_impl", "plperl_util_elog", "pltcl_elog"),
}
_RAISED: Final = {"38", "39"}
# Of a syntax error, a schema, a function, an object, a table and a column.
_ABOUT_NAMES: Final = {"42601", "3F000", "42883", "42704", "42P01", "42703"}
_MOST_CHARS: Final = 8_000
_READ_BYTES: Final = 1 << 20
"""Of what was sent, when formats are looked for in it: they are kept, and it may be huge."""
_LEFT_OUT: Final = "…"
UNTOLD: Final = "what SQL of the database has raised is left out here"

# What quotes hold, also in the languages that servers speak; an apostrophe inside a word is none.
_QUOTES: Final = ('""', "«»", "»«", "„“", "“”")
_APOSTROPHES: Final = re.compile(r"(?<!\w)'|'(?!\w)")
_NAMES: Final = re.compile(r'"([^"]*)"?|[«»„“]([^«»„“”]*)[«»“”]?')
_BYTES: Final = re.compile(r"0x[0-9a-f]{2}(?:[ ,]+0x[0-9a-f]{2})*")
# "PL/pgSQL function f(text) line 3 at RAISE", in any language; of COPY what precedes the line.
_PLACE: Final = re.compile(r"PL/[^\"'«»„“”:]{1,300}\Z")
_COPY_PLACE: Final = re.compile(r"COPY [^\"'«»„“”:]*")
_STATEMENT: Final = re.compile(r"[^\"]{1,60}\"(.*)\"(?: [^\"]*)?\Z")
_RAISE: Final = re.compile(
    rb"\braise\s+(?:(?:debug|log|info|notice|warning|exception)\s+)?e?'((?:[^']|'')*)'",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(r"-?\d{1,6}")


def report(
    fields: psycopg.errors.Diagnostic, *, sent: bytes = b"", otherwise: str = ""
) -> SqlError:
    """Return what a report says; what it quotes of data stands in `rows` alone.

    Args:
        fields: the report.
        sent: the text that caused it, of which everything may be told.
        otherwise: the message where there is none, as of an error of the client's own.
    """
    state = fields.sqlstate or ""
    message = (fields.message_primary or " ".join(otherwise.split()))[:_MOST_CHARS]
    whole = {
        "Detail": (fields.message_detail or "")[:_MOST_CHARS],
        "Hint": (fields.message_hint or "")[:_MOST_CHARS],
        "Context": (fields.context or "")[:_MOST_CHARS],
    }
    raised = fields.source_function in _RAISED_BY or state[:2] in _RAISED
    of_values = state in _ABOUT_NAMES and _is_of_values(fields) and not _all_sent(message, sent)
    bare = message
    if raised:
        bare = _without_raised_values(message, sent)
    elif of_values or _quotes_a_value(state, fields):
        bare = _without_quoted(message)
    about_data = raised or state[:2] in {_ABOUT_VALUES, *_QUOTE_IN_DETAIL}
    kept = {
        "Detail": "" if about_data else whole["Detail"],
        "Hint": "" if raised else whole["Hint"],
        "Context": _places(whole["Context"], sent),
    }
    rows = [f"{name}: {text}" for name, text in whole.items() if text != kept[name]]
    if bare != message:
        rows.insert(0, message)
    return SqlError(
        sqlstate=state,
        message=bare,
        detail=kept["Detail"],
        hint=kept["Hint"],
        context=kept["Context"],
        rows=tuple(rows),
        position=int(fields.statement_position) if fields.statement_position else None,
    )


def plain_message(error: psycopg.Error, *, sent: bytes = b"") -> str:
    """Return an error on one line, with the place where it happened, without data."""
    told = report(error.diag, sent=sent, otherwise=str(error))
    return " ".join(f"{told.message} ({told.context})".removesuffix(" ()").split())


def without_data(text: str, error: BaseException) -> str:
    """Return a text, such as a traceback, in which errors of Postgres quote no data.

    Args:
        text: holds the error, and those that led to it, as they print themselves.
        error: the last of them.
    """
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__module__.startswith("psycopg"):
            text = text.replace(str(cause).rstrip(), plain_message(cast("psycopg.Error", cause)))
        cause = cause.__cause__ or cause.__context__
    return text


def _quotes_a_value(state: str, fields: psycopg.errors.Diagnostic) -> bool:
    return state.startswith(_ABOUT_VALUES) and fields.source_file != _OF_EXTENSIONS


def _is_of_values(fields: psycopg.errors.Diagnostic) -> bool:
    """Tell whether a name that is not known may be a value: no place in SQL that was written."""
    if fields.internal_query:
        return (fields.context or "").partition("\n")[0].endswith("EXECUTE")
    return not fields.statement_position


def _all_sent(message: str, sent: bytes) -> bool:
    """Tell whether all names that a message quotes stand in what was sent."""
    text = sent.decode("utf-8", "replace").replace('"', "").lower()
    names = [two or other for two, other in _NAMES.findall(message)]
    return all(name.lower() in text for name in names)


def _without_quoted(message: str) -> str:
    """Return a message without what it quotes: from the first quote of a kind to the last."""
    for begin, end in _QUOTES:
        first, last = message.find(begin), message.rfind(end)
        if -1 < first < last:
            message = f'{message[:first]}"{_LEFT_OUT}"{message[last + 1 :]}'
    marks = list(_APOSTROPHES.finditer(message))
    if len(marks) > 1:
        message = f'{message[: marks[0].start()]}"{_LEFT_OUT}"{message[marks[-1].end() :]}'
    return _BYTES.sub(_LEFT_OUT, message)


def _places(context: str, sent: bytes) -> str:
    """Return the lines of a context that say where, and those that quote what was sent."""
    found = []
    for line in context.split("\n"):
        copy, statement = _COPY_PLACE.match(line), _STATEMENT.match(line)
        if copy:
            found.append(copy.group().strip())
        elif _PLACE.match(line) or (statement and statement[1].encode() in sent):
            found.append(line)
    return "\n".join(found)


def _without_raised_values(message: str, sent: bytes) -> str:
    """Return a raised message as far as it stands in what was sent."""
    if any(form.encode() in sent for form in (message, message.replace("'", "''"))):
        return message
    for pieces in _formats(sent[:_READ_BYTES]):
        if (values := _values_of(message, pieces)) is not None:
            told = [_show(one, sent) for one in values]
            return "".join(a + b for a, b in zip(pieces, [*told, ""], strict=True))
    return UNTOLD


@lru_cache(maxsize=2)
def _formats(sent: bytes) -> tuple[tuple[str, ...], ...]:
    """Return the formats of what RAISE says in a text; a file can raise thousands of notices."""
    found = dict.fromkeys(_RAISE.findall(sent))
    return tuple(_pieces_of(one.decode("utf-8", "replace").replace("''", "'")) for one in found)


def _pieces_of(form: str) -> tuple[str, ...]:
    """Return the text of a format between its places for values; `%%` is a per cent sign."""
    return tuple(one.replace("\0", "%") for one in form.replace("%%", "\0").split("%"))


def _values_of(message: str, pieces: tuple[str, ...]) -> list[str] | None:
    """Return what a message has put in the places of a format; None when it is of another."""
    first, *rest = pieces
    if not message.startswith(first):
        return None
    values, at = [], len(first)
    for number, piece in enumerate(rest, 1):
        # The last piece ends the message; an empty one in between leaves nothing to be told apart.
        found = len(message) - len(piece) if number == len(rest) else message.find(piece, at)
        if found < at or not message.startswith(piece, found):
            return None
        values.append(message[at:found])
        at = found + len(piece)
    return values if at == len(message) else None


def _show(value: str, sent: bytes) -> str:
    """Return a value that a count could be, or a name that stands in what was sent."""
    word = rb"(?<!\w)" + re.escape(value.encode()) + rb"(?!\w)"
    return value if _COUNT.fullmatch(value) or (value and re.search(word, sent)) else _LEFT_OUT
