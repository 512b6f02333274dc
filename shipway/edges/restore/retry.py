"""Loads what depends on more than an archive tells, by trying it again after the rest.

A CHECK may call a function that reads another table, and a function may find its names by the
search path alone, while a restore has an empty one. So what failed is tried again, as long as
that brings anything in, and then with the search path of the database that was dumped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.restore.archive_entries import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.edges.restore.archive_entries import Entry
    from shipway.edges.restore.script import Script
    from shipway.values.backup import Manifest

__all__ = ["Outcome", "load", "path_of"]

_HOPELESS: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
"""Another session is in the way: the next entry would wait for it, too."""
_FUNCTION: Final = re.compile(r'^(?:SQL|PL/pgSQL) function "?([\w.]+)', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of loading some entries."""

    failed: tuple[tuple[Entry, psycopg.Error], ...] = ()
    by_path: tuple[str, ...] = ()
    """What only came in with the search path of the database, for people."""

    @property
    def numbers(self) -> frozenset[int]:
        """Of the entries that failed."""
        return frozenset(entry.number for entry, _ in self.failed)


def load(
    connection: psycopg.Connection[tuple[object, ...]],
    script: Script,
    entries: Sequence[Entry],
    *,
    section: str = "",
    search_path: str,
) -> Outcome:
    """Load entries through a connection, in as many rounds as bring anything in.

    Args:
        connection: that the script sends through; inside a transaction of the caller's, or not.
        script: of the archive.
        entries: in the archive's order.
        section: only what belongs to it.
        search_path: of the database that was dumped, for what an empty one does not do for.
    """
    loading = _Loading(connection, script, section)
    failed = loading.rounds(entries, "")
    if not failed:
        return Outcome()
    left = loading.rounds([entry for entry, _ in failed], search_path)
    kept = {entry.number for entry, _ in left}
    by_path = [(entry, error) for entry, error in failed if entry.number not in kept]
    # The first error is the one that a restore has: with a path it would be another.
    first = [(entry, error) for entry, error in failed if entry.number in kept]
    return Outcome(failed=tuple(first), by_path=tuple(_tell(*one) for one in by_path))


def path_of(manifest: Manifest) -> str:
    """Return the search path of the dumped database's sessions, for whoever restores it."""
    path = manifest.session.settings.get("search_path") if manifest.session else None
    owner = manifest.role.replace('"', '""')
    return (path or '"$user", public').replace('"$user"', f'"{owner}"')


class _Loading:
    def __init__(
        self, connection: psycopg.Connection[tuple[object, ...]], script: Script, section: str
    ) -> None:
        self._connection = connection
        self._script = script
        self._section = section

    def rounds(
        self, entries: Sequence[Entry], search_path: str
    ) -> list[tuple[Entry, psycopg.Error]]:
        """Load entries, those that failed again and again; return what fails in the end."""
        failed = self._tried(entries, search_path)
        while failed:
            again = self._tried([entry for entry, _ in failed], search_path)
            if len(again) == len(failed):
                return again
            failed = again
        return failed

    def _tried(
        self, entries: Sequence[Entry], search_path: str
    ) -> list[tuple[Entry, psycopg.Error]]:
        """Load entries all together, or else in halves; return those that fail alone."""
        try:
            with self._connection.transaction():
                self._script.send(entries, section=self._section, search_path=search_path)
        except psycopg.Error as error:
            if self._connection.closed or isinstance(error, _HOPELESS):
                raise
            if len(entries) == 1:
                return [(entries[0], error)]
            half = len(entries) // 2
            parts = (entries[:half], entries[half:])
            return [one for part in parts for one in self._tried(part, search_path)]
        return []


def _tell(entry: Entry, error: psycopg.Error) -> str:
    found = _FUNCTION.search(error.diag.context or "")
    return f"{describe(entry)} ({found[1]})" if found else describe(entry)
