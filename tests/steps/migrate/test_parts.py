"""Files that cannot be one transaction: run in parts, resumed, mended."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.errors import MigrationFailed, Refused
from tests.fixtures.migrating import LIMITS, Heard, ask, exists, labels, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.basics import Secret

INDEXES = (
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = 'public.a'::regclass ORDER BY 1"
)
WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND query LIKE '%CONCURRENTLY%' AND application_name = 'shipway migrate' "
    "AND state = 'active' AND wait_event_type = 'Lock'"
)
PATIENT = replace(LIMITS, lock_timeout_s=20)
STEPS = "SELECT first, after, finished FROM shipway.migration_steps ORDER BY first"


def test_statements_that_take_no_transaction_are_found_without_a_directive(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a (id int, t text);\n"
            "CREATE INDEX CONCURRENTLY a_id ON a (id);\n"
            "INSERT INTO a VALUES (1);\n"
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_t ON a (t);\n"
            "VACUUM a; REINDEX TABLE CONCURRENTLY a; DROP INDEX CONCURRENTLY a_t;\n"
            "REINDEX (VERBOSE, CONCURRENTLY) INDEX a_id;"
        },
    )
    run(database_url, tmp_path)
    assert labels(database_url) == ["001_a"]
    assert ask(database_url, INDEXES) == [("a_id", True)]
    assert ask(database_url, STEPS) == []


def test_a_new_enum_value_may_be_used_at_once(database_url: Secret, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TYPE mood AS ENUM ('sad');",
            "002_b.sql": "CREATE TABLE before ();\nALTER TYPE mood ADD VALUE 'glad';\n"
            "CREATE TABLE a (m mood DEFAULT 'glad');\nINSERT INTO a DEFAULT VALUES;",
        },
    )
    run(database_url, tmp_path)
    assert ask(database_url, "SELECT m::text FROM a") == [("glad",)]
    assert labels(database_url) == ["001_a", "002_b"]


def test_a_procedure_that_commits_is_found_by_what_the_server_says(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a (id int);\nCREATE PROCEDURE fill() LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO a VALUES (1); COMMIT; INSERT INTO a VALUES (2); END $$;\n"
            "CALL fill();\nINSERT INTO a VALUES (3);\n"
            "DO $$ BEGIN INSERT INTO a VALUES (4); COMMIT; END $$;"
        },
    )
    run(database_url, tmp_path)
    assert ask(database_url, "SELECT id FROM a ORDER BY id") == [(1,), (2,), (3,), (4,)]
    assert labels(database_url) == ["001_a"]


def test_a_file_that_fails_half_way_goes_on_at_the_right_statement(
    database_url: Secret, tmp_path: Path
) -> None:
    file = tmp_path / "001_a.sql"
    head = (
        "CREATE TABLE a (id int);\nSET search_path = '';\n"
        "CREATE INDEX CONCURRENTLY a_id ON public.a (id);\nINSERT INTO public.a VALUES (1);\n"
    )
    file.write_text(head + "CREATE TABLE public.b (id nothing);\n", encoding="utf-8")
    with pytest.raises(MigrationFailed) as caught:
        run(database_url, tmp_path)
    assert "001_a.sql, line 5, column 27" in caught.value.what
    assert "What stands before line 4 of 001_a.sql is in the database" in caught.value.unchanged
    assert ask(database_url, "SELECT * FROM a") == []
    assert ask(database_url, STEPS) == [(0, 2, True), (2, 3, True)]
    assert labels(database_url) == []

    say = Heard()
    file.write_text(head + "CREATE TABLE public.b (path text);\n", encoding="utf-8")
    file.write_text(
        file.read_text(encoding="utf-8")
        + "INSERT INTO public.b SELECT pg_catalog.current_setting('search_path');\n",
        encoding="utf-8",
    )
    run(database_url, tmp_path, say=say)
    assert "001_a was begun before: it goes on at line 4" in say.notes
    assert ask(database_url, "SELECT * FROM public.a") == [(1,)]
    assert ask(database_url, "SELECT path FROM public.b") == [('""',)], "the session is set up anew"
    assert labels(database_url) == ["001_a"]
    assert ask(database_url, STEPS) == []


def test_what_has_run_of_a_half_done_file_may_not_be_edited(
    database_url: Secret, tmp_path: Path
) -> None:
    file = tmp_path / "001_a.sql"
    file.write_text("CREATE TABLE a (id int);\nVACUUM;\nSELECT wrong;", encoding="utf-8")
    with pytest.raises(MigrationFailed):
        run(database_url, tmp_path)
    file.write_text("CREATE TABLE a (id text);\nVACUUM;\nSELECT 1;", encoding="utf-8")
    with pytest.raises(Refused, match="that part has been edited since"):
        run(database_url, tmp_path)
    file.write_text("-- why\nCREATE TABLE a (id int);\nVACUUM;\nSELECT 1;", encoding="utf-8")
    run(database_url, tmp_path)
    assert labels(database_url) == ["001_a"]


@contextmanager
def cut_off(url: Secret) -> Iterator[None]:
    """End the migration's session by force as soon as it waits in a statement CONCURRENTLY.

    It has to wait: a transaction is open that holds the table.
    """
    with psycopg.connect(url.reveal()) as holder:
        holder.execute("INSERT INTO a DEFAULT VALUES")
        thread = threading.Thread(target=_terminate_when_waiting, args=(url,))
        thread.start()
        yield
        thread.join()


def _terminate_when_waiting(url: Secret) -> None:
    while not ask(url, WAITING):
        time.sleep(0.01)
    ask(url, f"SELECT pg_terminate_backend(pid) FROM ({WAITING}) AS waiting")


@pytest.mark.parametrize("name", ["a_id ", "IF NOT EXISTS a_id ", '"A ""odd.name" ', ""])
def test_an_index_whose_build_was_cut_off_is_named_dropped_and_built_again(
    database_url: Secret, tmp_path: Path, name: str
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE public.a (id int);\nCREATE INDEX old ON a (id);",
            "002_b.sql": f"CREATE INDEX CONCURRENTLY {name}ON public.a (id);\nSELECT 1;",
        },
    )
    run(
        database_url, write(tmp_path / "first", {"001_a.sql": (tmp_path / "001_a.sql").read_text()})
    )
    with cut_off(database_url), pytest.raises(MigrationFailed, match="connection was lost"):
        run(database_url, tmp_path, limits=PATIENT)
    ((found, valid),) = [row for row in ask(database_url, INDEXES) if row[0] != "old"]
    assert not valid
    assert ask(database_url, STEPS) == [(0, 1, False)]
    assert labels(database_url) == ["001_a"]

    say = Heard()
    run(database_url, tmp_path, say=say)
    shown = found if str(found).islower() else '"' + str(found).replace('"', '""') + '"'
    assert any(f"the index public.{shown} is invalid" in warning for warning in say.warnings)
    assert sorted(ask(database_url, INDEXES)) == sorted([(found, True), ("old", True)])
    assert labels(database_url) == ["001_a", "002_b"]


def test_an_index_whose_rebuild_was_cut_off_is_rebuilt_without_leftovers(
    database_url: Secret, tmp_path: Path
) -> None:
    table = "CREATE TABLE public.a (id int);\nCREATE INDEX old ON a (id);"
    write(tmp_path, {"001_a.sql": table, "002_b.sql": "REINDEX INDEX CONCURRENTLY old;"})
    run(database_url, write(tmp_path / "first", {"001_a.sql": table}))
    with cut_off(database_url), pytest.raises(MigrationFailed):
        run(database_url, tmp_path, limits=PATIENT)
    assert ("old_ccnew", False) in ask(database_url, INDEXES)
    run(database_url, tmp_path)
    assert ask(database_url, INDEXES) == [("old", True)]
    assert labels(database_url) == ["001_a", "002_b"]


def test_an_index_whose_dropping_was_cut_off_is_dropped(
    database_url: Secret, tmp_path: Path
) -> None:
    table = "CREATE TABLE public.a (id int);\nCREATE INDEX old ON a (id);"
    write(tmp_path, {"001_a.sql": table, "002_b.sql": "DROP INDEX CONCURRENTLY old;"})
    run(database_url, write(tmp_path / "first", {"001_a.sql": table}))
    with cut_off(database_url), pytest.raises(MigrationFailed):
        run(database_url, tmp_path, limits=PATIENT)
    run(database_url, tmp_path)
    assert ask(database_url, INDEXES) == []
    assert labels(database_url) == ["001_a", "002_b"]


def test_a_partition_whose_detaching_was_cut_off_is_detached(
    database_url: Secret, tmp_path: Path
) -> None:
    table = (
        "CREATE TABLE public.a (id int DEFAULT 1) PARTITION BY LIST (id);\n"
        "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1);"
    )
    detach = "ALTER TABLE a DETACH PARTITION a1 CONCURRENTLY;"
    write(tmp_path, {"001_a.sql": table, "002_b.sql": detach})
    run(database_url, write(tmp_path / "first", {"001_a.sql": table}))
    with cut_off(database_url), pytest.raises(MigrationFailed):
        run(database_url, tmp_path, limits=PATIENT)
    pending = "SELECT inhdetachpending FROM pg_inherits WHERE inhparent = 'public.a'::regclass"
    assert ask(database_url, pending) == [(True,)]
    run(database_url, tmp_path)
    assert ask(database_url, pending) == []
    assert labels(database_url) == ["001_a", "002_b"]


def test_a_statement_that_the_server_refuses_leaves_no_invalid_index(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE public.a (id int);\nINSERT INTO a VALUES (1), (1);",
            "002_b.sql": "CREATE UNIQUE INDEX CONCURRENTLY ON public.a (id);",
        },
    )
    say = Heard()
    with pytest.raises(MigrationFailed, match="SQLSTATE 23505"):
        run(database_url, tmp_path, say=say)
    assert any("public.a_id_idx is invalid" in warning for warning in say.warnings)
    assert ask(database_url, INDEXES) == []
    assert ask(database_url, STEPS) == []
    write(tmp_path, {"002_b.sql": "CREATE INDEX CONCURRENTLY ON public.a (id);"})
    run(database_url, tmp_path)
    assert ask(database_url, INDEXES) == [("a_id_idx", True)]


def test_an_invalid_index_that_another_tool_left_is_found(
    database_url: Secret, tmp_path: Path
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("CREATE TABLE a (id int)")
        connection.execute("INSERT INTO a VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)")
    write(tmp_path, {"001_a.sql": "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id);"})
    run(database_url, tmp_path)
    assert ask(database_url, INDEXES) == [("a_id", True)]


def test_a_valid_index_of_that_name_is_left_alone(database_url: Secret, tmp_path: Path) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("CREATE TABLE a (id int)")
        connection.execute("CREATE INDEX a_id ON a (id)")
    before = ask(database_url, "SELECT 'a_id'::regclass::oid")
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id);",
            "002_b.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);",
        },
    )
    with pytest.raises(MigrationFailed, match="already exists"):
        run(database_url, tmp_path)
    assert ask(database_url, "SELECT 'a_id'::regclass::oid") == before


def test_a_file_wrapped_in_its_own_transaction_is_one(database_url: Secret, tmp_path: Path) -> None:
    text = "-- by hand\nBEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE a (l text);\n{}COMMIT;\n"
    write(tmp_path, {"001_a.sql": text.format("CREATE TABLE a ();\n")})
    with pytest.raises(MigrationFailed, match="line 4, column 1"):
        run(database_url, tmp_path)
    assert not exists(database_url, "a")
    assert not exists(database_url, "shipway.migrations")
    level = "INSERT INTO a SELECT current_setting('transaction_isolation');\n"
    write(tmp_path, {"001_a.sql": text.format(level)})
    run(database_url, tmp_path)
    assert ask(database_url, "SELECT l FROM a") == [("serializable",)]


def test_a_file_of_several_transactions_keeps_the_ledgers_truth(
    database_url: Secret, tmp_path: Path
) -> None:
    text = "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nSTART TRANSACTION;\nCREATE TABLE {} ();\nEND;\n"
    write(tmp_path, {"001_a.sql": text.format("a")})
    with pytest.raises(MigrationFailed, match="line 5, column 1"):
        run(database_url, tmp_path)
    assert exists(database_url, "a")
    assert ask(database_url, STEPS) == [(1, 2, True)]
    write(tmp_path, {"001_a.sql": text.format("b")})
    run(database_url, tmp_path)
    assert exists(database_url, "b")
    assert labels(database_url) == ["001_a"]


def test_all_files_in_one_transaction_stand_or_fall_together(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a ();",
            "002_b.sql": "CREATE TABLE b ();",
            "003_c.sql": "\nCREATE TABLE a ();",
        },
    )
    with pytest.raises(MigrationFailed, match=r"003_c\.sql, line 2, column 1") as caught:
        run(database_url, tmp_path, together=True)
    assert "All files of this run were rolled back" in caught.value.unchanged
    assert not exists(database_url, "a")
    assert not exists(database_url, "shipway.migrations")
    write(tmp_path, {"003_c.sql": "CREATE TABLE c ();"})
    say = Heard()
    assert run(database_url, tmp_path, together=True, say=say).ledger_count == 3
    assert labels(database_url) == ["001_a", "002_b", "003_c"]
    same = ask(database_url, "SELECT count(DISTINCT xmin::text) FROM shipway.migrations")
    assert same == [(1,)]


def test_a_file_that_takes_no_transaction_cannot_join_one(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();", "002_b.sql": "SELECT 1;\nVACUUM;"})
    with pytest.raises(Refused, match=r"002_b\.sql, line 2"):
        run(database_url, tmp_path, together=True)
    assert not exists(database_url, "a")


def test_the_supabase_cli_finds_the_files_in_its_own_history(
    database_url: Secret, tmp_path: Path
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS supabase_migrations")
        connection.execute(
            "CREATE TABLE supabase_migrations.schema_migrations "
            "(version text PRIMARY KEY, statements text[], name text)"
        )
    write(
        tmp_path,
        {
            "20260101000000_a.sql": "CREATE TABLE a ();\nCOMMENT ON TABLE a IS E'it\\'s';",
            "20260102000000_b.sql": "CREATE INDEX CONCURRENTLY ON pg_temp.x (y);\n",
        },
    )
    with pytest.raises(MigrationFailed):
        run(database_url, tmp_path)
    write(tmp_path, {"20260102000000_b.sql": "VACUUM a;"})
    run(database_url, tmp_path)
    rows = ask(
        database_url,
        "SELECT version, name, statements FROM supabase_migrations.schema_migrations ORDER BY 1",
    )
    assert rows == [
        ("20260101000000", "a", ["CREATE TABLE a ()", "COMMENT ON TABLE a IS E'it\\'s'"]),
        ("20260102000000", "b", ["VACUUM a"]),
    ]


def test_a_file_larger_than_one_message_is_still_one_transaction(
    database_url: Secret, tmp_path: Path
) -> None:
    rows = "".join(f"SELECT add({n}, '{'x' * 90}');\n" for n in range(12_000))
    text = (
        "CREATE TABLE a (id int, t text);\nCREATE FUNCTION add(int, text) RETURNS void "
        "LANGUAGE sql AS 'INSERT INTO a VALUES ($1, $2)';\n" + rows
    )
    write(tmp_path, {"001_a.sql": text + "SELECT wrong;\n"})
    with pytest.raises(MigrationFailed, match=r"001_a\.sql, line 12003, column 8"):
        run(database_url, tmp_path)
    assert not exists(database_url, "a")
    write(tmp_path, {"001_a.sql": text})
    run(database_url, tmp_path, limits=replace(LIMITS, statement_timeout_s=60))
    assert ask(database_url, "SELECT count(*) FROM a") == [(12_000,)]
