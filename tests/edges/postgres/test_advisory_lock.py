"""The lock of a target: one holder, told by name, and freed by its death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.postgres.advisory_lock import Lock, hold, holder_of
from shipway.edges.postgres.connection import connect
from shipway.errors import Locked, LockLost
from tests.fixtures.pooling import Pooler

if TYPE_CHECKING:
    from shipway.values.basics import Secret

HOLDER = """
import sys, time
from shipway.edges.postgres.advisory_lock import hold
from shipway.values.basics import Secret
with hold(Secret(sys.stdin.readline().strip()), owner="release 20261122-a", timeout_s=5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_one_is_told_who_holds_the_lock_and_changes_nothing(database_url: Secret) -> None:
    with (
        hold(database_url, owner="release 20261122-a", timeout_s=5),
        pytest.raises(Locked, match=r"shipway release 20261122-a from 127\.0\.0\.1") as stopped,
        hold(database_url, owner="release 20261122-b", timeout_s=5),
    ):
        raise AssertionError("two hold the lock")
    assert stopped.value.exit_code == 75


def test_the_lock_is_free_again_after_the_block_also_after_an_error(database_url: Secret) -> None:
    with pytest.raises(ValueError, match="oops"), hold(database_url, owner="a", timeout_s=5):
        raise ValueError("oops")
    with hold(database_url, owner="b", timeout_s=5):
        pass


def test_who_finds_it_held_is_told_the_release_its_machine_and_its_step(
    database_url: Secret,
) -> None:
    with hold(database_url, owner="release 20261122-a", timeout_s=5) as lock:
        lock.sign("release 20261122-a")
        lock.append("20261122-a", 1, "{}", step="migrate")
        with (
            pytest.raises(Locked, match=rf"{os.getpid()}, since .* in step migrate; last sign of"),
            hold(database_url, owner="release 20261122-b", timeout_s=5),
        ):
            raise AssertionError("two hold the lock")


def test_a_session_that_the_server_ended_can_write_no_line_any_more(
    database_url: Secret, admin_url: Secret
) -> None:
    with hold(database_url, owner="a", timeout_s=5) as lock:
        lock.sign("a")
        lock.append("r", 1, "{}", step="backup")
        with psycopg.connect(admin_url.reveal(), autocommit=True) as other:
            other.execute("select pg_terminate_backend(backend) from shipway.release_lock")
            with pytest.raises(LockLost, match="was lost"):
                lock.append("r", 2, "{}", step="migrate")
            assert other.execute("select count(*) from shipway.journal").fetchone() == (1,)


def test_a_session_without_the_lock_can_write_no_line(database_url: Secret) -> None:
    with hold(database_url, owner="a", timeout_s=5) as lock:
        lock.sign("a")
        with psycopg.connect(database_url.reveal(), autocommit=True) as other:
            with pytest.raises(LockLost, match="another session holds it, or none"):
                Lock(other).append("r", 1, "{}", step="migrate")
            lock.append("r", 1, "{}", step="backup")
            with pytest.raises(LockLost, match="another process has gone on"):
                lock.append("r", 1, "{}", step="backup")


def test_what_a_dead_holder_left_is_taken_over_and_told(database_url: Secret) -> None:
    with hold(database_url, owner="release 20261122-a", timeout_s=5) as lock:
        lock.sign("release 20261122-a")
        with psycopg.connect(database_url.reveal(), autocommit=True) as other:
            other.execute("create table public.kept as select * from shipway.release_lock")
    with psycopg.connect(database_url.reveal(), autocommit=True) as other:
        assert other.execute("select from shipway.release_lock").fetchall() == []
        other.execute("insert into shipway.release_lock select * from public.kept")
    with hold(database_url, owner="release 20261122-b", timeout_s=5) as lock:
        lock.sign("release 20261122-b")
        assert lock.left_by is not None
        assert lock.left_by.owner == "release 20261122-a"
        assert lock.left_by.process == os.getpid()


def test_a_killed_holder_leaves_no_lock_behind(database_url: Secret) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(database_url.reveal() + "\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
    ends = time.monotonic() + 30
    while True:
        try:
            with hold(database_url, owner="b", timeout_s=5):
                return
        except Locked:
            assert time.monotonic() < ends, "the lock outlived its holder"
            time.sleep(0.05)


def _follow(url: Secret, told: Locked) -> list[tuple[object, ...]]:
    """Do what the message says last."""
    statement = told.next_step.splitlines()[-1]
    assert statement.startswith("select pg_terminate_backend(pid)")
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute("set datestyle = 'SQL, DMY'; set timezone = 'Asia/Tokyo'")
        return connection.execute(statement.encode()).fetchall()


def _found_held(url: Secret) -> Locked:
    with pytest.raises(Locked) as stopped, hold(url, owner="b", timeout_s=5):
        raise AssertionError("two hold the lock")
    return stopped.value


@pytest.mark.parametrize("name", ["shipway release 1", "it's an app", ""])
def test_a_lock_that_a_poolers_session_has_kept_is_freed_by_the_sql_that_is_told(
    database_url: Secret, name: str
) -> None:
    with Pooler(database_url, size=1, mode="transaction") as pooler:
        url = pooler.url.reveal()
        with psycopg.connect(url, autocommit=True, application_name=name) as gone:
            gone.execute("select pg_advisory_lock(1936222576, 1)")
            gone.execute("select 'a secret'")
        told = _found_held(database_url)
        with connect(database_url, purpose="test", timeout_s=5) as other:
            assert "a secret" not in str(holder_of(other))
        assert "idle for" in told.what
        assert ", postgres, " in told.what
        assert _follow(database_url, told) == [(True,)]
        with hold(database_url, owner="b", timeout_s=5):
            pass


def test_the_sql_that_is_told_ends_no_session_that_has_come_later(database_url: Secret) -> None:
    with hold(database_url, owner="a", timeout_s=5):
        told = _found_held(database_url)
    told.next_step = told.next_step.replace(".", ".9").replace("+00", "+00")
    assert _follow(database_url, told) == []


def test_a_lock_whose_holder_hangs_is_told_with_its_machine_and_freed_the_same_way(
    database_url: Secret,
) -> None:
    with hold(database_url, owner="release 1", timeout_s=5) as lock:
        lock.sign("release 1")
        told = _found_held(database_url)
        assert f"process {os.getpid()}, since" in told.what
        assert _follow(database_url, told) == [(True,)]
    with hold(database_url, owner="b", timeout_s=5):
        pass
