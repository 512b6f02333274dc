"""Small histories that use what public Supabase projects use, the most frequent first.

features.sql holds what one file does, and in how many projects it was counted. Every history mixes
frequent and rare features, under the file names that such folders have: days beside times, several
files of one day, names of a generator, blank files, and files that are no migrations.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["history"]

_PENDING: Final = "alter table public.base add column later text;\n"
_BASE: Final = """\
create table public.base (id int primary key);
alter table public.base enable row level security;
insert into public.base values (1);
"""


def history(number: int, of: int) -> dict[str, str]:
    """Return the files of one history, name to text; the last by name is what is to be rehearsed.

    Args:
        number: which one, from 0.
        of: how many there are: each has every so-manieth feature, and all of them have them all.
    """
    files = {"20240101000000_base.sql": _BASE, "README_fix.sql": "select 'by hand';\n"}
    for at, (name, text) in enumerate(_features()[number::of]):
        day = f"202402{at + 1:02}"
        names = (
            f"{day}{at:06}_{name}.sql",
            f"{day}_0900_{name}.sql",
            f"{day}_{name}.sql",
            f"{day}{at:06}-{number:08x}-{at:04x}.sql",
            f"{day}{at:06}.sql",
        )
        files[names[at % len(names)]] = text.replace("{t}", f"{name}_{number}")
    files["20240202_1000_kept.sql"] = "-- applied by hand, kept for the record\n"
    files["20240301000000_empty.sql"] = ""
    return files | {"20240401000000_pending.sql": _PENDING}


def _features() -> list[tuple[str, str]]:
    """Return what a file may do: its name and its text, in the order of their frequency."""
    told = Path(__file__).with_name("features.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"^-- (\w+) \(\d+\)\n", told, flags=re.MULTILINE)
    return list(zip(parts[::2], parts[1::2], strict=True))
