"""Small files go as one message, and nothing of what holds for one alone is lost by that."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.errors import Interrupted, MigrationFailed, OutcomeUnknown
from shipway.values.basics import Secret
from tests.fixtures.migrating import LIMITS, Heard, ask, labels, run, write
from tests.fixtures.recording_proxy import RecordingProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import DatabaseServer

GATE = 4711
AT_THE_GATE = f"SELECT pg_advisory_xact_lock({GATE});"
COUNTED = "CREATE TABLE before (id int);\nCREATE SEQUENCE tries;"
"""A sequence keeps its count when a transaction is rolled back."""


class Does(Heard):
    """Does something as soon as it hears a text."""

    def __init__(self, text: str, act: Callable[[], object]) -> None:
        super().__init__()
        self._text = text
        self._act = act

    def note(self, text: str) -> None:
        super().note(text)
        if text.startswith(self._text):
            self._act()


def numbered(count: int) -> dict[str, str]:
    return {f"{n:03}_t{n}.sql": f"CREATE TABLE t{n} (id int);" for n in range(1, count + 1)}


def waits_of(server: DatabaseServer, url: Secret, folder: Path) -> int:
    """Return how many round trips a run takes."""
    database = url.reveal().rpartition("/")[2]
    with RecordingProxy(server.port) as proxy:
        there = server.url(database).reveal().replace(f":{server.port}/", f":{proxy.port}/")
        run(Secret(f"{there}?sslmode=disable&gssencmode=disable"), folder)
        return proxy.waits


def test_many_files_cost_few_round_trips(
    server: DatabaseServer, database_url: Secret, tmp_path: Path
) -> None:
    base = waits_of(server, database_url, write(tmp_path / "few", numbered(1)))
    others = numbered(97)
    more = waits_of(server, database_url, write(tmp_path / "many", others))
    assert labels(database_url) == [name.removesuffix(".sql") for name in others]
    assert more - base == 2, "96 files are three messages, and one file is one"


def test_a_file_is_told_of_as_soon_as_it_is_committed(database_url: Secret, tmp_path: Path) -> None:
    write(
        tmp_path, {**numbered(2), "003_gate.sql": AT_THE_GATE, "004_t4.sql": "CREATE TABLE t4 ()"}
    )
    patient = replace(LIMITS, lock_timeout_s=20)
    with psycopg.connect(database_url.reveal(), autocommit=True) as keeper:
        keeper.execute(f"SELECT pg_advisory_lock({GATE})".encode())
        # The third file ends only because the second was heard of while it waited.
        say = Does("applied 002", lambda: keeper.execute("SELECT pg_advisory_unlock_all()"))
        run(database_url, tmp_path, limits=patient, say=say)
    assert [note.split()[1] for note in say.notes] == ["001_t1", "002_t2", "003_gate", "004_t4"]


def test_who_blocks_a_file_in_the_middle_is_said_with_that_files_name(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {**numbered(2), "003_alter.sql": "ALTER TABLE held ADD COLUMN t text;"})
    with psycopg.connect(database_url.reveal()) as holder:
        holder.execute("CREATE TABLE held (id int)")
        holder.commit()
        holder.execute("SELECT 1 FROM held")
        say = Does("003_alter: ", holder.rollback)
        limits = replace(LIMITS, lock_retry_s=20)
        run(database_url, tmp_path, limits=limits, say=say)
        assert f"003_alter waits for pid {holder.info.backend_pid}" in say.warnings[-1]
    assert "attempt 2 follows" in say.notes[2]
    assert say.notes[3].startswith("applied 003_alter")


def test_a_failure_in_the_middle_keeps_those_before_and_runs_none_behind(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": COUNTED,
            "002_bad.sql": "SELECT nextval('tries');\nSELECT 'é', nowhere;",
            "003_c.sql": "SELECT nextval('tries');",
        },
    )
    say = Heard()
    with pytest.raises(MigrationFailed) as caught:
        run(database_url, tmp_path, say=say)
    assert "002_bad.sql, line 2, column 13" in caught.value.what
    assert caught.value.unchanged.endswith("Done before it in this run, and staying: 001_a.")
    assert labels(database_url) == ["001_a"]
    assert ask(database_url, "SELECT last_value, is_called FROM tries") == [(1, True)]
    assert [note.split()[1] for note in say.notes] == ["001_a"]


def test_a_mistake_in_the_grammar_does_not_keep_the_files_before_it_from_running(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {**numbered(2), "003_bad.sql": "SELECT 1;\nCREATE TABEL x ();"})
    with pytest.raises(MigrationFailed, match=r"003_bad\.sql, line 2, column 8"):
        run(database_url, tmp_path)
    assert labels(database_url) == ["001_t1", "002_t2"]


def test_a_constraint_that_fails_at_the_commit_ends_the_run_there(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a "
            "DEFERRABLE INITIALLY DEFERRED);",
            "002_bad.sql": "INSERT INTO a VALUES (1, 99);",
            "003_c.sql": "CREATE TABLE c ();",
        },
    )
    with pytest.raises(MigrationFailed, match="violates foreign key constraint"):
        run(database_url, tmp_path)
    assert labels(database_url) == ["001_a"]


def test_notices_are_said_with_the_file_that_they_come_from(
    database_url: Secret, tmp_path: Path
) -> None:
    loud = "DO $$ BEGIN RAISE NOTICE 'so many  %', 7; END $$;"
    write(tmp_path, {**numbered(1), "002_loud.sql": loud, "003_c.sql": "DROP TABLE IF EXISTS no;"})
    say = Heard()
    run(database_url, tmp_path, say=say)
    assert [note for note in say.notes if "applied" not in note] == [
        "002_loud: NOTICE: so many  7",
        '003_c: NOTICE: table "no" does not exist, skipping',
    ]


def test_a_statement_that_wants_no_transaction_is_found_in_the_middle_and_the_rest_goes_on(
    database_url: Secret, tmp_path: Path
) -> None:
    procedure = "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;"
    write(
        tmp_path,
        {"001_p.sql": procedure, "002_call.sql": "CALL p();", "003_c.sql": "CREATE TABLE c ();"},
    )
    run(database_url, tmp_path)
    assert labels(database_url) == ["001_p", "002_call", "003_c"]


def test_an_operator_who_stops_it_keeps_what_is_committed_and_no_more_is_run(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {**numbered(1), "002_long.sql": "SELECT pg_sleep(30);", "003_c.sql": "SELECT 1"},
    )
    say = Does("applied 001", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted) as caught:
        run(database_url, tmp_path, say=say)
    assert caught.value.what == "Stopped while 002_long.sql was run."
    assert "staying: 001_t1" in caught.value.unchanged
    assert labels(database_url) == ["001_t1"]


def test_a_connection_that_breaks_leaves_each_file_whole_and_the_next_run_goes_on(
    database_url: Secret, admin_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {**numbered(2), "003_gate.sql": AT_THE_GATE})
    end_it = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'shipway migrate' AND datname = current_database()"
    )
    with psycopg.connect(database_url.reveal(), autocommit=True) as keeper:
        keeper.execute(f"SELECT pg_advisory_lock({GATE})".encode())
        with pytest.raises(OutcomeUnknown, match=r"while 003_gate\.sql was run"):
            run(
                database_url,
                tmp_path,
                say=Does("applied 002", lambda: ask(admin_url, end_it)),
            )
    assert labels(database_url) == ["001_t1", "002_t2"]
    run(database_url, tmp_path)
    assert labels(database_url) == ["001_t1", "002_t2", "003_gate"]


def test_each_statement_has_a_time_of_its_own_where_a_file_speaks_of_it(
    database_url: Secret, tmp_path: Path
) -> None:
    guarded = """
    create table control (revision int, changed_at timestamptz default statement_timestamp());
    create function forward() returns trigger language plpgsql as $$
    begin
      if new.changed_at <= old.changed_at then raise exception 'it goes back'; end if;
      return new;
    end $$;
    create trigger forward before update on control for each row execute function forward();
    insert into control (revision) values (1);
    """
    again = "update control set revision = revision + 1, changed_at = Statement_Timestamp();"
    write(tmp_path, {"001_a.sql": guarded, "002_b.sql": again, "003_c.sql": again + again})
    run(database_url, tmp_path)
    assert ask(database_url, "select revision from control") == [(4,)]
