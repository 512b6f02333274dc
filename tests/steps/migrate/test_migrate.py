"""Migrations on a real server: what is in it after success, failure, and a second run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.errors import Locked, MigrationFailed, Misconfigured, Refused
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.steps.migrate.migrate import migrate
from shipway.steps.migrate.powers import MigratePowers
from tests.fixtures.migrating import (
    LIMITS,
    NO_BACKUP,
    SAMPLE,
    Heard,
    RealClock,
    ask,
    exists,
    labels,
    run,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

REF = "abcdefghijklmnopqrst"


def failure(url: Secret, folder: Path) -> MigrationFailed:
    with pytest.raises(MigrationFailed) as caught:
        run(url, folder)
    return caught.value


def test_the_sample_migrations_are_applied_and_recorded(database_url: Secret) -> None:
    say = Heard()
    migrated = run(database_url, SAMPLE, say=say, project_ref=REF)
    assert migrated.ledger_count == 7
    first = migrated.applied_now[0].applied_at
    assert migrated.recovery_time is not None
    assert first - timedelta(seconds=20) < migrated.recovery_time <= first
    assert len(migrated.applied_now) == 7
    assert [file.label for file in read_folder(SAMPLE)] == labels(database_url)
    assert sum("applied" in note for note in say.notes) == 7
    assert "goes on without a fresh backup" in say.warnings[0]
    assert ask(database_url, "SELECT ref FROM shipway.project") == [(REF,)]


def test_a_second_run_has_nothing_to_do_and_writes_nothing(database_url: Secret) -> None:
    run(database_url, SAMPLE)
    before = ask(database_url, "SELECT *, xmin FROM shipway.migrations ORDER BY version")
    migrated = run(database_url, SAMPLE)
    assert migrated.applied_now == ()
    assert migrated.recovery_time is None
    assert migrated.ledger_count == 7
    assert ask(database_url, "SELECT *, xmin FROM shipway.migrations ORDER BY version") == before


def test_looking_writes_nothing(database_url: Secret) -> None:
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        state = ledger.look()
        plan_migrations(read_folder(SAMPLE), state)
    assert not state.exists
    assert not exists(database_url, "shipway.migrations")
    assert ask(database_url, "SELECT count(*) FROM pg_namespace WHERE nspname='shipway'") == [(0,)]


def test_the_ledger_is_closed_to_the_api_roles(database_url: Secret) -> None:
    run(database_url, SAMPLE)
    rows = ask(
        database_url,
        "SELECT c.relname, c.relrowsecurity, r.rolname, has_schema_privilege(r.oid, 'shipway', "
        "'USAGE'), has_table_privilege(r.oid, c.oid, 'SELECT') FROM pg_class c, pg_roles r "
        "WHERE c.relnamespace = 'shipway'::regnamespace AND c.relkind = 'r' "
        "AND r.rolname IN ('anon', 'authenticated', 'service_role')",
    )
    assert len(rows) == 4 * 3
    assert {row[1] for row in rows} == {True}
    assert {row[3:] for row in rows} == {(False, False)}


def test_a_failed_migration_leaves_the_ledger_and_the_schema_untouched(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_good.sql": "CREATE TABLE good (id int);",
            "002_bad.sql": "CREATE TABLE half ();\n\nALTER TABLE good\n  ADD COLUMN id int;\n",
            "003_next.sql": "CREATE TABLE later (id int);",
        },
    )
    stopped = failure(database_url, tmp_path)
    assert stopped.exit_code == 4
    assert stopped.what.startswith(
        '002_bad.sql, line 3, column 1: column "id" of relation "good" already exists '
        "(SQLSTATE 42701)\n  3 | ALTER TABLE good\n    | ^"
    )
    assert "002_bad was rolled back" in stopped.unchanged
    assert "001_good" in stopped.unchanged
    assert labels(database_url) == ["001_good"]
    assert not exists(database_url, "half")
    assert not exists(database_url, "later")


def test_a_first_migration_that_fails_leaves_not_even_a_ledger(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_bad.sql": "CREATE TABLE a (id int);\nSELECT nothing_like_it;"})
    failure(database_url, tmp_path)
    assert not exists(database_url, "shipway.migrations")
    assert not exists(database_url, "a")


def test_an_error_that_postgres_places_gets_its_line_column_and_caret(
    database_url: Secret, tmp_path: Path
) -> None:
    text = "-- Größe\r\n\r\nSELECT 1;\r\nSELECT 'é',\r\n\t'ü' AS ä, wrong FROM pg_class;\r\n"
    (tmp_path / "001_a.sql").write_bytes(text.encode("utf-8-sig"))
    what = failure(database_url, tmp_path).what
    assert "001_a.sql, line 5, column 12: " in what
    assert "  5 |  'ü' AS ä, wrong FROM pg_class;\n    |            ^" in what


def test_detail_and_hint_of_postgres_are_passed_on(database_url: Secret, tmp_path: Path) -> None:
    write(
        tmp_path,
        {"001_a.sql": "CREATE TABLE a (id int UNIQUE);\nINSERT INTO a VALUES (1), (1);"},
    )
    stopped = failure(database_url, tmp_path)
    assert "line 2, column 1" in stopped.what
    assert "SQLSTATE 23505" in stopped.what
    # It quotes a row: told apart, so that no record keeps it.
    assert stopped.rows == ("Detail: Key (id)=(1) already exists.",)
    assert "(1) already exists" not in stopped.what


def test_what_one_file_sets_up_does_not_reach_the_next(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_dump.sql": "SELECT pg_catalog.set_config('search_path', '', false);\n"
            "SET statement_timeout = 100; SET ROLE anon; CREATE TEMP TABLE scratch ();\n"
            "RESET ROLE; PREPARE x AS SELECT 1; SET ROLE anon;",
            "002_next.sql": "CREATE TABLE plain (id int);\nPREPARE x AS SELECT 1;\n"
            "CREATE TEMP TABLE scratch ();\nSELECT pg_sleep(0.2);",
        },
    )
    run(database_url, tmp_path)
    assert exists(database_url, "public.plain")
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'plain'"
    assert ask(database_url, owner) == [("postgres",)]


def test_a_file_that_switches_string_rules_is_read_by_them(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a ();\nCREATE TABLE b ();\n"
            "SET standard_conforming_strings = off;\n"
            r"COMMENT ON TABLE a IS 'it\'s; one';",
            "002_b.sql": r"COMMENT ON TABLE b IS 'back\';",
        },
    )
    if ask(database_url, "SHOW server_version_num") >= [("190000",)]:
        pytest.fail("this server can no longer switch: take the test out")
    run(database_url, tmp_path)
    comments = "SELECT obj_description('a'::regclass), obj_description('b'::regclass)"
    assert ask(database_url, comments) == [("it's; one", "back\\")]


def test_inline_copy_data_are_loaded(database_url: Secret, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a (id int, t text);\n"
            "COPY a (id, t) FROM stdin;\n1\tone;\n2\t'two\n\\.\n"
            "COPY a FROM STDIN WITH (FORMAT csv);\n3,three\n\\.\nCREATE TABLE b ();"
        },
    )
    run(database_url, tmp_path)
    rows = ask(database_url, "SELECT * FROM a ORDER BY id")
    assert rows == [(1, "one;"), (2, "'two"), (3, "three")]
    assert exists(database_url, "b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1;\n\\i other.sql\n", "line 2: \\i is a command of psql"),
        ("SELECT 1 \\gexec\n", "line 1: \\gexec is a command of psql"),
        ("SELECT 1;\nSELECT 'open", "line 2: a string begins with ' and does not end"),
        ("SELECT 1;\n/* open", "line 2: a comment begins with /* and does not end"),
        ("SELECT $x$ open", "line 1: a string begins with $x$ and does not end"),
        ("BEGIN;\nSELECT 1;\n", "line 1: a transaction is begun here and never committed"),
        (
            "SELECT 1;\nCOMMIT;\nSELECT 2;\n",
            "line 2: a transaction is committed that was not begun",
        ),
        ("BEGIN;\nSELECT 1;\nROLLBACK;\n", "line 3: the file rolls its own work back"),
        ("BEGIN;\nVACUUM;\nCOMMIT;\n", "line 2: this statement cannot run in a transaction"),
        ("COPY a FROM stdin;\n1\n", "line 1: the data of COPY … FROM stdin do not end"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(
    database_url: Secret, tmp_path: Path, text: str, said: str
) -> None:
    write(tmp_path, {"001_good.sql": "CREATE TABLE good ();", "002_bad.sql": text})
    with pytest.raises(Misconfigured) as caught:
        run(database_url, tmp_path)
    assert caught.value.what.startswith(f"002_bad.sql, {said}")
    assert labels(database_url) == []
    assert not exists(database_url, "good")


def test_a_second_runner_is_told_who_holds_the_database(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();"})
    with Ledger(database_url, connect_timeout_s=5) as other:
        assert other.take_run_lock() is None
        with pytest.raises(Locked, match=r"postgres, shipway migrate") as caught:
            run(database_url, tmp_path)
    assert caught.value.exit_code == 75
    assert labels(database_url) == []
    assert run(database_url, tmp_path).ledger_count == 1


def test_files_that_another_run_applied_meanwhile_are_not_run_again(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();", "002_b.sql": "CREATE TABLE b ();"})
    say = Heard()
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        plan = plan_migrations(read_folder(tmp_path), ledger.look())
        run(database_url, tmp_path)
        migrated = migrate(
            plan,
            NO_BACKUP,
            MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=say),
        )
    assert migrated.applied_now == ()
    assert migrated.ledger_count == 2
    assert "001_a was applied by another run meanwhile" in say.notes


def test_a_ledger_that_changed_otherwise_since_the_plan_is_refused(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();"})
    other = tmp_path / "other"
    other.mkdir()
    write(other, {"001_z.sql": "CREATE TABLE z ();"})
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        plan = plan_migrations(read_folder(tmp_path), ledger.look())
        run(database_url, other)
        with pytest.raises(Refused, match="001_z is new there"):
            migrate(
                plan,
                NO_BACKUP,
                MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=Heard()),
            )
    assert not exists(database_url, "a")


START = "create schema app; create table app.i (n int); "


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "'serializable'"),
        ("default_transaction_deferrable", "on"),
    ],
)
@pytest.mark.parametrize("part", ["", "create index concurrently x on app.i (n); "])
def test_a_setting_that_acts_at_begin_does_not_reach_the_next_file(
    database_url: Secret, tmp_path: Path, setting: str, value: str, part: str
) -> None:
    shown = setting.removeprefix("default_")
    own = ask(database_url, f"select current_setting('{shown}')")
    write(
        tmp_path,
        {
            "001_a.sql": f"{START}{part}set {setting} = {value};",
            "002_b.sql": f"create table app.t as select current_setting('{shown}') as it;",
        },
    )
    run(database_url, tmp_path)
    assert ask(database_url, "select it from app.t") == own


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "create user mapping for current_user server nowhere options (password 'hunter2');",
            'server "nowhere" does not exist (SQLSTATE 42704)',
        ),
        (
            "do $$ begin execute $q$alter role nobody password 'hunter2'$q$; end $$;",
            'role "nobody" does not exist (SQLSTATE 42704)',
        ),
        ("alter role x password hunter2;", "syntax error at or near … (SQLSTATE 42601)"),
    ],
)
def test_no_word_of_a_statement_that_sets_a_password_is_shown(
    database_url: Secret, tmp_path: Path, sql: str, told: str
) -> None:
    write(tmp_path, {"001_a.sql": sql})
    stopped = failure(database_url, tmp_path)
    assert told in stopped.what
    assert stopped.place is not None
    assert "hunter2" not in stopped.what + stopped.place.what
