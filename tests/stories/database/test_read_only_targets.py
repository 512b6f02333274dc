"""Targets that take no writes: each writing command says why before it begins; reading goes on."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.servers.cluster import HOST, Cluster, newest
from shipway.sandbox.database.dress import SUPERUSER, dress
from shipway.values.basics import Secret
from tests.conftest import DatabaseServer
from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import ask, execute, exists

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "001_a.sql": "create schema app; create table app.a (id int primary key);\n",
    "002_b.sql": "create table app.b (id int primary key);\n",
    "002_b.down.sql": "drop table app.b;\n",
}
LATER = {"003_c.sql": "create table app.c (id int primary key);\n"}
WRITING = (
    ("db.migrate", "--yes"),
    ("db.rollback", "--yes", "--steps", "1"),
    ("db.adopt", "--yes", "--up-to", "3"),
    ("release", "--yes"),
    ("release", "--yes", "--resume"),
    ("release.finish", "--yes"),
    ("release.approve", "--yes"),
)
READING = (
    ("db.status",),
    ("backup",),
    ("db.rehearse",),
    ("db.verify",),
    ("db.diff",),
    ("db.tables",),
    ("release.history",),
)


def _writes_are_refused(project: DatabaseProject, cause: str, cure: str) -> None:
    backups = project.root / ".shipway" / "backups"
    (backup, *_) = backups.iterdir()
    restore = ("db.restore", "--yes", "--backup", backup.name, "--into", "t")
    for command in (*WRITING, restore, ("doctor",)):
        code, said = project.invoke(*command)
        assert code in {2, 3}, (command, said)
        assert cause in said, (command, said)
        assert cure in said, (command, said)
    for command in READING:
        code, said = project.invoke(*command)
        assert code == 0, (command, said)


@pytest.fixture
def project(tmp_path: Path, database_url: Secret) -> DatabaseProject:
    made = DatabaseProject(tmp_path, database_url)
    made.begin(FILES)
    assert made.invoke("db.migrate", "--yes")[0] == 0
    assert made.invoke("backup")[0] == 0
    made.begin(LATER)
    return made


@pytest.mark.parametrize("who", ["database {}", "role postgres in database {}"])
def test_a_read_only_setting_is_told_with_what_ends_it(
    project: DatabaseProject, admin_url: Secret, database: str, who: str
) -> None:
    who = who.format(database)
    execute(admin_url, f"alter {who} set default_transaction_read_only = on")
    cure = f"begin read write; alter {who} reset default_transaction_read_only; commit;"
    _writes_are_refused(project, f"default_transaction_read_only is on for {who}", cure)
    assert not exists(project.url, "app.c")
    assert ask(project.url, "select to_regclass('shipway.journal')") == [(None,)]
    with psycopg.connect(project.url.reveal(), autocommit=True) as owner:
        owner.execute(cure.encode())  # as one message, as an SQL editor sends it
    assert project.invoke("db.migrate", "--yes")[0] == 0


def test_a_read_only_connection_is_told_as_our_own_doing(project: DatabaseProject) -> None:
    url = Secret(f"{project.url.reveal()}?options=-c%20default_transaction_read_only%3Don")
    told = DatabaseProject(project.root, url)
    _writes_are_refused(told, "the options of this connection set", "Take it out of DATABASE_URL")


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[DatabaseServer]:
    cluster = Cluster(tmp_path / "primary", newest())
    try:
        password = Secret("of this server")
        cluster.create(SUPERUSER, password)
        settings = {"wal_level": "replica", "max_wal_senders": "4"}
        running = DatabaseServer(port=cluster.start(settings=settings).port, password=password)
        execute(running.admin_url("template1"), "create database d")
        dress(running.admin_url("d"), password=password)
        execute(running.admin_url("template1"), "alter database d owner to postgres")
        yield running
    finally:
        cluster.destroy()


def _standby(primary: DatabaseServer, folder: Path) -> Cluster:
    """Make a copy of a server that follows it."""
    cluster = Cluster(folder, newest())
    cluster.home.mkdir(parents=True, exist_ok=True)
    data = cluster.home / "data"
    url = primary.admin_url("template1").reveal()
    program = newest().bin_dir / "pg_basebackup"
    # Into a folder of our own: who runs the server cannot enter pytest's.
    subprocess.run([program, "-D", data, "-R", "-c", "fast", "-d", url], check=True, timeout=60)
    if cluster._user is not None:  # noqa: SLF001 - the account that the server runs as
        subprocess.run(["chown", "-R", cluster._user, data], check=True)  # noqa: SLF001
    return cluster


def _wait_for(url: Secret, query: str, answer: str) -> None:
    ends = time.monotonic() + 30
    while True:
        with psycopg.connect(url.reveal(), autocommit=True) as connection:
            if connection.execute(query.encode()).fetchone() == (answer,):
                return
        assert time.monotonic() < ends, "the standby does not follow"
        time.sleep(0.05)


def test_a_hot_standby_is_told_as_that_and_can_be_read_and_backed_up(
    primary: DatabaseServer, tmp_path: Path
) -> None:
    first = DatabaseProject(tmp_path, primary.url("d"))
    first.begin(FILES)
    assert first.invoke("db.migrate", "--yes")[0] == 0
    assert first.invoke("backup")[0] == 0
    first.begin(LATER)
    cluster = _standby(primary, tmp_path / "standby")
    try:
        port = cluster.start(settings={"max_wal_senders": "4"}).port
        url = DatabaseServer(port=port, password=primary.password).url("d")
        assert f"{HOST}:{port}" in url.reveal()
        replica = DatabaseProject(tmp_path, url)
        _writes_are_refused(replica, "is a hot standby (a read replica)", "to the primary")
        # A standby has no serializable transactions; ours name their own isolation.
        serializable = "alter database d set default_transaction_isolation = 'serializable'"
        execute(primary.admin_url("template1"), serializable)
        _wait_for(url, "show default_transaction_isolation", "serializable")
        for command in (("db.status",), ("db.rehearse",), ("db.verify",), ("release.history",)):
            code, said = replica.invoke(*command)
            assert code == 0, (command, said)
        assert "is a hot standby" in replica.invoke("doctor")[1]
    finally:
        cluster.destroy()


def test_a_database_that_turns_read_only_meanwhile_ends_a_migration_without_a_guess(
    project: DatabaseProject,
) -> None:
    project.begin({"003_c.sql": "set transaction read only; create table app.c ();\n"})
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 4
    assert "disk is full" not in said
    assert "invoke doctor" in said
