"""A backup is proven on the very ways on which it would be brought back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import ask, execute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DatabaseServer


@pytest.fixture
def project(server: DatabaseServer, database: str, tmp_path: Path) -> DatabaseProject:
    return DatabaseProject(tmp_path, server.url(database))


def test_a_backup_is_proven_into_a_copy_and_over_it_at_once(project: DatabaseProject) -> None:
    project.begin(
        {
            "001_a.sql": """
                alter schema public owner to postgres;
                create table public.a (id bigint generated always as identity primary key);
                alter table public.a enable row level security;
                insert into public.a default values;
            """
        }
    )
    assert project.invoke("db.migrate", "--yes")[0] == 0
    assert project.invoke("backup")[0] == 0

    code, said = project.invoke("backup.verify", "--restore")

    assert code == 0, said
    assert re.search(r"grade L4", said), said
    assert ask(project.url, "select count(*) from public.a") == [(1,)]


def test_rows_that_no_order_lets_in_are_told_with_the_rule_and_its_cure(
    project: DatabaseProject,
) -> None:
    project.begin(
        {
            "001_a.sql": """
                create schema app; create table app.a (n int); create table app.b (n int);
                insert into app.a values (1); insert into app.b values (1);
                create function app.in_a(i int) returns boolean language sql stable as
                  $$ select exists (select 1 from app.a where n = i) $$;
                create function app.in_b(i int) returns boolean language sql stable as
                  $$ select exists (select 1 from app.b where n = i) $$;
                alter table app.a add constraint in_b check (app.in_b(n));
                alter table app.b add constraint in_a check (app.in_a(n));
            """
        }
    )
    assert project.invoke("db.migrate", "--yes")[0] == 0
    assert project.invoke("backup")[0] == 0
    backup = next((project.root / ".shipway" / "backups").iterdir()).name

    code, said = project.invoke("backup.verify", "--restore")
    assert code == 3, said
    assert "in_b" in said or "in_a" in said

    code, said = project.invoke("db.restore", backup, "--into", "t", "--yes")
    assert code == 1, said
    assert "table data app a" in said
    assert "it reads others" in said
    assert ask(project.url, "select n from app.a") == [(1,)]


def test_what_belongs_to_another_role_stays_as_it_is_when_a_backup_is_put_in_place(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    execute(
        server.admin_url(database),
        "create schema app authorization postgres; create table app.theirs (n int);"
        "insert into app.theirs values (1); grant select on app.theirs to postgres;"
        "create function public.f() returns int language sql return 1",
    )
    project.begin({"001_a.sql": "create table app.ours (n int); insert into app.ours values (1);"})
    assert project.invoke("db.migrate", "--yes")[0] == 0
    assert project.invoke("backup")[0] == 0
    backup = next((project.root / ".shipway" / "backups").iterdir()).name
    execute(server.admin_url(database), "insert into app.theirs values (2)")
    execute(project.url, "delete from app.ours")

    code, said = project.invoke("db.restore", backup, "--into", "t", "--yes")

    assert code == 0, said
    assert "table data app theirs" in said
    assert ask(project.url, "select n from app.theirs order by 1") == [(1,), (2,)]
    assert ask(project.url, "select n from app.ours") == [(1,)]
    assert ask(project.url, "select public.f()") == [(1,)]
