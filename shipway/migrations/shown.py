"""A migration's SQL as it is shown in reports: its statements, without rows and passwords."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count
from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.literals import holds_secrets, without_literals
from shipway.migrations.sql.split import pieces

if TYPE_CHECKING:
    from shipway.values.migrations import Migration

__all__ = ["shown_sql", "without_rows"]

_READ_BYTES: Final = 1 << 18
_SHOWN_CHARS: Final = 40_000
_ROWS_CHARS: Final = 300
_HOLDS_ROWS: Final = re.compile(r"(?:insert|update|delete|merge|copy|with|values)\b", re.IGNORECASE)


def without_rows(statement: str) -> str:
    """Return a statement without what it writes into rows, and without secrets: values as `?`."""
    if not _HOLDS_ROWS.match(statement) and not holds_secrets(statement):
        return statement
    shape = without_literals(statement)
    return shape if len(shape) <= _ROWS_CHARS else shape[:_ROWS_CHARS] + "…"


def shown_sql(migration: Migration) -> tuple[str, bool]:
    """Return the file's text for a reader, and whether the end of a long file is left out."""
    with migration.path.open("rb") as file:
        data = file.read(_READ_BYTES)
    parts: list[str] = []
    at = 0
    try:
        for piece in pieces(data):
            parts.append(_text(data[at : piece.start]))
            parts.append(without_rows(_text(data[piece.start : piece.end])))
            at = piece.end
            if piece.copy_end:
                lines = data.count(b"\n", piece.copy_start, piece.copy_end)
                parts.append(f";\n-- {count(lines, 'line')} of data")
                at = piece.copy_end
        parts.append(_text(data[at:]))
    except BadScript:
        # The file was cut inside a statement, or is broken: nothing more of it can be told apart.
        parts.append("…")
    text = "".join(parts).replace("\r\n", "\n").strip()
    cut = len(text) > _SHOWN_CHARS or migration.size_bytes > _READ_BYTES
    return text[:_SHOWN_CHARS], cut


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").removeprefix("\ufeff")
