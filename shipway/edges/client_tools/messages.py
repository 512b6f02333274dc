"""What pg_dump and pg_restore say, without the rows, the statements and the secrets they quote.

Their text has no fields, unlike a report on a connection of our own, but it has an order: a line
of the tool's own, the server's message at its end, then DETAIL, HINT, CONTEXT and QUERY, and last
the statement. Of the first line the names are kept, of the statement its verb and its object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.edges.postgres.diagnostics import UNTOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["complaints_of", "errors", "numbered_errors"]

_CHATTER: Final = re.compile(r"pg_(?:dump|restore): (?!error|detail|hint|warning|while|from)")
_BLOCK: Final = re.compile(r"^pg_\w+: (?=(?:error|detail|hint|warning|while|from)\b)", re.MULTILINE)
_ENTRY: Final = re.compile(r"from TOC entry (\d+);")
_STATEMENT: Final = re.compile(r"(?:Command|Query) was: ", re.MULTILINE)
_CONTEXT: Final = re.compile(r"^CONTEXT: .*\Z", re.MULTILINE | re.DOTALL)
_RAISED: Final = re.compile(r"PL/pgSQL[^\n]* (?:RAISE|ASSERT)$|PL/(?!pgSQL)\w+", re.MULTILINE)
_FROM_SERVER: Final = re.compile(r"[A-ZÄÖÜ]+:  .*\Z")
_MOST_CHARS: Final = 400
_MOST_CONTEXT_CHARS: Final = 4_000

# What a name in quotes stands after in the server's English; whatever else is quoted may be data.
_NAMED: Final = re.compile(
    r"\b(?:aggregate|as|attribute|by|class|collation|column|configuration|constraint|conversion"
    r"|database|dictionary|directory|domain|extension|family|file|function|index|into|language"
    r"|library|mapping|method|module|on|option|owner|parameter|parser|policy|procedure"
    r"|publication|relation|role|rule|schema|sequence|server|slot|subscription|table|tablespace"
    r"|template|transform|trigger|type|user|view|wrapper) \Z",
    re.IGNORECASE,
)
_FOREIGN_QUOTES: Final = re.compile("[«»„“”「」]")
_LEFT_OUT: Final = "…"
_NAME: Final = r'(?:"(?:[^"\n]|"")*"|[^\W\d][\w$]*)'
_OBJECT: Final = rf"{_NAME}(?:\.{_NAME})*"
# pg_dump writes keywords in capitals and puts quotes round names that have any.
_COMMAND: Final = re.compile(
    rf"(?:[A-Z]+ )*[A-Z]+\b(?: {_OBJECT}(?: (?:ON|SERVER|FOR)(?: [A-Z]+)* {_OBJECT})?)?"
)


def errors(said: str) -> list[str]:
    """Return a tool's errors, each on one line."""
    return [error for _, error in numbered_errors(said)]


def numbered_errors(said: str) -> Iterator[tuple[int, str]]:
    """Yield each error on one line, with the number of the archive's entry that it is about.

    pg_restore names the entry before its errors; 0 where it names none.
    """
    number = 0
    for block in _blocks(said)[1:]:
        if found := _ENTRY.match(block):
            number = int(found[1])
        elif block.startswith("error: "):
            yield number, _one_line(block.removeprefix("error: "))


def complaints_of(said: str) -> str:
    """Return on one line all that a tool complains of."""
    return " ".join(line for block in _blocks(said) if (line := _one_line(block)))


def _blocks(said: str) -> list[str]:
    """Return what precedes the tool's complaints, then each of them.

    A tool that was started with --verbose also tells what it has done, which is none.
    """
    lines = (line for line in said.strip().split("\n") if not _CHATTER.match(line))
    return _BLOCK.split("\n".join(lines))


def _one_line(block: str) -> str:
    """Return a complaint without what it quotes."""
    statement = _STATEMENT.search(block)
    said = block[: statement.start()] if statement else block
    first = said.partition("\n")[0].strip()[:_MOST_CHARS]
    context = _CONTEXT.search(said)
    if context and _RAISED.search(context.group()[:_MOST_CONTEXT_CHARS]):
        first = _FROM_SERVER.sub(UNTOLD, first)
    if statement is None:
        return _names_alone(first, "")
    found = _COMMAND.match(block[statement.end() :].lstrip()[:_MOST_CHARS])
    command = found.group() if found else _LEFT_OUT
    return " ".join((_names_alone(first, command), statement.group() + command))


def _names_alone(line: str, command: str) -> str:
    """Return a line up to the first quotes that hold no name, and what follows the last.

    Servers of other languages have other quotes, and other words before a name: there a name is
    what stands in the command, too.
    """
    names = command.replace('"', "")
    pieces = _FOREIGN_QUOTES.split(line)
    if any(name not in names for name in pieces[1::2]):
        line = f"{pieces[0]}{_LEFT_OUT}"
    at = 0
    while (begin := line.find('"', at)) >= 0:
        end = line.find('"', begin + 1)
        if end < 0 or not _NAMED.search(line, max(0, begin - 20), begin):
            last = line.rfind('"')
            return f'{line[:begin]}"{_LEFT_OUT}"{line[last + 1 :] if last > begin else ""}'
        at = end + 1
    return line
