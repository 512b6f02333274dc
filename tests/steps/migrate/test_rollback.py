"""Rolling back: what a plan holds, what it says is lost, and what the database is afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.errors import Locked, MigrationFailed, Misconfigured, Refused
from shipway.migrations.files import read_folder
from shipway.migrations.undo import plan_undo
from shipway.steps.migrate.powers import MigratePowers
from shipway.steps.migrate.rollback import look_at_losses, undo
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
    from shipway.values.histories import Undone, UndoPlan

OBJECTS = (
    "SELECT c.relkind::text, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n "
    "ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', "
    "'pg_toast', 'shipway') UNION ALL SELECT 'f', n.nspname, p.proname FROM pg_proc p "
    "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' "
    "UNION ALL SELECT 't', '', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace "
    "ORDER BY 1, 2, 3"
)


def plan_of(
    url: Secret, folder: Path, *, steps: int | None = None, to: int | None = None
) -> UndoPlan:
    with Ledger(url, connect_timeout_s=5) as ledger:
        plan = plan_undo(read_folder(folder), ledger.look(), steps=steps, to=to)
        return look_at_losses(plan, database=ledger)


def go_back(
    url: Secret, folder: Path, *, steps: int | None = None, to: int | None = None
) -> Undone:
    plan = plan_of(url, folder, steps=steps, to=to)
    with Ledger(url, connect_timeout_s=5) as ledger:
        return undo(
            plan,
            NO_BACKUP,
            MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=Heard()),
        )


def test_the_sample_history_goes_down_and_up_again_to_the_same_schema(
    database_url: Secret,
) -> None:
    before = ask(database_url, OBJECTS)
    run(database_url, SAMPLE)
    up = ask(database_url, OBJECTS)
    done = go_back(database_url, SAMPLE, to=0)
    assert done.ledger_count == 0
    assert done.undone[0].startswith("007")
    assert labels(database_url) == []
    assert ask(database_url, OBJECTS) == before
    run(database_url, SAMPLE)
    assert ask(database_url, OBJECTS) == up


def test_the_newest_one_is_undone_when_nothing_is_said(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a ();",
            "002_b.sql": "CREATE TABLE b ();",
            "002_b.down.sql": "DROP TABLE b;",
        },
    )
    run(database_url, tmp_path)
    assert go_back(database_url, tmp_path).undone == ("002_b",)
    assert labels(database_url) == ["001_a"]
    assert not exists(database_url, "b")
    with pytest.raises(Refused, match=r"001_a cannot be undone: there is no 001_a\.down\.sql"):
        go_back(database_url, tmp_path)


def test_it_is_said_what_data_would_be_destroyed(database_url: Secret, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": 'CREATE TABLE a (id int, note text);\nCREATE TABLE "B b" (id int);\n'
            "CREATE SCHEMA s; CREATE TABLE s.c (id int); CREATE TABLE d (id int DEFAULT 1);\n"
            "INSERT INTO a VALUES (1, 'x'), (2, NULL), (3, 'y');\nINSERT INTO \"B b\" VALUES (1);"
            "INSERT INTO s.c VALUES (1), (2);",
            "001_a.down.sql": "ALTER TABLE ONLY public.a ALTER id DROP DEFAULT, DROP IF EXISTS "
            'note, DROP COLUMN IF EXISTS nothing;\nDROP TABLE IF EXISTS "B b", gone CASCADE;\n'
            "DROP SCHEMA s CASCADE;\nTRUNCATE TABLE d; ALTER TABLE d DROP CONSTRAINT IF EXISTS x;",
        },
    )
    run(database_url, tmp_path)
    losses = plan_of(database_url, tmp_path).losses
    assert [(loss.table, loss.column, loss.count) for loss in losses] == [
        ("public.a", "note", 2),
        ('public."B b"', "", 1),
        ("s.c", "", 2),
        ("public.d", "", 0),
    ]
    assert labels(database_url) == ["001_a"]


def test_a_down_script_that_fails_leaves_its_row_and_the_schema(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a ();",
            "001_a.down.sql": "DROP TABLE a;",
            "002_b.sql": "CREATE TABLE b ();",
            "002_b.down.sql": "DROP TABLE b;\nDROP TABLE never_there;",
        },
    )
    run(database_url, tmp_path)
    with pytest.raises(MigrationFailed, match=r"002_b\.down\.sql, line 2, column 1") as caught:
        go_back(database_url, tmp_path, to=0)
    assert "invoke db.rollback" in caught.value.next_step
    assert labels(database_url) == ["001_a", "002_b"]
    assert exists(database_url, "a")
    assert exists(database_url, "b")


def test_a_down_script_without_a_transaction_is_resumed(
    database_url: Secret, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "001_a.sql": "CREATE TABLE a (id int); CREATE INDEX a_id ON a (id);",
            "001_a.down.sql": "DROP INDEX CONCURRENTLY a_id;\nDROP TABLE wrong;",
        },
    )
    run(database_url, tmp_path)
    with pytest.raises(MigrationFailed):
        go_back(database_url, tmp_path)
    with pytest.raises(Refused, match=r"half undone: 001_a\.down"):
        run(database_url, tmp_path)
    write(tmp_path, {"001_a.down.sql": "DROP INDEX CONCURRENTLY a_id;\nDROP TABLE a;"})
    go_back(database_url, tmp_path)
    assert labels(database_url) == []
    assert not exists(database_url, "a")
    assert ask(database_url, "SELECT * FROM shipway.migration_steps") == []


def test_the_supabase_cli_loses_sight_of_what_was_undone(
    database_url: Secret, tmp_path: Path
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS supabase_migrations")
        connection.execute(
            "CREATE TABLE supabase_migrations.schema_migrations "
            "(version text PRIMARY KEY, statements text[], name text)"
        )
    write(tmp_path, {"0001_a.sql": "CREATE TABLE a ();", "0001_a.down.sql": "DROP TABLE a;"})
    run(database_url, tmp_path)
    assert ask(database_url, "SELECT version FROM supabase_migrations.schema_migrations") == [
        ("0001",)
    ]
    go_back(database_url, tmp_path)
    assert ask(database_url, "SELECT version FROM supabase_migrations.schema_migrations") == []


def test_nothing_to_undo_and_contradictions_are_refused(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();", "001_a.down.sql": "DROP TABLE a;"})
    with pytest.raises(Refused, match="nothing to roll back"):
        go_back(database_url, tmp_path)
    run(database_url, tmp_path)
    with pytest.raises(Misconfigured, match="both given"):
        go_back(database_url, tmp_path, steps=1, to=0)
    with pytest.raises(Misconfigured, match="Version 9 is not in the ledger"):
        go_back(database_url, tmp_path, to=9)
    with pytest.raises(Refused, match="nothing to roll back"):
        go_back(database_url, tmp_path, to=1)


def test_a_rollback_waits_for_another_run_and_gives_up(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"001_a.sql": "CREATE TABLE a ();", "001_a.down.sql": "DROP TABLE a;"})
    run(database_url, tmp_path)
    with Ledger(database_url, connect_timeout_s=5) as other:
        assert other.take_run_lock() is None
        with pytest.raises(Locked):
            go_back(database_url, tmp_path)
    assert labels(database_url) == ["001_a"]
