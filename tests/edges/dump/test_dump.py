"""The dump edge, against a real server and the real pg_dump."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from shipway.edges.client_tools import programs as pgtools
from shipway.edges.client_tools import releases
from shipway.edges.dump import survey as dump_survey
from shipway.edges.dump.dump import PgDump
from shipway.errors import Failed, Misconfigured, Refused
from shipway.values.basics import Secret
from tests.fixtures.backing_up import archives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.backup import DumpedSoFar
    from tests.conftest import DatabaseServer


def silent(_so_far: DumpedSoFar) -> None:
    """Take progress and say nothing."""


def pg(url: Secret, *statements: str) -> None:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def dumper(url: Secret, lock_wait_s: float = 30.0) -> PgDump:
    return PgDump(url=url, connect_timeout_s=5.0, lock_wait_s=lock_wait_s)


def listed(archive: Path) -> tuple[str, ...]:
    return archives(archive.parent).contents(archive) or ()


def test_a_dump_holds_the_app_and_what_supabases_own_dump_loses(
    database_url: Secret, tmp_path: Path
) -> None:
    pg(
        database_url,
        "create table public.pets (id int primary key, name text not null)",
        "insert into public.pets select n, 'pet ' || n from generate_series(1, 250) n",
        "grant select on public.pets to authenticated",
        "create function public.greet() returns trigger language plpgsql as "
        "$$ begin return new; end $$",
        "create trigger on_auth_user_created after insert on auth.users "
        "for each row execute function public.greet()",
        "create schema shipway",
        "create table shipway.migrations (version bigint primary key)",
        "insert into shipway.migrations values (6), (7)",
    )
    archive = tmp_path / "dump.pgc"

    dumped = dumper(database_url).dump(archive, progress=silent)

    entries = listed(archive)
    assert dumped.row_counts["public.pets"] == 250
    assert dumped.row_counts["auth.users"] == 0
    assert dumped.ledger_version == 7
    assert any(entry.startswith("TABLE DATA shipway migrations") for entry in entries)
    assert any(entry.startswith("TABLE DATA public pets") for entry in entries)
    assert any(entry.startswith("TRIGGER auth users on_auth_user_created") for entry in entries)
    assert any(entry.startswith("ACL public TABLE pets") for entry in entries)
    assert dumped.archive_sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert dumped.archive_bytes == archive.stat().st_size
    assert archive.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["dump.pgc"]
    assert dumped.tool.startswith("pg_dump ")
    assert dumped.lsn
    assert "plpgsql" in dumped.extensions
    roles = {role.name: role for role in dumped.roles}
    assert roles["service_role"].attributes == ("bypassrls",)
    assert {"anon", "authenticated"} <= set(roles["postgres"].member_of)
    assert dumped.role == "postgres"
    assert any(thing.full_name == "public.pets.name" for thing in dumped.schema.things)


def test_rows_are_counted_in_the_dumps_own_snapshot(database_url: Secret, tmp_path: Path) -> None:
    pg(database_url, "create table public.events (n int)", "insert into public.events values (1)")
    stop = threading.Event()

    def keep_writing() -> None:
        with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("insert into public.events values (2)")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        archive = tmp_path / "dump.pgc"
        dumped = dumper(database_url).dump(archive, progress=silent)
    finally:
        stop.set()
        writer.join()

    assert dumped.row_counts["public.events"] == rows_in(archive, "events")


def rows_in(archive: Path, table: str) -> int:
    """Return how many rows of a table the archive really holds."""
    tool = pgtools.newest("pg_restore")
    argv = [str(tool.path), "--data-only", f"--table={table}", "--file=-", str(archive)]
    text = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
    copied = text.split("FROM stdin;\n")[1].split("\n\\.\n")[0]
    return len(copied.split("\n"))


@contextmanager
def reader(server: DatabaseServer, database: str, name: str, *more: str) -> Iterator[Secret]:
    """Make a role that may log in, run statements about it, and give its URL."""
    admin = server.admin_url(database)
    password = conninfo_to_dict(admin.reveal())["password"]
    pg(admin, f"create role {name} login password '{password}'", *more)
    try:
        yield server.url(database, name)
    finally:
        pg(admin, f"drop owned by {name}", f"drop role {name}")


def test_what_the_role_may_not_read_is_left_out_by_name(
    server: DatabaseServer, database: str, tmp_path: Path
) -> None:
    archive = tmp_path / "dump.pgc"
    with reader(
        server,
        database,
        "half_reader",
        'create schema "locked % away"',
        'create table "locked % away".gone (n int)',
        "create schema shut",
        "create table shut.one (n int)",
        "create schema kept",
        "create table kept.open (n int)",
        'create table kept."Closed.One" (n int)',
        "grant usage on schema kept, shut to half_reader",
        "grant select on kept.open to half_reader",
    ) as url:
        dumped = dumper(url).dump(archive, progress=silent)

    assert {"locked % away", "shut.one", "kept.Closed.One"} <= set(dumped.left_out)
    assert set(dumped.row_counts) == {"kept.open"}
    everything = "\n".join(listed(archive))
    assert "TABLE kept open" in everything
    assert not any(name in everything for name in ("Closed.One", "locked", "one"))


def test_a_role_that_policies_hold_back_gets_no_dump_with_rows_missing(
    server: DatabaseServer, database: str, tmp_path: Path
) -> None:
    with (
        reader(
            server,
            database,
            "held_back",
            "create table public.of_others (n int)",
            "alter table public.of_others enable row level security",
            "grant pg_read_all_data to held_back",
        ) as url,
        pytest.raises(Failed, match="row-level security") as stopped,
    ):
        dumper(url).dump(tmp_path / "dump.pgc", progress=silent)

    assert "BYPASSRLS" in stopped.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_locked_table_ends_the_dump_and_leaves_no_file(
    database_url: Secret, tmp_path: Path
) -> None:
    pg(database_url, "create table public.busy (n int)")
    with psycopg.connect(database_url.reveal()) as migration:
        migration.execute("lock table public.busy in access exclusive mode")
        with pytest.raises(Failed, match="LOCK TABLE") as stopped:
            dumper(database_url, lock_wait_s=0.2).dump(tmp_path / "dump.pgc", progress=silent)

    assert "locked a table" in stopped.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_dump_and_leaves_no_file(database_url: Secret, tmp_path: Path) -> None:
    pg(
        database_url,
        "create table public.big as select md5(n::text) from generate_series(1, 40000) n",
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(Failed, match="could not be written") as stopped:
            dumper(database_url).dump(tmp_path / "dump.pgc", progress=silent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert "Make room" in stopped.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_lost_connection_ends_the_dump_and_leaves_no_file(
    admin_url: Secret, database_url: Secret, tmp_path: Path
) -> None:
    pg(
        database_url,
        "create table public.slow as select repeat(md5(n::text), 20) from generate_series(1, 9) n",
    )
    cut = threading.Thread(target=cut_the_dump, args=(admin_url,))
    with psycopg.connect(database_url.reveal()) as holder:
        # The lock makes pg_dump wait at a place that we know.
        holder.execute("lock table public.slow in access exclusive mode")
        cut.start()
        with pytest.raises(Failed, match="pg_dump failed"):
            dumper(database_url).dump(tmp_path / "dump.pgc", progress=silent)
    cut.join()

    assert list(tmp_path.iterdir()) == []


def cut_the_dump(admin_url: Secret) -> None:
    """End pg_dump's connection as soon as it waits for a lock."""
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        ended = False
        while not ended:
            rows = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where wait_event_type = 'Lock' and query ilike 'lock table%'"
                "  and datname = current_database() and pid <> pg_backend_pid()"
            ).fetchall()
            ended = bool(rows)


def test_the_password_stands_neither_in_argv_nor_in_an_error(
    server: DatabaseServer, database: str, tmp_path: Path
) -> None:
    url = server.url(database)
    with psycopg.connect(url.reveal()) as connection:
        tool = pgtools.find_tool("pg_dump", server_major=16, tls=False)
        survey = dump_survey.look(connection)
        argv, env = dumper(url)._command(connection, tool, "1-1-1", survey)  # noqa: SLF001

    password = str(conninfo_to_dict(url.reveal())["password"])
    assert password not in " ".join(map(str, argv))
    assert env["PGPASSWORD"] == Secret(password)
    with pytest.raises(Refused) as stopped:
        dumper(Secret(url.reveal().replace("a%20p", "wrong%20p"))).dump(
            tmp_path / "d", progress=silent
        )
    assert "wrong" not in stopped.value.what


def test_a_server_newer_than_every_pg_dump_is_refused_with_the_way_to_get_one() -> None:
    with pytest.raises(Misconfigured, match="No pg_dump of version 99 or newer") as stopped:
        pgtools.find_tool("pg_dump", server_major=99, tls=False)

    assert "postgresql-client-99" in stopped.value.next_step


def test_the_tool_of_the_servers_own_version_goes_before_newer_ones() -> None:
    assert pgtools.find_tool("pg_dump", server_major=16, tls=False).version[0] == 16
    assert pgtools.find_tool("pg_dump", server_major=17, tls=False).version[0] >= 17


def test_a_tool_without_tls_is_lent_a_library_that_has_it_or_is_not_used() -> None:
    for tool in pgtools.candidates("pg_dump"):
        assert tool.tls or tool.preload is None
    assert pgtools.find_tool("pg_dump", server_major=18, tls=True).tls


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        ((18, 7), ()),
        ((19, 0), ()),
        ((18, 6), ("CVE-2026-116314",)),
        ((17, 11), ("CVE-2026-116314",)),
        ((16, 14), ("CVE-2026-18408", "CVE-2026-116314")),
        ((15, 13), ("CVE-2025-8714 and CVE-2025-8715", "CVE-2026-18408", "CVE-2026-116314")),
    ],
)
def test_a_tools_missing_security_fixes_are_named(
    version: tuple[int, int], lacking: tuple[str, ...]
) -> None:
    assert releases.missing_fixes(version) == lacking


@pytest.mark.parametrize(
    ("major", "mended"), [(18, "18.7"), (17, "17.12"), (15, "15.20"), (12, "14.25"), (19, "18.7")]
)
def test_the_version_that_mends_them_is_named(major: int, mended: str) -> None:
    assert releases.first_fixed(major) == mended
    if major in range(14, 19):
        assert releases.missing_fixes((major, int(mended.partition(".")[2]))) == ()


def test_where_every_pg_dump_would_write_column_versions_the_one_that_is_needed_is_named() -> None:
    there = [one.version for one in pgtools.candidates("pg_dump")]
    if not any(version >= (18, 7) for version in there):
        with pytest.raises(Misconfigured, match=r"No pg_dump of version 18\.7 or newer") as stopped:
            pgtools.find_tool("pg_dump", server_major=18, server_minor=7, tls=False)
        assert "A server of 18.7 keeps a version with each column" in stopped.value.what
        assert "postgresql-client-18" in stopped.value.next_step
    assert pgtools.find_tool("psql", server_major=18, server_minor=7, tls=False).version[0] >= 18


def test_a_file_that_is_no_archive_cannot_be_listed(tmp_path: Path) -> None:
    fake = tmp_path / "dump.pgc"
    fake.write_bytes(b"not an archive at all")

    with pytest.raises(Failed, match="cannot be listed"):
        listed(fake)
