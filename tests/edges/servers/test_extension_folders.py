"""Servers of every major find extensions in a folder of ours, beside those of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.servers.cluster import HOST, Cluster, installs
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shipway.edges.servers.cluster import Install, Server

PASSWORD = Secret("only here")
EVERY_INSTALL = pytest.mark.parametrize(
    "install", installs(), ids=lambda install: f"{install.source.split()[0]}-{install.version}"
)


@pytest.fixture
def further(tmp_path: Path) -> Path:
    """Return a folder with an extension that no installation has, closed to other accounts."""
    folder = tmp_path / "with a space" / "further"
    folder.mkdir(parents=True)
    (folder / "clock.control").write_text("default_version = '1'\ntrusted = true\n")
    (folder / "clock--1.sql").write_text(
        "create schema clock; create function clock.tick() returns int language sql as 'select 7';"
    )
    tmp_path.chmod(0o700)
    return folder


def _run(server: Server, *statements: str, user: str = "boss") -> object:
    """Run statements and return the first value of the last one, if it gives any."""
    with psycopg.connect(
        host=HOST, port=server.port, user=user, dbname="postgres", password=PASSWORD.reveal()
    ) as connection:
        for statement in statements:
            ran = connection.execute(statement.encode())
        row = ran.fetchone() if ran.description else None
    return row and row[0]


def _serve(
    folder: Path, install: Install, further: Path, then: Callable[[Cluster, Server], None]
) -> None:
    cluster = Cluster(folder, install, extensions=further)
    before = os.umask(0o077)  # what a careful account has
    try:
        cluster.create("boss", PASSWORD)
        then(cluster, cluster.start())
    finally:
        os.umask(before)
        cluster.destroy()


@EVERY_INSTALL
def test_an_extension_of_the_folder_is_created_beside_those_of_the_install(
    install: Install, further: Path, tmp_path: Path
) -> None:
    own = sorted(install.extensions & {"vector", "pg_trgm", "citext", "pgcrypto"})

    def _look(_: Cluster, server: Server) -> None:
        # Their libraries are found, too.
        _run(server, "create extension clock", *(f"create extension {name}" for name in own))
        assert _run(server, "select clock.tick()") == 7
        offered = _run(server, "select count(*) from pg_available_extensions")
        assert offered == len(install.extensions) + 1
        # Time zones and dictionaries lie in the share folder as well.
        assert _run(server, "select now() at time zone 'Europe/Berlin' is not null")
        assert _run(server, "select to_tsvector('english', 'the cats')::text") == "'cat':2"

    assert own
    _serve(tmp_path / "server", install, further, _look)


@EVERY_INSTALL
def test_a_control_file_of_the_folder_stands_in_the_place_of_the_installs(
    install: Install, further: Path, tmp_path: Path
) -> None:
    """So that the project's owner may create what the platform lets it create."""
    name = "vector" if "vector" in install.extensions else "dblink"
    control = (install.share_dir / "extension" / f"{name}.control").read_text()
    (further / f"{name}.control").write_text(f"{control}\ntrusted = true\n")

    def _look(_: Cluster, server: Server) -> None:
        _run(
            server,
            f"create role owner login password '{PASSWORD.reveal()}'",
            "grant create on database postgres to owner",
        )
        _run(server, f"create extension {name}", user="owner")

    assert "trusted" not in control
    _serve(tmp_path / "server", install, further, _look)
    assert (install.share_dir / "extension" / f"{name}.control").read_text() == control


def test_what_was_added_to_the_folder_is_found_after_the_next_start(
    further: Path, tmp_path: Path
) -> None:
    def _look(cluster: Cluster, server: Server) -> None:
        assert cluster.start() == server
        cluster.stop()
        (further / "bell.control").write_text("default_version = '1'\n")
        (further / "bell--1.sql").write_text("create function bell() returns int return 1;")
        (further / "clock.control").unlink()
        names = "select string_agg(name, ',' order by name) from pg_available_extensions where "
        named = _run(cluster.start(), f"{names} name in ('bell', 'clock')")
        assert named == "bell"

    _serve(tmp_path / "server", installs()[0], further, _look)
