"""What pg_dump, pg_restore and psql are told of a connection: what was asked for, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from shipway.edges.client_tools import connections as tool_connections
from shipway.edges.client_tools import programs as pgtools
from shipway.edges.dump.dump import PgDump
from shipway.edges.postgres.connection import connect
from shipway.edges.servers import cluster as embedded
from shipway.errors import Failed, Misconfigured
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DatabaseServer

OURS = {"application_name", "client_encoding", "connect_timeout", "dbname", "host", "port", "user"}
OURS |= {"keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout"}


def told(url: Secret, tool: pgtools.Tool | None = None) -> dict[str, str]:
    """Return the parameters that a tool is told."""
    with connect(url, purpose="test", timeout_s=5) as connection:
        used = tool or tool_connections.find_tool("pg_dump", connection, url)
        conninfo, _ = tool_connections.reach(connection, url, used, purpose="test")
    return {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}


def with_options(url: Secret, options: str) -> Secret:
    return Secret(f"{url.reveal()}?{options}")


def older(
    folder: Path, *refused: str, version: str = "18.99", says: str = "", name: str = "pg_dump"
) -> Path:
    """Write a pg_dump that refuses some parameters as an older libpq does; return its folder."""
    real = embedded.tool(name)
    cases = "".join(
        f"*{one}=*) echo 'pg_dump: error: invalid connection option \"{one}\"' >&2; exit 1;;\n"
        for one in refused
    )
    if says:
        cases += f"*preflight*) echo '{says}' >&2; exit 1;;\n"
    program = folder / name
    program.write_text(
        f'#!/bin/sh\ncase "$*" in\n--version) echo "{name} (PostgreSQL) {version}";;\n'
        f'{cases}*) exec "{real}" "$@";;\nesac\n'
    )
    program.chmod(0o755)
    return folder


def test_only_what_was_asked_for_is_told(database_url: Secret) -> None:
    assert set(told(database_url)) == OURS
    asked = told(with_options(database_url, "sslmode=disable&options=-c%20jit%3Doff"))
    assert set(asked) == OURS | {"sslmode", "options"}
    assert asked["options"] == "-c jit=off"


def test_what_the_environment_and_a_service_say_reaches_the_tool(
    server: DatabaseServer,
    database: str,
    database_url: Secret,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGGSSENCMODE", "disable")
    monkeypatch.setenv("PGSSLMODE", "allow")
    asked = told(database_url)
    assert {"gssencmode", "sslmode"} == set(asked) - OURS

    services = tmp_path / "services"
    services.write_text(f"[app]\nhost=127.0.0.1\nport={server.port}\ndbname={database}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    before, _, _ = database_url.reveal().rpartition("@")
    url = Secret(f"{before}@/?service=app")
    assert told(url)["service"] == "app"
    assert PgDump(url=url, connect_timeout_s=5).tried().path.is_file()


def test_the_address_that_was_given_is_kept_beside_the_hosts_name(
    server: DatabaseServer, database: str, database_url: Secret
) -> None:
    before, _, _ = database_url.reveal().rpartition("@")
    url = Secret(f"{before}@db.example.test:{server.port}/{database}?hostaddr=127.0.0.1")
    asked = told(url)
    assert (asked["host"], asked["hostaddr"]) == ("db.example.test", "127.0.0.1")
    assert PgDump(url=url, connect_timeout_s=5).tried().path.is_file()


def test_an_older_tool_is_passed_over_where_the_connection_would_be_less_safe(
    database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = older(tmp_path, "require_auth", "load_balance_hosts")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    plain = PgDump(url=database_url, connect_timeout_s=5).tried()
    assert plain.path.parent == folder
    assert set(told(database_url, plain)) == OURS

    # It only shares out load, and one host is left of several: nothing is lost without it.
    shared = with_options(database_url, "load_balance_hosts=random")
    tool = PgDump(url=shared, connect_timeout_s=5).tried()
    assert tool.path.parent == folder
    assert set(told(shared, tool)) == OURS

    safer = with_options(database_url, "require_auth=scram-sha-256")
    tool = PgDump(url=safer, connect_timeout_s=5).tried()
    assert tool.path.parent != folder
    assert told(safer, tool)["require_auth"] == "scram-sha-256"


def test_of_one_major_the_tool_with_the_security_fixes_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that compresses less well too, and of those that read archives the newest minor."""
    for minor in (1, 99, 8):
        folder = tmp_path / str(minor)
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            older(folder, version=f"18.{minor}", name=name)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
    newest = tmp_path / "99"
    assert pgtools.find_tool("pg_dump", server_major=18, tls=False).path.parent == newest
    assert pgtools.find_restorer(18, zstd=False).path.parent == newest


def test_a_pg_dump_that_writes_what_the_server_stores_wrongly_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since November 2026 a column has a version, which older ones write as an option of it."""
    for version in ("98.1", "18.8", "17.12", "17.11"):
        folder = tmp_path / version
        folder.mkdir()
        monkeypatch.setenv("PATH", str(older(folder, version=version)), prepend=":")

    def _found(major: int, minor: int) -> str:
        tool = pgtools.find_tool("pg_dump", server_major=major, server_minor=minor, tls=False)
        return tool.path.parent.name

    assert _found(17, 12) == "17.12"
    assert _found(17, 40) == "17.12"
    assert _found(18, 7) == "18.8"
    assert _found(98, 0) == "98.1"
    with pytest.raises(Misconfigured, match="No pg_dump of version 99 or newer"):
        _found(99, 0)


def test_where_no_tool_knows_what_makes_it_safe_it_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(older(tmp_path, "oauth_issuer", version="99.1")), prepend=":")
    with pytest.raises(Misconfigured, match="that knows oauth_issuer of DATABASE_URL") as stopped:
        pgtools.find_tool(
            "pg_dump", server_major=99, tls=False, parameters={"oauth_issuer": "https://i.test"}
        )
    assert "postgresql-client-99" in stopped.value.next_step

    with pytest.raises(Misconfigured, match="knows sslrootcert of DATABASE_URL"):
        pgtools.find_tool(
            "pg_dump", server_major=100, tls=False, parameters={"sslrootcert": "system"}
        )


def test_doctor_says_what_the_tool_says_that_cannot_connect(
    database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = older(tmp_path, says="pg_dump: error: something is in the way")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    with pytest.raises(Failed, match=r"pg_dump 18\.99 at .* something is in the way"):
        PgDump(url=database_url, connect_timeout_s=5).tried()


def test_no_client_gets_a_parameter_that_libpq_added(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        added = set(connection.info.get_parameters()) - OURS
    # So this test does look at something: psycopg's own libpq is 16 or newer.
    assert "sslcertmode" in added
    assert not added & set(told(database_url))
