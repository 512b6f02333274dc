"""What of an archive stays out of a copy whose server lacks extensions, and what that takes along.

What names a left-out object goes with it. What merely needs one is tried: our stand-ins may do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.edges.restore.archive_entries import NO_SCHEMA, described

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from shipway.edges.restore.archive_entries import Entry

__all__ = ["Parting", "parted", "told"]

_PLATFORM_OWNER: Final = "supabase_admin"
_ROWS: Final = ("TABLE", "TABLE DATA", "SEQUENCE", "SEQUENCE SET")
"""Without these a restore has not brought the data back, whatever the reason."""
_UNTOLD: Final = ("EXTENSION", "DEFAULT ACL", "SEQUENCE SET")
_LACKING: Final = re.compile(r"does not exist|has no default operator class|is not available")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """An archive's entries, parted."""

    missing: tuple[str, ...]
    """The target's extensions that the server does not have."""
    kept: tuple[Entry, ...]
    left_out: tuple[str, ...]
    """The others, for people."""
    hanging: frozenset[int]
    """Numbers of those among the kept that need something that is left out."""

    undumped: Collection[str] = ()
    """What the role could not read, as `schema.table`: it is not in the archive."""

    def excuses(self, number: int, error: str, excused: Collection[int]) -> bool:
        """Return whether an entry fails for want of what is left out, and no rows with it.

        Args:
            number: of the entry.
            error: what the server said of it.
            excused: numbers of those that failed so before it.
        """
        if _LACKING.search(error) is None:
            return False
        if number in self.hanging:
            return True
        entry = next((one for one in self.kept if one.number == number), None)
        if entry is None or entry.kind in _ROWS:
            return False
        named = any(f'"{one}" does not exist' in error for one in self.undumped)
        return named or not entry.needs.isdisjoint(excused)


def parted(
    entries: Sequence[Entry],
    *,
    missing: Sequence[str],
    schemas: Collection[str],
    undumped: Collection[str] = (),
) -> Parting:
    """Part an archive's entries into those to restore and those that stay out.

    Args:
        entries: all of the archive.
        missing: the target's extensions that the server does not have.
        schemas: those that are there without the archive.
        undumped: what the role could not read, and so is not in the archive.
    """
    gone = _schemas_gone(entries, schemas) if missing else set()
    out = {one.number for one in entries if _is_out(one, missing, gone)}
    out |= {one.number for one in entries if one.is_about and one.needs & out}
    kept = tuple(one for one in entries if one.number not in out)
    words = [f"extension {name}" for name in missing]
    words += [f"schema {name}" for name in sorted(gone)]
    words += told([one for one in entries if one.number in out])
    hanging = _hanging(entries, out) if missing else frozenset[int]()
    return Parting(
        missing=tuple(missing),
        kept=kept,
        left_out=tuple(words),
        hanging=hanging,
        undumped=undumped,
    )


def told(entries: Iterable[Entry]) -> list[str]:
    """Return what a person should know of entries that are not there; the rest goes without saying.

    Grants and comments go with what they are about, and extensions are told by name.
    """
    return [described(one) for one in entries if not one.is_about and one.kind not in _UNTOLD]


def _schemas_gone(entries: Sequence[Entry], schemas: Collection[str]) -> set[str]:
    """Return the schemas that entries name and nobody makes: they came with an extension."""
    named = {one.schema for one in entries}
    named |= {name for one in entries for kind, name in [one.subject] if kind == "SCHEMA"}
    made = {one.name for one in entries if one.kind == "SCHEMA"}
    return named - made - {NO_SCHEMA, *schemas}


def _is_out(entry: Entry, missing: Collection[str], gone: Collection[str]) -> bool:
    kind, name = entry.subject
    if kind == "EVENT TRIGGER" and entry.owner == _PLATFORM_OWNER:
        return True
    if kind == "EXTENSION":
        return name in missing
    return entry.schema in gone or (kind == "SCHEMA" and name in gone)


def _hanging(entries: Sequence[Entry], out: Collection[int]) -> frozenset[int]:
    """Return what needs the left-out entries, and what needs that; rows are not excused."""
    numbers = {one.number for one in entries}
    hanging = set(out)
    # What needs a number that the archive does not have is about a member of an extension.
    members = {one.number for one in entries if one.needs - numbers}
    grown = True
    while grown:
        more = {one.number for one in entries if one.needs & hanging} - hanging
        hanging |= more
        grown = bool(more)
    # pg_dump tells of no need here: `USER MAPPING ROLE SERVER NAME` is all that it says.
    gone = [one for one in entries if one.number in hanging and one.kind == "SERVER"]
    servers = tuple(f" SERVER {one.name}" for one in gone)
    mappings = (one for one in entries if one.kind == "USER MAPPING")
    hanging |= {one.number for one in mappings if one.name.endswith(servers)}
    rows = {one.number for one in entries if one.kind in _ROWS}
    return frozenset((hanging - rows) | members)
