"""What of an archive stays out of a database whose server lacks extensions, and what goes along.

What names a left-out object goes with it. What merely needs one, or needs an extension that is a
stand-in there, is tried, and may fail for want of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.edges.extensions.library import COMMENT
from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS
from shipway.edges.restore.archive_entries import NO_SCHEMA, describe
from shipway.edges.restore.foreign_servers import LEADS_OUT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import psycopg

    from shipway.edges.restore.archive_entries import Entry

__all__ = ["Lacking", "Parting", "lacking_of", "part", "tell_left_out"]

_PLATFORM_OWNER: Final = "supabase_admin"
_TABLES: Final = ("TABLE", "FOREIGN TABLE")
_ROWS: Final = (*_TABLES, "TABLE DATA", "SEQUENCE", "SEQUENCE SET")
"""Without these a restore has not brought the data back. What they need that the archive does
not have belongs to an extension: then the rows are that extension's own."""
_UNTOLD: Final = ("EXTENSION", "DEFAULT ACL", "SEQUENCE SET", "USER MAPPING", "SUBSCRIPTION TABLE")
_LACKING: Final = re.compile(
    r"does not exist|has no default operator class|is not available|has no installation script"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """The target's extensions that a server does not really have."""

    missing: tuple[str, ...]
    stood_in_for: tuple[str, ...]

    def there(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the extensions of an archive that can be made."""
        return [one for one in entries if one.kind == "EXTENSION" and one.name not in self.missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """An archive's entries, parted."""

    kept: tuple[Entry, ...]
    out: tuple[Entry, ...]
    left_out: tuple[str, ...]
    """These, for people."""
    hanging: frozenset[int]
    """Numbers of those among the kept that need what is lacking."""

    undumped: Collection[str] = ()
    """What the role could not read, as `schema.table`: it is not in the archive."""

    def excuses(self, number: int, error: str, excused: Collection[int]) -> bool:
        """Return whether an entry fails for want of what is lacking, and else no rows with it.

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

    def tables_among(self, failed: Iterable[Entry]) -> tuple[str, ...]:
        """Return the tables, as `schema.table`, that are left out or among those that failed."""
        gone = [one for one in (*self.out, *failed) if one.kind in _TABLES]
        return tuple(f"{one.schema}.{one.name}" for one in gone)


def lacking_of(
    connection: psycopg.Connection[tuple[object, ...]],
    extensions: Collection[str],
    unusable: Collection[str] = (),
) -> Lacking:
    """Return which of the target's extensions a server lacks, or has as stand-ins.

    Args:
        connection: to the database.
        extensions: the target's.
        unusable: those that the server has and that cannot be made in this database.
    """
    found = connection.execute("select name, comment from pg_available_extensions").fetchall()
    offered = {str(name): str(comment).startswith(COMMENT) for name, comment in found}
    return Lacking(
        missing=tuple(sorted(set(extensions) - (set(offered) - set(unusable)))),
        stood_in_for=tuple(sorted(name for name in extensions if offered.get(name))),
    )


def part(
    entries: Sequence[Entry],
    lacking: Lacking,
    *,
    schemas: Collection[str],
    stays: bool,
    undumped: Collection[str] = (),
) -> Parting:
    """Part an archive's entries into those to restore and those that stay out.

    Args:
        entries: all of the archive.
        lacking: what the server does not really have.
        schemas: those that are there, the archive's own and its extensions' included.
        stays: whether the database is there to be used: then no table may fail for any want. Of
            what does not stay nothing leads to another database.
        undumped: what the role could not read, and so is not in the archive.
    """
    numbers = {one.number for one in entries}
    gone = _schemas_gone(entries, schemas) if lacking.missing else set()
    out = {one.number for one in entries if _is_out(one, lacking.missing, gone)}
    out |= {one.number for one in entries if _is_platforms(one, entries)}
    if not stays:
        out |= _leading_out(entries)
    out |= {one.number for one in entries if one.is_about and one.needs & out}
    words = [f"extension {name}" for name in lacking.missing]
    words += [f"schema {name}" for name in sorted(gone)]
    words += tell_left_out([one for one in entries if one.number in out])
    poor = {
        one.number
        for one in entries
        if one.kind == "EXTENSION" and one.name in lacking.stood_in_for
    }
    hanging = _hanging(entries, out | poor) if lacking.missing or poor else frozenset[int]()
    if stays:
        hanging -= {one.number for one in entries if one.kind in _ROWS and one.needs <= numbers}
    return Parting(
        kept=tuple(one for one in entries if one.number not in out),
        out=tuple(one for one in entries if one.number in out),
        left_out=tuple(words),
        hanging=hanging,
        undumped=undumped,
    )


def tell_left_out(entries: Iterable[Entry]) -> list[str]:
    """Return what a person should know of entries that are not there; the rest goes without saying.

    Grants and comments go with what they are about, and extensions are told by name.
    """
    return [describe(one) for one in entries if not one.is_about and one.kind not in _UNTOLD]


def _schemas_gone(entries: Sequence[Entry], schemas: Collection[str]) -> set[str]:
    """Return the schemas that entries name and nobody makes: they came with an extension."""
    named = {one.schema for one in entries}
    named |= {name for one in entries for kind, name in [one.subject] if kind == "SCHEMA"}
    return named - {NO_SCHEMA, *schemas}


def _is_out(entry: Entry, missing: Collection[str], gone: Collection[str]) -> bool:
    kind, name = entry.subject
    if kind == "EXTENSION":
        return name in missing
    return entry.schema in gone or (kind == "SCHEMA" and name in gone)


def _is_platforms(entry: Entry, entries: Iterable[Entry]) -> bool:
    """Return whether it is an event trigger by which the platform keeps its extensions in order.

    What the dashboard makes belongs to the same owner, and calls a function of the project.
    """
    return (entry.kind, entry.owner) == ("EVENT TRIGGER", _PLATFORM_OWNER) and not any(
        one.kind == "FUNCTION" and one.schema not in PLATFORM_SCHEMAS and one.number in entry.needs
        for one in entries
    )


def _leading_out(entries: Sequence[Entry]) -> set[int]:
    """Return what goes to other databases, views that are filled from there included."""
    foreign = _grown(entries, {one.number for one in entries if one.kind == "SERVER"})
    return {
        one.number
        for one in entries
        if one.kind in LEADS_OUT or (one.kind == "MATERIALIZED VIEW DATA" and one.number in foreign)
    }


def _grown(entries: Sequence[Entry], some: Collection[int]) -> set[int]:
    """Return some entries, what needs them, and what needs that."""
    all_of_them = set(some)
    while more := {one.number for one in entries if one.needs & all_of_them} - all_of_them:
        all_of_them |= more
    return all_of_them


def _hanging(entries: Sequence[Entry], lacking: Collection[int]) -> frozenset[int]:
    """Return what needs the entries that are lacking, and what needs that."""
    numbers = {one.number for one in entries}
    # What needs a number that the archive does not have is about a member of an extension.
    members = (one.number for one in entries if one.needs - numbers)
    hanging = _grown(entries, {*lacking, *members})
    # pg_dump tells of no need here: `USER MAPPING ROLE SERVER NAME` is all that it says.
    gone = [one for one in entries if one.number in hanging and one.kind == "SERVER"]
    servers = tuple(f" SERVER {one.name}" for one in gone)
    mappings = (one for one in entries if one.kind == "USER MAPPING")
    return frozenset(hanging | {one.number for one in mappings if one.name.endswith(servers)})
