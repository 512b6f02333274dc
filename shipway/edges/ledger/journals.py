"""The journals that the target's database keeps, read without holding its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.postgres.advisory_lock import holder_of
from shipway.edges.postgres.reading import reading

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg
    from psycopg.rows import TupleRow

    from shipway.values.exchange import Holder

__all__ = ["Logbook"]

_THERE = "select to_regclass('shipway.journal') is not null"
_RELEASES = "select release_id from shipway.journal where number = 1 order by written_at"
_LINES = "select line from shipway.journal where release_id = %s order by number"
_LINES_OF_ALL = """
select release_id, array_agg(line order by number) from shipway.journal
 group by release_id order by min(written_at)
"""
_SINCE = """
select written_at, extract(epoch from clock_timestamp() - written_at)::float8
  from shipway.journal where release_id = %s and number = %s
"""


class Logbook:
    """What releases have written into the target. Writes nothing."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection
        with reading(connection):
            self._there = connection.execute(_THERE).fetchone() == (True,)

    def releases(self) -> tuple[str, ...]:
        """Return the ids of all releases, oldest first."""
        return tuple(name for (name,) in self._rows(_RELEASES))

    def lines(self, release_id: str) -> tuple[str, ...]:
        """Return the lines of a journal, in order."""
        return tuple(line for (line,) in self._rows(_LINES, release_id))

    def journals(self) -> dict[str, tuple[str, ...]]:
        """Return the lines of every journal, the oldest release first."""
        return {name: tuple(lines) for name, lines in self._rows(_LINES_OF_ALL)}

    def written(self, release_id: str, number: int) -> tuple[datetime, float] | None:
        """Return when a line was written and how many seconds ago, by the server's clock."""
        for at, ago_s in self._rows(_SINCE, release_id, number):
            return at, float(ago_s)
        return None

    def holder(self) -> Holder | None:
        """Return who holds the target's lock now."""
        return holder_of(self._connection)

    def _rows(self, query: str, *given: object) -> list[TupleRow]:
        if not self._there:
            return []
        with reading(self._connection):
            return self._connection.execute(query.encode(), given).fetchall()
