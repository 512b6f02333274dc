"""A sample of an archive's rows: small tables whole, of large ones the first rows that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

from shipway.edges.machine import process
from shipway.values.rehearsal import SampledTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import psycopg

    from shipway.edges.client_tools.programs import Tool

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["AS_REPLICA", "count_samples", "fill", "hold_keys"]

AS_REPLICA: Final = "-c session_replication_role=replica"
"""Without triggers, and so without foreign keys being looked at: for who loads table by table."""
_DEADLINE_S: Final = 6 * 3600.0
_END: Final = b"\\."

# Rows whose parent is not in the sample are taken out, again and again: a child has children too.
# MATCH SIMPLE: a key with a null in it refers to nothing.
_KEYS: Final = """
select n.nspname, c.relname, pn.nspname, p.relname,
       array(select a.attname::text from unnest(k.conkey) with ordinality u (num, at)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at),
       array(select a.attname::text from unnest(k.confkey) with ordinality u (num, at)
             join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at)
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_class p on p.oid = k.confrelid join pg_namespace pn on pn.oid = p.relnamespace
 where k.contype = 'f' and k.conparentid = 0
"""


def fill(
    tool: Tool, archive: Path, entry_list: Path, connection: Connection, *, most_rows: int
) -> None:
    """Put the first rows of one table into it, and stop reading then.

    Args:
        tool: pg_restore.
        archive: the dump.
        entry_list: names the table's data alone.
        connection: to the database, as a superuser, in the replica's role.
        most_rows: so many at most.
    """
    argv: list[str | Path] = [
        tool.path,
        "--data-only",
        f"--use-list={entry_list}",
        "--file=-",
        archive,
    ]
    with process.stream(argv, env=tool.env, deadline_s=_DEADLINE_S) as running:
        head = next((line for line in running.stdout if line.startswith(b"COPY ")), None)
        if head is None:
            return
        with connection.cursor() as cursor, cursor.copy(head.rstrip().rstrip(b";")) as copy:
            for _ in range(most_rows):
                line = running.stdout.readline()
                if not line or line.rstrip(b"\r\n") == _END:
                    break
                copy.write(line)


def hold_keys(connection: Connection) -> None:
    """Delete the rows that refer to a row that is not in the sample, until none is left."""
    keys = connection.execute(_KEYS).fetchall()
    gone = 1
    while gone:
        gone = 0
        for schema, table, parent_schema, parent, columns, referred in keys:
            child, other = sql.Identifier("child"), sql.Identifier("parent")
            pairs = sql.SQL(" and ").join(
                sql.SQL("{}.{} = {}.{}").format(
                    child, sql.Identifier(mine), other, sql.Identifier(theirs)
                )
                for mine, theirs in zip(_names(columns), _names(referred), strict=True)
            )
            filled = sql.SQL(" and ").join(
                sql.SQL("{}.{} is not null").format(child, sql.Identifier(mine))
                for mine in _names(columns)
            )
            gone += connection.execute(
                sql.SQL(
                    "delete from {} as child where {} and not exists (select from {} as parent "
                    "where {})"
                ).format(
                    sql.Identifier(str(schema), str(table)),
                    filled,
                    sql.Identifier(str(parent_schema), str(parent)),
                    pairs,
                )
            ).rowcount


def count_samples(connection: Connection, rows: Mapping[str, int]) -> tuple[SampledTable, ...]:
    """Return the tables that hold fewer rows than the backup does.

    Args:
        connection: to the filled database.
        rows: `schema.table` to rows in the backup.
    """
    found = []
    for name, of_rows in rows.items():
        schema, _, table = name.partition(".")
        there = connection.execute(
            "select to_regclass(format('%%I.%%I', %s::text, %s::text))", [schema, table]
        )
        if there.fetchone() == (None,):
            continue
        query = sql.SQL("select count(*) from only {}").format(sql.Identifier(schema, table))
        ((held,),) = connection.execute(query).fetchall()
        if int(str(held)) < of_rows:
            found.append(SampledTable(name=name, rows=int(str(held)), of_rows=of_rows))
    return tuple(found)


def _names(columns: object) -> Sequence[str]:
    return [str(one) for one in columns] if isinstance(columns, list) else []
