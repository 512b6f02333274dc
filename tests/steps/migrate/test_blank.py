"""A file without a statement is a migration that does nothing, in every command (F3, DB23)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.errors import Refused
from shipway.migrations.files import read_folder
from shipway.migrations.undo import plan_undo
from shipway.values.migrations import Phase
from tests.fixtures.in_process import run_here
from tests.fixtures.migrating import ask, exists, labels, run, write
from tests.fixtures.other_tools import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

BLANK = {
    "comment": "-- applied by hand, kept for the record\n",
    "empty": "",
    "white space": " \r\n\t\n",
    "bom": "\ufeff",
    "semicolons": ";;\n ;",
    "block comment": "/* select 1; /* nested */ */",
    "directive": "-- shipway: statement_timeout=1min\n",
    "restrict": "\\restrict abc\n\\unrestrict abc\n",
}
IDLE = {
    "own transaction": "BEGIN;\nCOMMIT;\n",
    "two of them": "begin; end; start transaction; commit;",
    "setting": "SET statement_timeout = 0;\nRESET ALL;",
}
BETWEEN = {
    "001_a.sql": "CREATE TABLE a (id int);",
    "003_c.sql": "ALTER TABLE a ADD b int;",
}
THE_CLI_HAS = """
CREATE SCHEMA IF NOT EXISTS supabase_migrations;
CREATE TABLE supabase_migrations.schema_migrations
  (version text PRIMARY KEY, statements text[], name text);
"""


def invoke(url: Secret, root: Path, *arguments: str) -> tuple[int, str]:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url.reveal()}
    code, out, err = run_here(root, environ, *arguments)
    return code, out + err


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("text", [*BLANK.values(), *IDLE.values()], ids=[*BLANK, *IDLE])
def test_it_is_recorded_like_any_other(
    database_url: Secret, tmp_path: Path, text: str, *, together: bool
) -> None:
    prepare(database_url, THE_CLI_HAS)
    write(tmp_path, {**BETWEEN, "002_b.sql": text, "004_d.sql": text})
    done = run(database_url, tmp_path, together=together)
    assert [row.label for row in done.applied_now] == ["001_a", "002_b", "003_c", "004_d"]
    assert labels(database_url) == ["001_a", "002_b", "003_c", "004_d"]
    told = ask(database_url, "SELECT version FROM supabase_migrations.schema_migrations ORDER BY 1")
    assert told == [("001",), ("002",), ("003",), ("004",)]
    assert run(database_url, tmp_path).applied_now == ()


def test_a_folder_of_nothing_else_is_applied_too(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path, {"001_a.sql": "", "002_b.sql": "-- shipway: phase=contract\n"})
    assert len(run(database_url, tmp_path).applied_now) == 1
    run(database_url, tmp_path, phase=Phase.CONTRACT)
    assert labels(database_url) == ["001_a", "002_b"]


def test_a_history_that_the_supabase_cli_has_recorded_is_taken_over_as_it_is(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path / "migrations",
        {
            "20240101000000_a.sql": "CREATE TABLE public.a (id int PRIMARY KEY);",
            "20240102000000_placeholder.sql": "-- nothing to do here any more\n",
            "20240103000000_empty.sql": "",
            "20240104000000_b.sql": "ALTER TABLE public.a ADD COLUMN b int;",
            "20240105000000_later.sql": "-- applied by hand\n",
        },
    )
    prepare(
        database_url,
        f"{THE_CLI_HAS} CREATE TABLE public.a (id int PRIMARY KEY);"
        "INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101000000', '{}', 'a'),"
        "('20240102000000', '{}', 'placeholder'), ('20240103000000', '{}', 'empty')",
    )
    for command, wanted in (
        (["db.adopt", "--yes"], "3 recorded"),
        (["db.status"], "3 applied, 2 pending"),
        (["db.migrate", "--yes"], "applied 20240105000000_later"),
        (["db.status", "--check"], "5 applied, 0 pending"),
        (["db.diff"], ""),
    ):
        code, said = invoke(database_url, tmp_path, *command)
        assert code == 0, said
        assert wanted in said


def test_a_pending_one_is_told_and_blocks_nothing(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path / "migrations", {"001_a.sql": "", "002_b.sql": "SELECT 1;"})
    for command in (["db.status"], ["--dry", "db.migrate"], ["db.migrate", "--yes"]):
        code, said = invoke(database_url, tmp_path, *command)
        assert code == 0, said
        assert "001_a.sql holds no SQL statement: it is recorded as applied" in said
        assert "002_b" in said
    assert "holds no SQL" not in invoke(database_url, tmp_path, "db.status")[1]


def test_what_db_new_has_made_is_listed_and_not_applied_until_it_is_written(
    database_url: Secret, tmp_path: Path
) -> None:
    folder = write(tmp_path / "migrations", BETWEEN)
    assert invoke(database_url, tmp_path, "db.new", "labels")[0] == 0
    code, said = invoke(database_url, tmp_path, "db.status")
    assert code == 0
    assert "004_labels.sql is as db.new has made it" in said
    for command in (["db.migrate", "--yes"], ["db.rehearse"]):
        code, said = invoke(database_url, tmp_path, *command)
        assert code == 2
        assert f"Write the migration into {folder / '004_labels.sql'}" in said
    assert "FAILED      history" in invoke(database_url, tmp_path, "doctor")[1]
    assert labels(database_url) == []
    write(folder, {"004_labels.sql": "-- labels\n-- not needed after all\n"})
    assert invoke(database_url, tmp_path, "db.migrate", "--yes")[0] == 0
    assert labels(database_url) == ["001_a", "003_c", "004_labels"]


def test_a_rehearsal_runs_it_there_and_back(database_url: Secret, tmp_path: Path) -> None:
    write(
        tmp_path / "migrations",
        {
            "001_a.sql": "-- nothing\n",
            "002_b.sql": "CREATE SCHEMA b;",
            "002_b.down.sql": "DROP SCHEMA b;",
            "003_c.sql": "BEGIN; COMMIT;",
            "003_c.down.sql": "BEGIN; COMMIT;",
        },
    )
    (tmp_path / "checks").mkdir()
    code, said = invoke(database_url, tmp_path, "db.rehearse")
    assert code == 0, said
    assert "001_a is reversible" in said
    assert "002_b is reversible" in said
    assert labels(database_url) == []
    assert invoke(database_url, tmp_path, "db.migrate", "--yes")[0] == 0


def test_a_down_script_without_a_statement_undoes_nothing_and_says_so(
    database_url: Secret, tmp_path: Path
) -> None:
    folder = write(
        tmp_path / "migrations",
        {"001_a.sql": "CREATE SCHEMA a;", "001_a.down.sql": "-- undoes 001_a.sql\n\n"},
    )
    (tmp_path / "checks").mkdir()
    said = invoke(database_url, tmp_path, "db.rehearse")[1]
    assert "001_a is irreversible: 001_a.down.sql fails: it holds no SQL statement" in said
    run(database_url, folder)
    with Ledger(database_url, connect_timeout_s=5) as ledger, pytest.raises(Refused) as caught:
        plan_undo(read_folder(folder), ledger.look())
    assert "001_a.down.sql holds no SQL statement" in caught.value.what
    assert str(folder / "001_a.down.sql") in caught.value.next_step


def test_it_is_rolled_back_without_a_down_script(database_url: Secret, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "migrations",
        {
            "001_a.sql": "CREATE TABLE a ();",
            "001_a.down.sql": "DROP TABLE a;",
            "002_b.sql": "-- nothing\n",
            "003_c.sql": "",
        },
    )
    prepare(database_url, THE_CLI_HAS)
    run(database_url, folder)
    code, said = invoke(database_url, tmp_path, "db.rollback", "--to", "0", "--yes")
    assert code == 0, said
    assert labels(database_url) == []
    assert not exists(database_url, "a")
    assert ask(database_url, "SELECT count(*) FROM supabase_migrations.schema_migrations") == [(0,)]


def test_a_command_of_psql_alone_is_no_blank_file(database_url: Secret, tmp_path: Path) -> None:
    folder = write(tmp_path / "migrations", {"001_a.sql": "\\d+ a\n", "002_b.sql": "SELECT 1;"})
    assert [one.blank for one in read_folder(folder)] == [False, False]
    code, said = invoke(database_url, tmp_path, "db.status")
    assert code == 0, said
    code, said = invoke(database_url, tmp_path, "db.migrate", "--yes")
    assert code == 2
    assert "001_a.sql, line 1: \\d+ is a command of psql" in said
