"""Restores an archive into an empty database, without what only the platform has."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.edges.catalog import statistics
from shipway.edges.client_tools import connections as tool_connections
from shipway.edges.client_tools import programs as pgtools
from shipway.edges.postgres import connection as postgres
from shipway.edges.postgres import diagnostics
from shipway.edges.restore import sample
from shipway.edges.restore.archive_entries import describe, entries_of
from shipway.edges.restore.collations import make_collations
from shipway.edges.restore.foreign_servers import lead_nowhere
from shipway.edges.restore.left_out import lacking_of, part, tell_left_out
from shipway.edges.restore.pg_restore import PgRestore, list_file
from shipway.edges.restore.progress import RowsBack, untold
from shipway.edges.restore.retry import load, path_of
from shipway.edges.restore.schema_state import PUBLIC, make_new
from shipway.edges.restore.script import DATA, POST_DATA, PRE_DATA, Script
from shipway.values.rehearsal import Restored

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from shipway.edges.restore.archive_entries import Entry
    from shipway.values.backup import Manifest
    from shipway.values.basics import Secret
    from shipway.values.rehearsal import SampledTable


__all__ = ["restore", "restorer_of"]

_ROWS: Final = ("TABLE DATA", "SEQUENCE SET", "BLOBS", "BLOB")
_MOST_AGAIN: Final = 500
"""Where more fails than this, its order is not the cause; each would be tried alone."""


def restore(  # noqa: PLR0913 - all but two by name
    archive: Path,
    manifest: Manifest,
    *,
    url: Secret,
    stays: bool,
    most_rows: int | None = None,
    unusable: Collection[str] = (),
    tell: Callable[[int], None] = untold,
) -> Restored:
    """Restore an archive into an empty database whose server has the roles already.

    Args:
        archive: the file; its digest was compared with the manifest by the caller.
        manifest: what it holds.
        url: the database, as a superuser.
        stays: whether it is there to be used: no table may be missing then.
        most_rows: of larger tables only so many rows are restored, and of those only the ones
            whose foreign keys hold; all of them when None.
        unusable: extensions that the server has and that cannot be made in this database.
        tell: told a few times a second how many rows are back.

    Raises:
        Misconfigured: no pg_restore on this machine can read it.
        Failed: pg_restore could not begin at all.
    """
    began = time.monotonic()
    with postgres.connect(url, purpose="restore", timeout_s=10.0) as connection:
        tool = restorer_of(
            manifest,
            tls=connection.pgconn.ssl_in_use,
            parameters=tool_connections.requested_parameters(connection, url),
        )
        entries = entries_of(tool, archive, manifest.roles)
        make_new(connection, PUBLIC)
        lacking = lacking_of(connection, manifest.extensions, unusable)
        rows = {one.number: manifest.row_counts.get(_table_of(one), 0) for one in entries}
        pg_restore = PgRestore(
            tool=tool,
            archive=archive,
            connection=connection,
            url=url,
            back=RowsBack(rows, tell),
        )
        errors = pg_restore.run([one for one in entries if one.kind == "SCHEMA"])
        if not manifest.has_public:
            connection.execute("drop schema public")
        errors += pg_restore.run(lacking.there(entries))
        # Only now it shows which schemas nobody makes: some come with an extension.
        schemas = connection.execute("select nspname from pg_namespace").fetchall()
        parting = part(
            entries,
            lacking,
            schemas={str(name) for (name,) in schemas},
            stays=stays,
            undumped=manifest.left_out,
        )
        pg_restore = replace(pg_restore, excuses=parting.excuses)
        made, unlike, nowhere = frozenset[int](), tuple[str, ...](), list[str]()
        if not stays:
            script = Script(connection, tool, archive)
            made, unlike = make_collations(connection, script, parting.kept, manifest.locale)
        rest = [
            one
            for one in parting.kept
            if one.kind not in {"SCHEMA", "EXTENSION"} and one.number not in made
        ]
        unowned = [one for one in rest if _is_unowned(one, manifest)]
        # They would note, or refuse, what comes back after them.
        noting = [one for one in rest if one.subject[0] == "EVENT TRIGGER" and one not in unowned]
        rest = [one for one in rest if one not in unowned and one not in noting]
        held: tuple[SampledTable, ...] = ()
        by_path: tuple[str, ...] = ()
        if most_rows is None:
            more, by_path = _in_order(pg_restore, rest, rows, path_of(manifest))
            errors += more
        else:
            errors += _with_sample(pg_restore, rest, manifest.row_counts, most_rows)
            held = sample.count_samples(connection, manifest.row_counts)
        if not stays:
            nowhere, leading = lead_nowhere(connection)
            errors += leading
        errors += pg_restore.run(noting)
        errors += pg_restore.run(unowned, with_owners=False)
        statistics.gather(connection, url)
        version = connection.execute("show server_version").fetchone()
    failed = [one for one in parting.kept if one.number in pg_restore.excused]
    return Restored(
        server_version=str(version[0]) if version else "",
        tool=tool.label,
        duration_s=round(time.monotonic() - began, 3),
        left_out=(*parting.left_out, *unlike, *nowhere, *tell_left_out(failed)),
        stand_ins=lacking.stood_in_for,
        tables_left_out=parting.tables_among(failed),
        errors=tuple(error for _, error in errors),
        sample=held,
        by_path=by_path,
    )


def _in_order(
    pg_restore: PgRestore, entries: Sequence[Entry], rows: Mapping[int, int], search_path: str
) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    """Restore entries, the rows before indexes, keys and triggers; return errors and `by_path`.

    What pg_restore could not load is tried again where it belongs: rows that come later would
    set triggers off.
    """
    errors: list[tuple[int, str]] = []
    by_path: tuple[str, ...] = ()
    for sections in ((PRE_DATA, DATA), (POST_DATA,)):
        found = pg_restore.run(entries, sections=sections)
        numbers = {number for number, _ in found}
        if found:
            # Its processes write into each other's lines: what one of them said of may be lost.
            numbers |= set(_empty(pg_restore.connection, entries, rows))
        again = [one for one in entries if one.number in numbers]
        if again and len(again) <= _MOST_AGAIN:
            script = Script(pg_restore.connection, pg_restore.tool, pg_restore.archive)
            outcome = load(pg_restore.connection, script, again, search_path=search_path)
            told = {number for number, _ in found}
            found = [one for one in found if one[0] in {0, *outcome.numbers}]
            found += [
                (entry.number, f"{describe(entry)}: {diagnostics.plain_message(error)}")
                for entry, error in outcome.failed
                if entry.number not in told
            ]
            by_path += outcome.by_path
        errors += found
    # What was sent has left its settings.
    pg_restore.connection.execute("reset all")
    return errors, by_path


def _empty(
    connection: psycopg.Connection[tuple[object, ...]],
    entries: Sequence[Entry],
    rows: Mapping[int, int],
) -> Iterator[int]:
    """Yield the numbers of the entries whose rows are not there: each comes whole or not at all."""
    for one in entries:
        if one.kind == "TABLE DATA" and rows.get(one.number):
            table = sql.Identifier(one.schema, one.name)
            with suppress(psycopg.Error):  # it could not be made
                query = sql.SQL("select from only {} limit 1").format(table)
                if connection.execute(query).fetchone() is None:
                    yield one.number


def _with_sample(
    pg_restore: PgRestore, entries: Sequence[Entry], rows: Mapping[str, int], most_rows: int
) -> list[tuple[int, str]]:
    """Restore everything but the rows, then some of those; return pg_restore's errors."""
    data = [one for one in entries if one.kind in _ROWS]
    views = [one for one in entries if one.kind == "MATERIALIZED VIEW DATA"]
    large = [one for one in data if rows.get(_table_of(one), 0) > most_rows]
    # Indexes and keys go before the rows: none of them then fails for a row that is missing.
    errors = pg_restore.run([one for one in entries if one not in data and one not in views])
    errors += pg_restore.run([one for one in data if one not in large], sample.AS_REPLICA)
    connection = pg_restore.connection
    connection.execute("set session_replication_role = replica")
    for one in large:
        with list_file([one]) as chosen:
            sample.fill(
                pg_restore.tool, pg_restore.archive, chosen, connection, most_rows=most_rows
            )
    sample.hold_keys(connection)
    connection.execute("reset session_replication_role")
    return errors + pg_restore.run(views)


def _table_of(entry: Entry) -> str:
    return f"{entry.schema}.{entry.name}"


def _is_unowned(entry: Entry, manifest: Manifest) -> bool:
    """Return whether it is an event trigger whose owner only the platform could give it to."""
    superusers = {role.name for role in manifest.roles if "superuser" in role.attributes}
    return entry.subject[0] == "EVENT TRIGGER" and entry.owner not in superusers


def restorer_of(
    manifest: Manifest, *, tls: bool = False, parameters: Mapping[str, str] | None = None
) -> pgtools.Tool:
    """Return the pg_restore that reads a backup's archive.

    Args:
        manifest: of the backup.
        tls: whether it connects, and has to encrypt that.
        parameters: of its connection.

    Raises:
        Misconfigured: there is none on this machine.
    """
    major = int(re.search(r"\d+", manifest.tool)[0])  # type: ignore[index]
    zstd = "zstd" in manifest.compression
    return pgtools.find_restorer(major, zstd=zstd, tls=tls, parameters=parameters)
