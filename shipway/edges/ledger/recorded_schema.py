"""The schema that the target keeps beside its ledger: as the last run or adoption left it."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.postgres.catalog_sql import reader
from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.postgres.reading import reading
from shipway.errors import Failed, Refused, Stopped
from shipway.formats.decoding import IllFormed
from shipway.formats.signed_file import paper_of, value_in
from shipway.values.recorded import RecordedSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shipway.edges.postgres.connection import Connection
    from shipway.values.basics import Secret

__all__ = ["RecordedSchemas"]

_KIND: Final = "recorded schema"
_THERE: Final = "select to_regclass('shipway.recorded_schema') is not null"
_READ: Final = "select paper from shipway.recorded_schema"
# One row: what it was before stands in the backups, which hold this table too.
_TABLE: Final = b"""
create table shipway.recorded_schema (
  one boolean primary key default true check (one),
  paper bytea not null
);
alter table shipway.recorded_schema enable row level security;
revoke all on shipway.recorded_schema from public
"""
_WRITE: Final = (
    "insert into shipway.recorded_schema (paper) values (%s) "
    "on conflict (one) do update set paper = excluded.paper"
)


class RecordedSchemas:
    """Reads and writes the one record of a target.

    Args:
        connect: returns a connection in autocommit mode, with no transaction open.
        key: signs what is written; when given, what is read must be signed with it.
    """

    def __init__(self, connect: Callable[[], Connection], *, key: Secret | None) -> None:
        self._connect = connect
        self._key = key

    @property
    def reader(self) -> str:
        """The digest of the queries that read a schema here."""
        return reader()

    @property
    def role(self) -> str:
        """The role whose point of view it is."""
        return self._connect().info.user

    def read(self) -> RecordedSchema | None:
        """Return what is kept; None when nothing is.

        Raises:
            Stopped: it cannot be read, was changed by another hand, or has a form of tomorrow.
        """
        connection = self._connect()
        with _as_our_error("read"), reading(connection):
            rows = connection.execute(_THERE).fetchall()
            kept = connection.execute(_READ).fetchall() if rows == [(True,)] else []
        if not kept:
            return None
        try:
            return value_in(zlib.decompress(kept[0][0]), _KIND, RecordedSchema, key=self._key)
        except zlib.error:
            why = "is damaged"
        except IllFormed as ill_formed:
            why = str(ill_formed)
        raise Refused(
            f"the schema that is recorded in shipway.recorded_schema {why}",
            unchanged="The database was only looked at.",
            next_step="Look at what differs (invoke db.diff); then take the schema that is there "
            "for the expected one: invoke db.adopt --schema",
        )

    def write(self, record: RecordedSchema) -> None:
        """Put a record in the place of the one that is there.

        Raises:
            Stopped: the database does not take it.
        """
        connection = self._connect()
        paper = zlib.compress(paper_of(_KIND, record, key=self._key))
        with _as_our_error("written"), connection.transaction():
            if connection.execute(_THERE).fetchone() != (True,):
                connection.execute(_TABLE)
            connection.execute(_WRITE, [paper])


@contextmanager
def _as_our_error(what: str) -> Iterator[None]:
    """Turn what the server says into an error of ours."""
    why = ""
    try:
        yield
    except psycopg.Error as error:
        why = plain_message(error)
    except Stopped as stopped:
        why = stopped.what
    if why:
        raise Failed(
            f"the recorded schema cannot be {what}: {why}",
            unchanged="Nothing was changed.",
            next_step="Connect as the role that owns the schema shipway.",
        )
