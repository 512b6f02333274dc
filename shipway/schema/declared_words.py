"""How checks/schema.toml is written: the tables and columns that the app's code relies on."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.values.inspection import TableDetail

__all__ = ["write_declared"]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_HEAD: Final = """\
# What the app's code relies on. `invoke db.verify` fails when one of these is not there.
# Written from the database as it was: leave only what your code reads and writes.
"""


def write_declared(tables: Iterable[TableDetail]) -> str:
    """Return the text of a schema.toml that expects these tables with all their columns."""
    parts = [_HEAD]
    for table in tables:
        columns = json.dumps([column.name for column in table.columns], ensure_ascii=False)
        name = f"{_key(table.summary.schema)}.{_key(table.summary.name)}"
        parts.append(f"[{name}]\ncolumns = {columns}\n")
    return "\n".join(parts)


def _key(name: str) -> str:
    return name if _BARE_KEY.match(name) else json.dumps(name, ensure_ascii=False)
