"""Restores an archive into an empty database, without what only the platform has."""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from shipway.edges import pgtools, postgres, process
from shipway.errors import Failed
from shipway.values import Restored, Secret

if TYPE_CHECKING:
    from shipway.values import Manifest, Role

__all__ = ["Entry", "entries_of", "make_roles", "restore", "restorer_of"]

_DEADLINE_S: Final = 6 * 3600.0
_JOBS: Final = 2

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
_PLATFORM_OWNER: Final = "supabase_admin"
_ENTRY: Final = re.compile(r"\d+; \d+ \d+ (?P<kind>[A-Z][A-Z ]*[A-Z]) (?P<schema>\S+) (?P<name>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an archive's table of contents."""

    line: str
    """As pg_restore takes it back."""
    kind: str
    """TABLE, TABLE DATA, TRIGGER, …"""
    schema: str
    """`-` for what lies in none."""
    name: str
    """With the owner as its last word."""


def make_roles(connection: psycopg.Connection[tuple[object, ...]], roles: tuple[Role, ...]) -> None:
    """Make the target's roles on another server, none of them able to log in."""
    there = {name for (name,) in connection.execute("select rolname from pg_roles")}
    for role in roles:
        if role.name not in there:
            attributes = sql.SQL(" ").join(map(sql.SQL, role.attributes))
            connection.execute(
                sql.SQL("create role {} nologin {}").format(sql.Identifier(role.name), attributes)
            )
    # A role that was there keeps its memberships: they may not be ours to give.
    for role in (one for one in roles if one.name not in there):
        for group in role.member_of:
            admin = sql.SQL(" with admin option" if group in role.admin_of else "")
            connection.execute(
                sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(role.name))
                + admin
            )


def restore(archive: Path, manifest: Manifest, *, url: Secret) -> Restored:
    """Restore an archive into an empty database whose server has the roles already.

    Args:
        archive: the file; its digest was compared with the manifest by the caller.
        manifest: what it holds.
        url: the database, as a superuser.

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
        first = [entry.line for entry in kept if entry.kind == "SCHEMA"]
        if any(" SCHEMA - public " in line for line in first):
            connection.execute("drop schema if exists public")
        errors = _run(tool, archive, first, connection, url)
        _make_stubs(connection, missing)
        second = [entry.line for entry in kept if entry.kind != "SCHEMA"]
        errors += _run(tool, archive, second, connection, url)
        connection.execute("analyze")
        version = connection.execute("show server_version").fetchone()
    return Restored(
        server_version=str(version[0]) if version else "",
        tool=tool.label,
        duration_s=round(time.monotonic() - began, 3),
        left_out=tuple(left_out),
        errors=tuple(errors),
    )


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
            f"{archive.name} cannot be listed: {said.stderr.strip()}",
            unchanged="Nothing was restored.",
            next_step="Use another backup: invoke backup.list",
        )
    lines = said.stdout.decode("utf-8", "replace").splitlines()
    return [_entry(line) for line in lines if line[:1] != ";"]


def _entry(line: str) -> Entry:
    found = _ENTRY.match(line)
    kind, schema, name = found.group("kind", "schema", "name") if found else ("", "", "")
    return Entry(line=line, kind=kind, schema=schema, name=name)


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


def _run(
    tool: pgtools.Tool,
    archive: Path,
    entries: list[str],
    connection: psycopg.Connection[tuple[object, ...]],
    url: Secret,
) -> list[str]:
    """Restore some entries and return pg_restore's errors, each on one line."""
    if not entries:
        return []
    info = connection.info
    place = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
    password = postgres.password_of(url) or Secret("")
    with tempfile.TemporaryDirectory(prefix="shipway-") as scratch:
        chosen = Path(scratch) / "entries"
        chosen.write_text("\n".join(entries) + "\n", encoding="utf-8")
        argv: list[str | Path] = [
            tool.path,
            f"--jobs={_JOBS}",
            f"--use-list={chosen}",
            "--no-password",
            f"--dbname={place}",
            archive,
        ]
        said = process.run(argv, env={**tool.env, "PGPASSWORD": password}, deadline_s=_DEADLINE_S)
    found = re.split(r"^pg_restore: (?=error: )", said.stderr, flags=re.MULTILINE)[1:]
    errors = [" ".join(one.removeprefix("error: ").split())[:300] for one in found]
    real = [one for one in errors if not any(harmless in one for harmless in _HARMLESS)]
    if said.returncode and not errors:
        real = [f"pg_restore ended with {said.returncode}: {said.stderr.strip()[-300:]}"]
    return real


def _make_stubs(connection: psycopg.Connection[tuple[object, ...]], missing: list[str]) -> None:
    """Make the most used functions of extensions that this build lacks."""
    there = connection.execute("select from pg_namespace where nspname = 'extensions'").fetchone()
    schema = "extensions" if there is not None else "public"
    for name in missing:
        for head, body in _STUBS.get(name, {}).items():
            connection.execute(f"create function {schema}.{head} {body}".encode())
