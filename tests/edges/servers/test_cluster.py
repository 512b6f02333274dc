"""The embedded server is made, started, found again, mended and removed, as root and not."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.machine import process
from shipway.edges.servers.cluster import HOST, Cluster, Install, Server, installs, newest, tool
from shipway.errors import Failed
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = Secret("only here")


def _query(server: Server, statement: str, password: str = PASSWORD.reveal()) -> object:
    with psycopg.connect(
        host=HOST, port=server.port, user="boss", dbname="postgres", password=password
    ) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("made") / "with a space" / ("long" * 30)
    cluster = Cluster(directory, newest())
    cluster.create("boss", PASSWORD)
    yield cluster
    cluster.destroy()


@pytest.fixture
def cluster(made: Cluster) -> Iterator[Cluster]:
    yield made
    made.stop()


@pytest.mark.parametrize("install", installs(), ids=lambda install: install.version)
def test_every_install_makes_a_cluster_that_wants_a_password(
    install: Install, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, install)
    try:
        cluster.create("boss", PASSWORD)
        server = cluster.start()
        told = str(_query(server, "show server_version"))
        assert told.split(maxsplit=1)[0] == install.version  # Debian adds a word of its own
        assert _query(server, "show password_encryption") == "scram-sha-256"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            _query(server, "select 1", password="wrong")
    finally:
        cluster.destroy()


def test_the_client_tools_of_the_newest_install_run() -> None:
    for name in ("psql", "pg_dump", "pg_restore"):
        said = process.run([tool(name), "--version"], deadline_s=30).stdout.decode()
        assert newest().version in said


def test_a_server_is_started_on_the_port_that_was_asked_for(cluster: Cluster) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    assert cluster.start(port).port == port


def test_a_port_that_is_taken_is_a_clear_failure(cluster: Cluster) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(Failed, match="could not bind"):
            cluster.start(taken.getsockname()[1])
    assert cluster.running() is None


def test_a_second_start_finds_the_server_that_runs(cluster: Cluster) -> None:
    server = cluster.start()
    assert cluster.start() == server
    assert cluster.running() == server


def test_another_process_finds_the_server_after_its_starter_died(tmp_path: Path) -> None:
    starter = (
        "from pathlib import Path; from shipway.edges.servers.cluster import Cluster, newest;"
        "from shipway.values.basics import Secret;"
        f"cluster = Cluster(Path({str(tmp_path)!r}), newest());"
        "cluster.create('boss', Secret('only here'));"
        "print(cluster.start().port, flush=True); import os; os.kill(os.getpid(), 9)"
    )
    cluster = Cluster(tmp_path, newest())
    try:
        finished = process.run([sys.executable, "-c", starter], deadline_s=90)
        assert finished.returncode == -signal.SIGKILL, finished.stderr
        server = cluster.running()
        assert server is not None
        assert server.port == int(finished.stdout)
        assert _query(server, "select 1") == 1
        cluster.stop()
        assert cluster.running() is None
    finally:
        cluster.destroy()


@pytest.mark.parametrize("immediate", [False, True])
def test_data_outlive_a_stop(cluster: Cluster, *, immediate: bool) -> None:
    server = cluster.start()
    with psycopg.connect(
        host=HOST, port=server.port, user="boss", dbname="postgres", password=PASSWORD.reveal()
    ) as connection:
        connection.execute("create table if not exists kept (id int)")
    cluster.stop(immediate=immediate)
    assert cluster.running() is None
    cluster.stop()
    assert _query(cluster.start(), "select count(*) from kept") == 0


def test_a_server_that_was_killed_is_started_again(cluster: Cluster) -> None:
    server = cluster.start()
    os.kill(server.pid, signal.SIGKILL)
    ends = time.monotonic() + 30
    while process.alive(server.pid) and time.monotonic() < ends:
        time.sleep(0.01)
    assert cluster.running() is None
    # The dead server's children hold its memory for a moment; PostgreSQL itself refuses then.
    while True:
        try:
            again = cluster.start()
            break
        except Failed as failed:
            assert "shared memory" in failed.what, failed.what  # noqa: PT017 - retried below
            assert time.monotonic() < ends
            time.sleep(0.05)
    assert again.pid != server.pid
    assert _query(again, "select 1") == 1


def test_a_pid_file_whose_number_now_belongs_to_another_program_is_no_hindrance(
    cluster: Cluster, tmp_path: Path
) -> None:
    server = cluster.start()
    told = cluster.log.parent / "data" / "postmaster.pid"
    lines = told.read_text().splitlines()
    cluster.stop()
    user = "nobody" if os.geteuid() == 0 else None
    log = tmp_path / "other.log"
    stranger = process.daemon(["sleep", "600"], log=log, user=user)
    try:
        told.write_text("\n".join([str(stranger), *lines[1:]]) + "\n")
        assert cluster.running() is None
        cluster.stop()
        assert process.alive(stranger)
        assert cluster.start().pid not in {stranger, server.pid}
    finally:
        os.kill(stranger, signal.SIGKILL)


def test_the_next_cluster_is_a_copy_of_an_untouched_one_with_a_password_of_its_own(
    cluster: Cluster, tmp_path: Path
) -> None:
    second = Cluster(tmp_path, newest())
    try:
        second.create("boss", Secret('it\'s "another"'))
        same = "select system_identifier from pg_control_system()"
        first = _query(cluster.start(), same)
        assert _query(second.start(), same, password='it\'s "another"') == first
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            _query(second.start(), "select 1")
    finally:
        second.destroy()


def test_a_failed_initdb_leaves_no_cluster(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, newest())
    with pytest.raises(Failed, match="initdb failed"):
        cluster.create("pg_reserved_name", PASSWORD)
    assert not cluster.exists
    cluster.create("boss", PASSWORD)
    assert cluster.exists
    cluster.destroy()
    assert not cluster.exists


def test_an_ordinary_user_keeps_the_cluster_in_the_folder_that_was_named() -> None:
    install = newest()
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
    try:
        child = os.fork()
        if child == 0:
            os._exit(_as_ordinary_user(home, install))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not list(home.iterdir())
    finally:
        shutil.rmtree(home)


def _as_ordinary_user(home: Path, install: Install) -> int:
    """Run in a fork, so that root's Python need not be readable for nobody."""
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        cluster = Cluster(home / "cluster", install)
        try:
            cluster.create("boss", PASSWORD)
            server = cluster.start()
            assert (home / "cluster" / "data" / "postmaster.pid").is_file()
            assert cluster.running() == server
            assert _query(server, "select 1") == 1
        finally:
            cluster.destroy()
    except BaseException:  # noqa: BLE001 - a fork must not run on into pytest
        traceback.print_exc()
        return 1
    return 0


def test_programs_that_lie_where_the_servers_account_may_not_enter_are_run_from_a_copy(
    tmp_path: Path,
) -> None:
    """tmp_path belongs to us alone; a clone in a CI job often lies in such a folder."""
    closed = tmp_path / "closed"
    site = closed / "site"
    site.mkdir(parents=True)
    name, version = newest().source.split()
    module = name.replace("-", "_")
    package = next(path for path in newest().bin_dir.parents if path.name == module)
    for part in (module, f"{module}.libs", f"{module}-{version}.dist-info"):
        shutil.copytree(package.with_name(part), site / part, symlinks=True)
    closed.chmod(0o700)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from shipway.edges.servers.cluster import Cluster, newest;"
        "from shipway.values.basics import Secret;"
        "cluster = Cluster(Path(sys.argv[1]) / 'cluster', newest());"
        "cluster.create('boss', Secret('x')); cluster.start(); cluster.destroy();"
        "print(newest().bin_dir)"
    )
    finished = process.run([sys.executable, "-c", code, str(site)], deadline_s=90)
    assert finished.returncode == 0, finished.stderr
    ran = Path(finished.stdout.decode().strip())
    assert ran.is_relative_to(site) == (os.geteuid() != 0)
