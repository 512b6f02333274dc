"""Default privileges: as they are in a database, and as its ledger has recorded them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.edges.postgres.catalog_sql import PLATFORM_SCHEMAS, sql
from shipway.values.inspection import DEFAULT_PRIVILEGE, DefaultPrivilege, Thing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["ask_default_privileges", "read_default_privileges", "read_recorded"]

_RECORDED: Final = "select before, granted from shipway.default_privileges order by before"


def ask_default_privileges(connection: psycopg.Connection[TupleRow]) -> psycopg.Cursor[TupleRow]:
    """Ask for the default privileges of a database."""
    query = sql("ours") + sql("default_privileges")
    return connection.execute(query, {"platform": [*PLATFORM_SCHEMAS]})


def read_default_privileges(answer: psycopg.Cursor[TupleRow]) -> tuple[DefaultPrivilege, ...]:
    """Return the default privileges that were asked for."""
    found = []
    for _, parent, name, told in answer:
        facts = tuple(zip(told[::2], (one or "" for one in told[1::2]), strict=True))
        found.append(DefaultPrivilege.of(Thing(DEFAULT_PRIVILEGE, parent, name, facts)))
    return tuple(sorted(found))


def read_recorded(
    connection: psycopg.Connection[TupleRow],
) -> Mapping[int, tuple[DefaultPrivilege, ...]]:
    """Return the default privileges that were in force before the files of some versions ran.

    Under 0 are those of the time when the ledger was written for another tool's history. A ledger
    that an older version of shipway keeps has recorded none.
    """
    there = connection.execute("select to_regclass('shipway.default_privileges')").fetchone()
    if there is None or there[0] is None:
        return {}
    return {
        before: tuple(DefaultPrivilege(*one) for one in granted)
        for before, granted in connection.execute(_RECORDED)
    }
