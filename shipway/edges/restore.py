"""Restores an archive into an empty database, without what only the platform has."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from psycopg.conninfo import make_conninfo

from shipway.edges import pgtools, postgres, process, sample, statistics, tool_messages
from shipway.edges.rows_back import RowsBack, untold
from shipway.errors import Failed
from shipway.values import Restored, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import psycopg

    from shipway.values import Manifest, SampledTable

__all__ = ["Entry", "entries_of", "restore", "restorer_of"]

_DEADLINE_S: Final = 6 * 3600.0
_JOBS: Final = 2
_LOOK_EVERY_S: Final = 0.25

# Schemas that an extension of the platform fills; without it, what lies in them is useless.
_SCHEMA_OF: Final = {
    "pg_cron": "cron",
    "pg_net": "net",
    "pg_graphql": "graphql",
    "pgsodium": "pgsodium",
    "supabase_vault": "vault",
    "pgmq": "pgmq",
    "pg_tle": "pgtle",
}
# The functions that columns' defaults use most, for builds without their extension.
_NEW_UUID: Final = "returns uuid language sql volatile as 'select pg_catalog.gen_random_uuid()'"
_RANDOM_BYTES: Final = """returns bytea language sql volatile as $$
    select pg_catalog.decode(pg_catalog.string_agg(
        pg_catalog.lpad(pg_catalog.to_hex((pg_catalog.random() * 255)::int), 2, '0'), ''), 'hex')
    from pg_catalog.generate_series(1, length) $$"""
_STUBS: Final = {
    "uuid-ossp": {"uuid_generate_v4()": _NEW_UUID, "uuid_generate_v1()": _NEW_UUID},
    "pgcrypto": {"gen_random_uuid()": _NEW_UUID, "gen_random_bytes(length int)": _RANDOM_BYTES},
}
# pg_restore 17 and newer say this to older servers; everything is there all the same.
_HARMLESS: Final = ('unrecognized configuration parameter "transaction_timeout"',)
_DATA: Final = ("TABLE DATA", "SEQUENCE SET", "BLOBS", "BLOB")
_PLATFORM_OWNER: Final = "supabase_admin"
_ENTRY: Final = re.compile(r"\d+; \d+ \d+ (?P<kind>[A-Z][A-Z ]*[A-Z]) (?P<schema>\S+) (?P<name>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an archive's table of contents."""

    line: str
    """As pg_restore takes it back."""
    number: int
    """Its name in what pg_restore says."""
    kind: str
    """TABLE, TABLE DATA, TRIGGER, …"""
    schema: str
    """`-` for what lies in none."""
    name: str
    """With the owner as its last word."""


def restore(
    archive: Path,
    manifest: Manifest,
    *,
    url: Secret,
    most_rows: int | None = None,
    tell: Callable[[int], None] = untold,
) -> Restored:
    """Restore an archive into an empty database whose server has the roles already.

    Args:
        archive: the file; its digest was compared with the manifest by the caller.
        manifest: what it holds.
        url: the database, as a superuser.
        most_rows: of larger tables only so many rows are restored, and of those only the ones
            whose foreign keys hold; all of them when None.
        tell: told a few times a second how many rows are back.

    Raises:
        Misconfigured: no pg_restore on this machine can read it.
        Failed: pg_restore could not begin at all.
    """
    began = time.monotonic()
    tool = restorer_of(manifest)
    with postgres.connect(url, purpose="restore", timeout_s=10.0) as connection:
        available = connection.execute("select name from pg_available_extensions").fetchall()
        missing = sorted(set(manifest.extensions) - {name for (name,) in available})
        kept, left_out = _chosen(entries_of(tool, archive), missing)
        rows = {one.number: manifest.row_counts.get(_table_of(one), 0) for one in kept}
        pg_restore = _PgRestore(
            tool=tool,
            archive=archive,
            connection=connection,
            password=postgres.password_of(url) or Secret(""),
            back=RowsBack(rows, tell),
        )
        first = [entry for entry in kept if entry.kind == "SCHEMA"]
        if any(entry.schema == "-" and entry.name.startswith("public ") for entry in first):
            connection.execute("drop schema if exists public")
        errors = pg_restore.run(first)
        _make_stubs(connection, missing)
        second = [entry for entry in kept if entry.kind != "SCHEMA"]
        held: tuple[SampledTable, ...] = ()
        if most_rows is None:
            errors += pg_restore.run(second)
        else:
            errors += _with_sample(pg_restore, second, manifest.row_counts, most_rows)
            held = sample.counted(connection, manifest.row_counts)
        statistics.gather(connection, url)
        version = connection.execute("show server_version").fetchone()
    return Restored(
        server_version=str(version[0]) if version else "",
        tool=tool.label,
        duration_s=round(time.monotonic() - began, 3),
        left_out=tuple(left_out),
        errors=tuple(errors),
        sample=held,
    )


def _with_sample(
    pg_restore: _PgRestore, entries: list[Entry], rows: Mapping[str, int], most_rows: int
) -> list[str]:
    """Restore everything but the rows, then some of those; return pg_restore's errors."""
    data = [one for one in entries if one.kind in _DATA]
    views = [one for one in entries if one.kind == "MATERIALIZED VIEW DATA"]
    large = [one for one in data if rows.get(_table_of(one), 0) > most_rows]
    # Indexes and keys go before the rows: none of them then fails for a row that is missing.
    errors = pg_restore.run([one for one in entries if one not in data and one not in views])
    errors += pg_restore.run([one for one in data if one not in large], sample.AS_REPLICA)
    connection = pg_restore.connection
    connection.execute("set session_replication_role = replica")
    for one in large:
        with _list_of([one]) as chosen:
            sample.fill(
                pg_restore.tool, pg_restore.archive, chosen, connection, most_rows=most_rows
            )
    sample.hold_keys(connection)
    connection.execute("reset session_replication_role")
    return errors + pg_restore.run(views)


def _table_of(entry: Entry) -> str:
    return f"{entry.schema}.{entry.name.rpartition(' ')[0]}"


def restorer_of(manifest: Manifest) -> pgtools.Tool:
    """Return the pg_restore that reads a backup's archive.

    Raises:
        Misconfigured: there is none on this machine.
    """
    major = int(re.search(r"\d+", manifest.tool)[0])  # type: ignore[index]
    return pgtools.find_restorer(major, zstd="zstd" in manifest.compression)


def entries_of(tool: pgtools.Tool, archive: Path) -> list[Entry]:
    """Return an archive's table of contents.

    Raises:
        Failed: it cannot be read.
    """
    said = process.run([tool.path, "--list", archive], env=tool.env, deadline_s=300.0)
    if said.returncode:
        raise Failed(
            f"{archive.name} cannot be listed: {tool_messages.told(said.stderr)}",
            unchanged="Nothing was restored.",
            next_step="Use another backup: invoke backup.list",
        )
    lines = said.stdout.decode("utf-8", "replace").splitlines()
    return [_entry(line) for line in lines if line[:1] != ";"]


def _entry(line: str) -> Entry:
    found = _ENTRY.match(line)
    kind, schema, name = found.group("kind", "schema", "name") if found else ("", "", "")
    number = line.partition(";")[0]
    return Entry(
        line=line,
        number=int(number) if number.isdigit() else 0,
        kind=kind,
        schema=schema,
        name=name,
    )


def _chosen(entries: list[Entry], missing: list[str]) -> tuple[list[Entry], list[str]]:
    """Part the entries into those to restore and, in words, those that are left out."""
    gone = {_SCHEMA_OF[name] for name in missing if name in _SCHEMA_OF}
    kept, left_out = [], [f"extension {name}" for name in missing]
    for entry in entries:
        kind, schema, name = entry.kind, entry.schema, entry.name
        of_extension = kind == "EXTENSION" and name.strip() in missing
        comment = kind == "COMMENT" and any(name.strip() == f"EXTENSION {one}" for one in missing)
        platform = kind == "EVENT TRIGGER" and name.rstrip().endswith(_PLATFORM_OWNER)
        if of_extension or comment:
            continue
        if schema in gone or platform:
            left_out.append(f"{kind.lower()} {schema} {name}".replace(" - ", " "))
        else:
            kept.append(entry)
    return kept, left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class _PgRestore:
    """The program, reading one archive into one database."""

    tool: pgtools.Tool
    archive: Path
    connection: psycopg.Connection[tuple[object, ...]]
    password: Secret
    back: RowsBack

    def run(self, entries: list[Entry], options: str = "") -> list[str]:
        """Restore some entries and return pg_restore's errors, each on one line.

        Args:
            entries: those that are restored.
            options: settings of its sessions, as PGOPTIONS has them.
        """
        if not entries:
            return []
        info = self.connection.info
        place = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
        env: dict[str, str | Secret] = {"PGPASSWORD": self.password, "PGOPTIONS": options}
        with _list_of(entries) as chosen:
            argv: list[str | Path] = [
                self.tool.path,
                f"--jobs={_JOBS}",
                f"--use-list={chosen}",
                "--no-password",
                "--verbose",  # it names each table whose rows are back
                f"--dbname={place}",
                self.archive,
            ]
            env |= self.tool.env
            with process.stream(argv, env=env, deadline_s=_DEADLINE_S) as running:
                said = running.watched(self.back.look, every_s=_LOOK_EVERY_S)
        self.back.look(said.stderr.encode())
        errors = tool_messages.errors(said.stderr)
        real = [one for one in errors if not any(harmless in one for harmless in _HARMLESS)]
        if said.returncode and not errors:
            complaint = tool_messages.told(said.stderr)
            real = [f"pg_restore ended with {said.returncode}: {complaint}"]
        return real


@contextmanager
def _list_of(entries: list[Entry]) -> Iterator[Path]:
    """Write entries down as pg_restore reads them."""
    with tempfile.TemporaryDirectory(prefix="shipway-") as scratch:
        chosen = Path(scratch) / "entries"
        chosen.write_text("".join(f"{one.line}\n" for one in entries), encoding="utf-8")
        yield chosen


def _make_stubs(connection: psycopg.Connection[tuple[object, ...]], missing: list[str]) -> None:
    """Make the most used functions of extensions that this build lacks."""
    there = connection.execute("select from pg_namespace where nspname = 'extensions'").fetchone()
    schema = "extensions" if there is not None else "public"
    for name in missing:
        for head, body in _STUBS.get(name, {}).items():
            connection.execute(f"create function {schema}.{head} {body}".encode())
