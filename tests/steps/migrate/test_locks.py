"""Locks: who blocks is said, the file is tried again, and runners exclude each other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.errors import Interrupted, MigrationFailed, Refused, Stopped
from shipway.migrations.sql.literals import without_literals
from shipway.values.basics import Secret
from tests.fixtures.migrating import LIMITS, Heard, ask, exists, labels, run, write
from tests.fixtures.pooling import Pooler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue
    from pathlib import Path

TRIALS = 20
TABLE = {"001_a.sql": "CREATE TABLE a (id int);"}
ALTER = {"002_b.sql": "CREATE TABLE b ();\nALTER TABLE a ADD COLUMN t text;\n"}


@contextmanager
def held(url: Secret) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Hold a table in an open transaction."""
    with psycopg.connect(url.reveal(), application_name="a slow report") as holder:
        holder.execute("SELECT id, 'a secret' FROM a WHERE id > 1234")
        yield holder


class LetsGo(Heard):
    """Ends the transaction that blocks as soon as it has been named so many times."""

    def __init__(self, holder: psycopg.Connection[tuple[object, ...]]) -> None:
        super().__init__()
        self._holder = holder

    def note(self, text: str) -> None:
        super().note(text)
        if "attempt" in text:
            self._holder.rollback()


def test_who_blocks_is_named_with_the_literals_hidden(database_url: Secret, tmp_path: Path) -> None:
    run(database_url, write(tmp_path, TABLE))
    write(tmp_path, ALTER)
    say = Heard()
    with held(database_url) as holder:
        pid = holder.info.backend_pid
        with pytest.raises(MigrationFailed) as caught:
            run(database_url, tmp_path, say=say)
    (named,) = [text for text in say.warnings if "waits for" in text]
    assert f"002_b waits for pid {pid} (role postgres, a slow report, for 0 s)" in named
    assert "SELECT id, ? FROM a WHERE id > ?" in named
    assert "SQLSTATE 55P03" in caught.value.what
    assert "002_b.sql, line 2" in caught.value.what
    assert "lock_timeout=" in caught.value.next_step
    assert not exists(database_url, "b")
    assert labels(database_url) == ["001_a"]


def test_the_whole_file_is_tried_again_until_the_lock_is_free(
    database_url: Secret, tmp_path: Path
) -> None:
    run(database_url, write(tmp_path, TABLE))
    write(tmp_path, ALTER)
    with held(database_url) as holder:
        say = LetsGo(holder)
        run(database_url, tmp_path, say=say, limits=replace(LIMITS, lock_retry_s=60))
    assert any("rolled back, attempt 2 follows in" in note for note in say.notes)
    assert labels(database_url) == ["001_a", "002_b"]
    assert exists(database_url, "b")


def test_attempts_end_at_the_deadline(database_url: Secret, tmp_path: Path) -> None:
    run(database_url, write(tmp_path, TABLE))
    write(tmp_path, ALTER)
    say = Heard()
    limits = replace(LIMITS, lock_timeout_s=0.05, lock_retry_s=0.6)
    with held(database_url), pytest.raises(MigrationFailed):
        run(database_url, tmp_path, say=say, limits=limits)
    assert 1 <= sum("attempt" in note for note in say.notes) <= 12


def test_an_index_build_that_met_a_lock_leaves_nothing_and_is_tried_again(
    database_url: Secret, tmp_path: Path
) -> None:
    run(database_url, write(tmp_path, TABLE))
    write(tmp_path, {"002_b.sql": "CREATE INDEX CONCURRENTLY ON a (id);"})
    with held(database_url) as holder:
        say = LetsGo(holder)
        run(database_url, tmp_path, say=say, limits=replace(LIMITS, lock_retry_s=60))
    indexes = "SELECT relname FROM pg_class JOIN pg_index ON oid = indexrelid WHERE indisvalid "
    assert ask(database_url, indexes + "AND indrelid = 'a'::regclass") == [("a_id_idx",)]
    assert labels(database_url) == ["001_a", "002_b"]


def test_a_file_may_raise_its_own_limits(database_url: Secret, tmp_path: Path) -> None:
    shown = "CREATE TABLE {} AS SELECT current_setting('lock_timeout') AS lock, "
    shown += "current_setting('statement_timeout') AS statement;"
    head = "-- shipway: lock_timeout=3s statement_timeout=2h\n"
    write(tmp_path, {"001_a.sql": head + shown.format("a"), "002_b.sql": shown.format("b")})
    run(database_url, tmp_path)
    assert ask(database_url, "SELECT * FROM a") == [("3s", "2h")]
    assert ask(database_url, "SELECT * FROM b") == [("300ms", "20s")]


def test_a_statement_beyond_its_limit_is_stopped_and_explained(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "-- shipway: statement_timeout=50ms\nSELECT pg_sleep(60);"})
    with pytest.raises(MigrationFailed, match="SQLSTATE 57014") as caught:
        run(database_url, tmp_path)
    assert "statement_timeout=30min" in caught.value.next_step


def test_an_operator_who_stops_it_gets_everything_rolled_back(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();\nSELECT pg_sleep(60);"})
    thread = threading.Thread(target=_interrupt_when_running, args=(database_url,))
    thread.start()
    with pytest.raises(Interrupted) as caught:
        run(database_url, tmp_path, limits=replace(LIMITS, statement_timeout_s=0))
    thread.join()
    assert caught.value.exit_code == 130
    assert not exists(database_url, "a")
    assert ask(database_url, RUNNING) == []


RUNNING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
    "AND wait_event = 'PgSleep'"
)


def _interrupt_when_running(url: Secret) -> None:
    while not ask(url, RUNNING):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


# --- several runners --------------------------------------------------------------------------


def _runner(url: str, folder: Path, start: threading.Barrier, ends: Queue[str]) -> None:
    """Run once in each trial, together with the others."""
    limits = replace(LIMITS, run_lock_wait_s=30)
    for _ in range(TRIALS):
        start.wait(60)
        try:
            migrated = run(Secret(url), folder, limits=limits)
            ends.put(f"applied {len(migrated.applied_now)} of {migrated.ledger_count}")
        except Stopped as stopped:
            ends.put(f"{type(stopped).__name__}: {stopped.what}")


@pytest.mark.parametrize("runners", [2, 8])
def test_of_runners_that_start_together_one_applies_and_the_others_wait(
    database_url: Secret, tmp_path: Path, runners: int
) -> None:
    numbers = range(1, 6)
    sql = "CREATE TABLE t{0} (id int); INSERT INTO t{0} VALUES (1);"
    write(tmp_path, {f"{n:03}_t.sql": sql.format(n) for n in numbers})
    tables = ", ".join(f"t{n}" for n in numbers)
    counts = ", ".join(f"(SELECT count(*) FROM t{n})" for n in numbers)
    fork = multiprocessing.get_context("fork")
    start, ends = fork.Barrier(runners + 1), fork.Queue()
    arguments = (database_url.reveal(), tmp_path, start, ends)
    started = [fork.Process(target=_runner, args=arguments) for _ in range(runners)]
    for one in started:
        one.start()
    for _ in range(TRIALS):
        start.wait(60)
        told = sorted(ends.get(timeout=60) for _ in started)
        assert told == ["applied 0 of 5"] * (runners - 1) + ["applied 5 of 5"]
        with psycopg.connect(database_url.reveal()) as connection:
            counted = connection.execute(f"SELECT {counts}".encode()).fetchone()
            connection.execute(f"DROP TABLE {tables}; DROP SCHEMA shipway CASCADE".encode())
        assert counted == (1, 1, 1, 1, 1)
    for one in started:
        one.join(60)
    assert [one.exitcode for one in started] == [0] * runners


# --- poolers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3])
def test_a_transaction_pooler_is_recognised_by_what_it_does(
    database_url: Secret, tmp_path: Path, size: int
) -> None:
    write(tmp_path, TABLE)
    between = "a transaction pooler is between"
    with (
        Pooler(database_url, size=size) as pooler,
        pytest.raises(Refused, match=between) as caught,
    ):
        run(pooler.url, tmp_path)
    assert "session pooler" in caught.value.next_step
    assert not exists(database_url, "a")


def test_a_session_pooler_is_welcome(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path, TABLE)
    with Pooler(database_url, size=8, mode="session") as pooler:
        run(pooler.url, tmp_path)
    assert labels(database_url) == ["001_a"]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT 'it''s', $1, E'a\\'b', 12.5e3 FROM t1", "SELECT ?, $1, ?, ? FROM t1"),
        ("SELECT \"a'b\" /* 'x' */ -- 5", 'SELECT "a\'b"    '),
        ("SELECT $$secret$$, $q$a$b$q$, 'cut off he", "SELECT ?, ?, ?"),
    ],
)
def test_literals_are_hidden_also_in_a_query_that_is_cut_off(query: str, shown: str) -> None:
    assert without_literals(query) == shown
