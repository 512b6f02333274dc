"""Roles of one's own that migrate: what they may not look into counts as not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import ask, execute, labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import DatabaseServer

FILES = {
    "001_a.sql": "create schema if not exists app; create table app.a (id int primary key);\n",
    "002_b.sql": "create table app.b (id int primary key);\n",
}
COMMANDS = (
    ("db.status",),
    ("db.adopt", "--yes"),
    ("backup",),
    ("db.rehearse",),
    ("db.migrate", "--yes"),
    ("db.verify", "--only", "schema"),
    ("db.diff",),
    ("db.tables",),
    ("release.history",),
    ("release.audit",),
)
HISTORY = """
create table if not exists supabase_migrations.schema_migrations
  (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations (version, name) values ('000', 'before');
"""


@pytest.fixture
def migrator(server: DatabaseServer, database: str) -> Iterator[DatabaseServer]:
    """Make a role that may log in and owns a schema; it is the whole server's, so it goes again."""
    admin = server.admin_url(database)
    password = server.password.reveal()
    execute(
        admin,
        f"create role migrator login password '{password}'; "
        "create schema app authorization migrator",
    )
    yield server
    server.drop(database)
    execute(server.admin_url("template1"), "drop role migrator")


def _made(server: DatabaseServer, database: str, folder: Path) -> DatabaseProject:
    project = DatabaseProject(folder, server.url(database, "migrator"))
    project.begin(FILES)
    return project


@pytest.mark.parametrize("history", ["", HISTORY])
def test_a_role_that_may_not_look_into_other_tools_histories_can_do_everything(
    migrator: DatabaseServer, database: str, tmp_path: Path, history: str
) -> None:
    project = _made(migrator, database, tmp_path)
    execute(migrator.admin_url(database), f"grant create on database {database} to migrator")
    execute(migrator.admin_url(database), history or "select 1")
    word = "supabase_migrations.schema_migrations"
    for command in COMMANDS:
        code, said = project.invoke(*command)
        assert code == (3 if command[0] == "db.adopt" else 0), (command, said)
        if command[0] in {"db.status", "db.migrate", "db.adopt"}:
            assert (word in said) == bool(history), (command, said)
    assert labels(project.url) == ["001_a", "002_b"]
    code, said = project.invoke("doctor")
    assert ("warning     history" if history else "ok          history") in said


def test_a_history_that_may_be_read_only_is_not_written_to(
    migrator: DatabaseServer, database: str, tmp_path: Path
) -> None:
    project = _made(migrator, database, tmp_path)
    admin = migrator.admin_url(database)
    execute(admin, HISTORY)
    execute(admin, f"grant create on database {database} to migrator")
    execute(admin, "grant usage on schema supabase_migrations to migrator")
    execute(admin, "grant select on supabase_migrations.schema_migrations to migrator")
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert "supabase_migrations.schema_migrations" in said
    versions = ask(admin, "select version from supabase_migrations.schema_migrations")
    assert versions == [("000",)]


def test_a_role_that_may_not_create_is_told_the_grant_that_is_missing(
    migrator: DatabaseServer, database: str, tmp_path: Path
) -> None:
    project = _made(migrator, database, tmp_path)
    grant = f"grant create on database {database} to migrator"
    for command in (("db.migrate", "--yes"), ("db.adopt", "--yes", "--up-to", "1"), ("doctor",)):
        code, said = project.invoke(*command)
        assert code in {2, 3}, (command, said)
        assert grant in said, (command, said)
    execute(migrator.admin_url(database), grant)
    assert project.invoke("db.migrate", "--yes")[0] == 0


@pytest.mark.parametrize(
    "grants", ["", "grant usage on schema shipway to reader", "grant pg_read_all_data to reader"]
)
def test_a_role_that_may_not_read_the_ledger_is_told_so_and_sees_no_empty_one(
    migrator: DatabaseServer, database: str, tmp_path: Path, grants: str
) -> None:
    project = _made(migrator, database, tmp_path)
    admin = migrator.admin_url(database)
    execute(admin, f"grant create on database {database} to migrator")
    assert project.invoke("db.migrate", "--yes")[0] == 0
    execute(admin, f"create role reader login password '{migrator.password.reveal()}'; {grants}")
    try:
        reader = migrator.url(database, "reader")
        for command in (
            ("db.status",),
            ("db.migrate", "--yes"),
            ("db.rehearse",),
            ("db.verify",),
            ("db.diff",),
            ("db.adopt", "--yes"),
            ("db.rollback", "--yes", "--steps", "1"),
        ):
            code, said = project.invoke(*command, url=reader)
            assert code in {2, 3}, (command, said)
        assert "may not read" in project.invoke("db.status", url=reader)[1]
        code, said = project.invoke("backup", url=reader)
        assert code in {0, 1, 3}, said
        assert "Traceback" not in said
    finally:
        execute(admin, "drop owned by reader; drop role reader")


def test_a_role_that_is_not_the_database_owner_backs_up_what_it_may_read(
    migrator: DatabaseServer, database: str, tmp_path: Path
) -> None:
    project = _made(migrator, database, tmp_path)
    execute(migrator.admin_url(database), "create table public.closed (id int)")
    execute(migrator.admin_url(database), "revoke all on public.closed from public")
    code, said = project.invoke("backup")
    assert code == 0, said
    assert "left out" in said
