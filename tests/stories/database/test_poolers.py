"""Commands through a transaction pooler: those that need a session say so before anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import ask, execute, exists
from tests.fixtures.pgbouncer import pgbouncer
from tests.fixtures.pooling import Pooler

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

FILES = {
    "001_a.sql": "create schema app; create table app.a (id int primary key);\n",
    "002_b.sql": "create table app.b (id int primary key);\n",
    "002_b.down.sql": "drop table app.b;\n",
}
ROWS = """
create table public.x (id int primary key); insert into public.x values (1);
alter table public.x enable row level security;
create policy p on public.x for select to authenticated using (true);
grant select on public.x to authenticated;
"""
# What an app asks all day.
APPS_QUERY = "begin; set local role authenticated; select count(*) from public.x; commit"
ADVISORY = "select count(*) from pg_locks where locktype = 'advisory'"
COMMANDS = (
    ("db.migrate", "--yes"),
    ("db.rollback", "--yes", "--steps", "1"),
    ("db.adopt", "--yes", "--up-to", "1"),
    ("db.rehearse",),
    ("db.verify",),
    ("backup",),
    ("release", "--yes"),
    ("release", "--yes", "--resume"),
    ("release.finish", "--yes"),
)


@pytest.fixture
def project(tmp_path: Path, database_url: Secret) -> DatabaseProject:
    made = DatabaseProject(tmp_path, database_url)
    made.begin(FILES)
    return made


def _apps_answer(url: Secret) -> object:
    with psycopg.connect(url.reveal(), autocommit=True, prepare_threshold=None) as app:
        cursor = app.execute(APPS_QUERY.encode())
        cursor.nextset()
        cursor.nextset()
        return cursor.fetchone()


def test_every_command_that_needs_a_session_refuses_and_leaves_nothing_behind(
    project: DatabaseProject,
) -> None:
    assert project.invoke("db.migrate", "--yes")[0] == 0
    assert project.invoke("backup")[0] == 0
    (backup,) = (project.root / ".shipway" / "backups").iterdir()
    restore = ("db.restore", "--yes", "--backup", backup.name, "--into", "t")
    (project.root / "migrations" / "003_c.sql").write_text("create table app.c ();\n")
    execute(project.url, ROWS)
    with Pooler(project.url, size=1) as pooler:
        for command in (*COMMANDS, restore):
            code, said = project.invoke(*command, url=pooler.url)
            assert code in {2, 3}, (command, said)
            assert "a transaction pooler is between" in said, (command, said)
            assert "session pooler" in said, (command, said)
            assert ask(project.url, ADVISORY) == [(0,)], command
            assert _apps_answer(pooler.url) == (1,), command
    assert not exists(project.url, "app.c")
    assert len(list((project.root / ".shipway" / "backups").iterdir())) == 1


def test_what_only_reads_works_through_a_transaction_pooler(project: DatabaseProject) -> None:
    assert project.invoke("db.migrate", "--yes")[0] == 0
    execute(project.url, ROWS)
    with Pooler(project.url, size=1) as pooler:
        for command in (("db.status",), ("db.tables",), ("release.history",)):
            code, said = project.invoke(*command, url=pooler.url)
            assert code == 0, (command, said)
            assert _apps_answer(pooler.url) == (1,), command


def test_doctor_fails_through_a_transaction_pooler_with_the_address_to_use(
    project: DatabaseProject,
) -> None:
    with Pooler(project.url) as pooler:
        code, said = project.invoke("doctor", url=pooler.url)
    assert code in {2, 3}
    assert "FAILED database" in " ".join(said.split())
    assert "session pooler" in said


def test_a_backup_through_a_pool_of_one_session_does_not_wait_for_the_pooler_to_give_up(
    project: DatabaseProject,
) -> None:
    began = time.monotonic()
    with Pooler(project.url, size=1, mode="session") as pooler:
        code, said = project.invoke("backup", url=pooler.url)
    assert (code, "pool size" in said) == (3, True), said
    assert time.monotonic() - began < 40


@pytest.mark.parametrize("size", [1, 2])
def test_a_session_pool_that_is_too_small_is_told_with_its_size(
    project: DatabaseProject, size: int
) -> None:
    assert project.invoke("db.migrate", "--yes")[0] == 0
    with Pooler(project.url, size=size, mode="session") as pooler:
        code, said = project.invoke("db.rollback", "--yes", "--to", "1", url=pooler.url)
    assert ("pool size" in said) == (code == 3), said
    assert exists(project.url, "app.b") == (code == 3)


def test_six_sessions_are_enough_for_each_command(project: DatabaseProject) -> None:
    with Pooler(project.url, size=6, mode="session") as pooler:
        for command in (
            ("db.migrate", "--yes"),
            ("backup",),
            ("db.verify",),
            ("db.rehearse",),
            ("db.rollback", "--yes", "--steps", "1"),
        ):
            code, said = project.invoke(*command, url=pooler.url)
            assert code == 0, (command, said)
        assert pooler.most <= 6


@pytest.mark.cli
def test_the_real_pooler_is_refused_and_keeps_no_lock(project: DatabaseProject) -> None:
    with pgbouncer(project.url, mode="transaction", size=2) as url:
        for command in COMMANDS:
            code, said = project.invoke(*command, url=url)
            assert code in {2, 3}, (command, said)
            assert ask(project.url, ADVISORY) == [(0,)], command


@pytest.mark.cli
def test_three_sessions_of_the_real_pooler_are_enough_to_roll_back(
    project: DatabaseProject,
) -> None:
    with pgbouncer(project.url, mode="session", size=3) as url:
        assert project.invoke("db.migrate", "--yes", url=url)[0] == 0
        code, said = project.invoke("db.rollback", "--yes", "--to", "1", url=url)
    assert code == 0, said
    assert not exists(project.url, "app.b")
