"""What the target is asked all day: the queries in pg_stat_statements, and how often each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.postgres.reading import reading
from shipway.errors import Stopped
from shipway.values.basics import Unproven
from shipway.values.rehearsal import Query

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

__all__ = ["read_traffic"]

_MOST: Final = 200
_HIDDEN: Final = "<insufficient privilege>"
# Only an extension's own view is asked: anyone could make one of that name.
_PLACE: Final = """
select n.nspname, array(select attname::text from pg_attribute
                        where attrelid = c.oid and attnum > 0 and not attisdropped)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relname = 'pg_stat_statements' and c.relkind = 'v'
   and exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid
               and deptype = 'e')
"""
# Texts are there already without their values; what is no query is left out: it runs rarely.
_BUSIEST: Final = """
select query, sum(calls)::float8, extract(epoch from now() - min({since}))::float8 / 60
  from {view}
 where dbid = (select oid from pg_database where datname = current_database())
   and (query = %(hidden)s or query ~* '^\\s*(select|insert|update|delete|merge|with)\\M')
   and query !~* '\\mpg_(locks|stat_\\w+|catalog)\\M'
 group by query order by 2 desc limit %(most)s
"""


def read_traffic(connection: psycopg.Connection[TupleRow]) -> tuple[Query, ...] | Unproven:
    """Return the busiest queries of the database, or why they are not known.

    Args:
        connection: to the target, in autocommit mode.
    """
    try:
        with reading(connection):
            place = connection.execute(_PLACE).fetchone()
            if place is None:
                return _unknown("the target has no pg_stat_statements")
            query = _busiest(*place)
            rows = connection.execute(query, {"hidden": _HIDDEN, "most": _MOST}).fetchall()
    except Stopped as stopped:
        return _unknown(f"pg_stat_statements cannot be read: {stopped.what}")
    except psycopg.Error as error:
        return _unknown(f"pg_stat_statements cannot be read: {plain_message(error)}")
    if not rows:
        return _unknown("pg_stat_statements holds no query of this database yet")
    shown = [row for row in rows if row[0] != _HIDDEN]
    if not shown:
        return _unknown("the role may not read the queries of others: grant it pg_read_all_stats")
    return tuple(
        # Counted for less than a minute is counted for too short a time to be divided by it.
        Query(text=text, per_minute=round(calls / max(1.0, minutes or 1.0), 2))
        for text, calls, minutes in shown
    )


def _busiest(schema: str, columns: list[str]) -> sql.Composed:
    # Since version 1.11 (PostgreSQL 17) each query knows since when it is counted.
    since: sql.Composable = sql.SQL("stats_since")
    if "stats_since" not in columns:
        since = sql.SQL("(select stats_reset from {})").format(
            sql.Identifier(schema, "pg_stat_statements_info")
        )
    return sql.SQL(_BUSIEST).format(view=sql.Identifier(schema, "pg_stat_statements"), since=since)


def _unknown(why: str) -> Unproven:
    return Unproven(missing=why, command="create extension pg_stat_statements")
