"""Death at every point: the runner killed, or the server stopped, after each message it was sent.

Whatever came of it, the next run has to end with the same schema, data and ledger as a run that
nobody disturbed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shipway.edges.servers.cluster import Cluster, installs
from shipway.errors import Stopped
from shipway.values.basics import Secret
from tests.fixtures.migrating import LIMITS, ask, run, write
from tests.fixtures.recording_proxy import RecordingProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import DatabaseServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]  # dozens of deaths in one test

PATIENT = replace(LIMITS, run_lock_wait_s=30, lock_timeout_s=20)
HISTORY = {
    "001_tables.sql": "CREATE TABLE a (id int, t text);\nINSERT INTO a VALUES (1, 'x'), (2, 'y');\n"
    "CREATE TYPE mood AS ENUM ('sad');\nCREATE INDEX old ON a (t);",
    "002_indexes.sql": "SET search_path = public;\nCREATE TABLE b (id int);\n"
    "CREATE INDEX CONCURRENTLY a_id ON a (id);\nINSERT INTO b VALUES (1);\n"
    "CREATE UNIQUE INDEX CONCURRENTLY ON b (id);\nDROP INDEX CONCURRENTLY old;",
    "003_own.sql": "BEGIN;\nCREATE TABLE c (id int);\nINSERT INTO c VALUES (1);\nCOMMIT;\n"
    "BEGIN;\nINSERT INTO c VALUES (2);\nCOMMIT;",
    "004_enum.sql": "ALTER TYPE mood ADD VALUE 'glad';\nCREATE TABLE d (m mood DEFAULT 'glad');\n"
    "INSERT INTO d DEFAULT VALUES;",
    "005_copy.sql": "COPY a FROM stdin;\n3\tz\n\\.\nUPDATE a SET t = t || t;",
    # Small ones, which go as one message.
    "006_e.sql": "CREATE TABLE e (id int);\nINSERT INTO a VALUES (4, 'w');",
    "007_f.sql": "ALTER TABLE e ADD COLUMN t text;\nDELETE FROM a WHERE id = 4;",
    "008_g.sql": "COPY e FROM stdin;\n3\tz\n\\.\nINSERT INTO c VALUES (8);",
    "009_h.sql": "INSERT INTO c SELECT id FROM e;",
}
WORLD = (
    "SELECT 'relation', c.relname::text, c.relkind::text, coalesce(i.indisvalid::text, '') "
    "FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid "
    "WHERE c.relnamespace IN ('public'::regnamespace, 'shipway'::regnamespace) "
    "UNION ALL SELECT 'column', a.attrelid::regclass::text, a.attname, "
    "format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
    "JOIN pg_class c ON c.oid = a.attrelid "
    "WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped "
    "UNION ALL SELECT 'enum', enumlabel, '', '' FROM pg_enum "
    "UNION ALL SELECT 'row', 'a', id::text, t FROM a "
    "UNION ALL SELECT 'row', 'b', id::text, '' FROM b "
    "UNION ALL SELECT 'row', 'c', id::text, '' FROM c "
    "UNION ALL SELECT 'row', 'd', m::text, '' FROM d "
    "UNION ALL SELECT 'ledger', version::text, label, sha256 FROM shipway.migrations "
    "UNION ALL SELECT 'step', version::text, first::text, '' FROM shipway.migration_steps "
    "ORDER BY 1, 2, 3, 4"
)


def through(url: Secret, port: int) -> Secret:
    """Return the URL by way of the proxy."""
    before, _, after = url.reveal().rpartition("@")
    database = after.partition("/")[2]
    # Without requests for encryption each message is one of the protocol's own.
    plain = "sslmode=disable&gssencmode=disable"
    return Secret(f"{before}@127.0.0.1:{port}/{database}?{plain}")


def _run(url: str, folder: Path) -> None:
    try:
        run(Secret(url), folder, limits=PATIENT)
    except Stopped:
        os._exit(9)
    os._exit(0)


def disturbed_run(
    url: Secret, port: int, folder: Path, point: int, act: Callable[[int], None]
) -> tuple[bool, int]:
    """Run in a process of its own and act on it after a message; tell whether the point came."""
    ready = threading.Event()
    pids: list[int] = []

    def at_the_point() -> None:
        ready.wait(30)
        act(pids[0])

    with RecordingProxy(port, act_after=point, act=at_the_point) as proxy:
        runner = multiprocessing.get_context("fork").Process(
            target=_run, args=(through(url, proxy.port).reveal(), folder)
        )
        runner.start()
        pids.append(runner.pid or 0)
        ready.set()
        runner.join(60)
        assert runner.exitcode is not None, "the runner hangs"
        return proxy.messages >= point, proxy.messages


def kill(pid: int) -> None:
    """End the runner as a power cut would."""
    os.kill(pid, signal.SIGKILL)


def test_a_runner_killed_after_any_message_is_made_good_by_the_next_run(
    server: DatabaseServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, HISTORY)
    name = server.fresh_database()
    run(server.url(name), tmp_path)
    undisturbed = ask(server.url(name), WORLD)
    server.drop(name)
    point = 0
    while True:
        point += 1
        name = server.fresh_database()
        url = server.url(name)
        came, _ = disturbed_run(url, server.port, tmp_path, point, kill)
        if came:
            run(url, tmp_path, limits=PATIENT)
        assert ask(url, WORLD) == undisturbed, f"after message {point}"
        server.drop(name)
        if not came:
            break
    with capsys.disabled():
        print(f"\nkill matrix: runner killed after each of {point - 1} messages, all ended equal")  # noqa: T201
    assert point > 30


def test_a_server_stopped_after_any_message_is_made_good_by_the_next_run(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, HISTORY)
    cluster = Cluster(tmp_path_factory.mktemp("stopped"), installs()[0])
    password = Secret("of one test")
    try:
        cluster.create("postgres", password)
        points = _stop_everywhere(cluster, tmp_path)
    finally:
        cluster.destroy()
    with capsys.disabled():
        print(f"\nkill matrix: server stopped after each of {points} messages, all ended equal")  # noqa: T201
    assert points > 30


def _stop_everywhere(cluster: Cluster, folder: Path) -> int:
    undisturbed: list[tuple[object, ...]] = []
    point = 0
    while True:
        port = cluster.start().port
        admin = Secret(f"postgresql://postgres:of%20one%20test@127.0.0.1:{port}/postgres")
        url = Secret(admin.reveal().rpartition("/")[0] + f"/p{point}")
        ask(admin, f"SELECT 1 FROM pg_database WHERE datname = 'p{point}'")
        _create(admin, f"p{point}")
        if not point:
            run(url, folder)
            undisturbed = ask(url, WORLD)
            point = 1
            continue
        came, _ = disturbed_run(url, port, folder, point, lambda _: cluster.stop(immediate=True))
        if not came:
            return point - 1
        again = cluster.start().port
        url = Secret(url.reveal().replace(f":{port}/", f":{again}/"))
        run(url, folder, limits=PATIENT)
        assert ask(url, WORLD) == undisturbed, f"after message {point}"
        point += 1


def _create(admin: Secret, name: str) -> None:
    import psycopg  # noqa: PLC0415 - its own connection, outside transactions

    with psycopg.connect(admin.reveal(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
