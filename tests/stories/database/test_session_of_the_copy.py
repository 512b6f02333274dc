"""The copy's sessions, and the expected schema's, begin as the target's: files mean the same."""

from __future__ import annotations

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


def set_for_all(server: DatabaseServer, database: str, *settings: str) -> None:
    for one in settings:
        execute(server.admin_url("template1"), f"alter database {database} set {one}")


def test_a_date_that_the_target_reads_otherwise_empties_the_copy_and_not_the_target(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    set_for_all(server, database, "datestyle = 'ISO, DMY'")
    project.begin(
        {
            "001_a.sql": "create schema app; create table app.visit (at date);"
            "insert into app.visit select '2026-02-01'::date + n from generate_series(1, 100) n;"
        }
    )
    assert project.invoke("db.migrate", "--yes")[0] == 0
    project.begin({"002_b.sql": "delete from app.visit where at > '12/01/2026';"})

    code, said = project.invoke("db.rehearse")

    assert code == 5, said
    assert "app.visit: 0 rows, 100 in the backup" in said
    assert ask(project.url, "select count(*) from app.visit") == [(100,)]


PATHS = ("role", "options")


@pytest.mark.parametrize("where", PATHS)
def test_files_that_rely_on_a_search_path_from_outside_are_rehearsed_and_compared(
    server: DatabaseServer, database: str, project: DatabaseProject, where: str
) -> None:
    url = project.url
    execute(server.admin_url(database), "create schema app authorization postgres")
    if where == "role":
        who = f"role postgres in database {database}"
        execute(server.admin_url(database), f"alter {who} set search_path = app, public")
    else:
        url = type(url)(f"{url.reveal()}?options=-csearch_path%3Dapp")
    project.begin({"001_a.sql": "create table orders (id int primary key);"})
    code, said = project.invoke("db.migrate", "--yes", url=url)
    assert code == 0, said
    assert ask(project.url, "select to_regclass('app.orders')::text") != [(None,)]
    project.begin({"002_b.sql": "alter table orders add column note text;"})

    code, said = project.invoke("db.rehearse", url=url)
    assert code == 0, said
    assert "grade L6" in said
    assert "orders" not in project.invoke("db.diff", url=url)[1]


def test_a_parameter_that_the_role_was_granted_is_granted_on_the_copy(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    execute(
        server.admin_url(database), "grant set on parameter session_replication_role to postgres"
    )
    try:
        project.begin({"001_a.sql": "create schema app; create table app.t (id int primary key);"})
        assert project.invoke("db.migrate", "--yes")[0] == 0
        project.begin(
            {
                "002_b.sql": "set session_replication_role = replica; "
                "insert into app.t values (1), (2); reset session_replication_role;"
            }
        )

        code, said = project.invoke("db.rehearse")

        assert code == 0, said
        assert "grade L6" in said
        assert project.invoke("db.diff")[0] == 0
    finally:
        execute(
            server.admin_url(database),
            "revoke set on parameter session_replication_role from postgres",
        )


def test_what_only_a_superuser_may_set_holds_on_the_copy_too(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    project.begin(
        {
            "001_a.sql": "create schema app; create table app.t (id int primary key);"
            "create table app.u (t int references app.t);",
        }
    )
    assert project.invoke("db.migrate", "--yes")[0] == 0
    who = f"role postgres in database {database}"
    execute(server.admin_url(database), f"alter {who} set session_replication_role = replica")
    # Without its triggers a foreign key holds nothing.
    project.begin({"002_b.sql": "insert into app.u values (1);"})

    code, said = project.invoke("db.rehearse")

    assert code == 0, said
    assert "grade L6" in said


def test_files_run_on_the_copy_as_the_role_that_the_targets_sessions_take(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    name = f"owner_of_{database}"
    execute(
        server.admin_url(database),
        f"create role {name}; grant {name} to postgres; create schema app authorization {name};"
        f"grant create on database {database} to {name};"
        f"alter role postgres in database {database} set role = {name}",
    )
    try:
        project.begin({"001_a.sql": "create table app.t (id int primary key);"})
        code, said = project.invoke("db.migrate", "--yes")
        assert code == 0, said
        project.begin({"002_b.sql": "create table app.u (id int primary key);"})

        code, said = project.invoke("db.rehearse")

        assert code == 0, said
        assert "grade L6" in said
    finally:
        execute(server.admin_url(database), f"drop owned by {name} cascade; drop role {name}")


def test_a_secret_setting_is_read_on_the_copy_and_kept_nowhere(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    set_for_all(server, database, "app.jwt_secret = 'a-secret-of-the-target'")
    project.begin({"001_a.sql": "create schema app; create table app.t (id int primary key);"})
    assert project.invoke("db.migrate", "--yes")[0] == 0
    project.begin(
        {
            "002_b.sql": "create table app.signed as "
            "select length(current_setting('app.jwt_secret')) as n;"
        }
    )

    code, said = project.invoke("db.rehearse")

    assert code == 0, said
    assert "app.jwt_secret" in said
    for path in (project.root / ".shipway").rglob("*.json"):
        assert "a-secret-of-the-target" not in path.read_text(encoding="utf-8")
    assert "a-secret-of-the-target" not in said


def test_an_event_trigger_of_the_dashboard_acts_on_the_copy_too(
    server: DatabaseServer, database: str, project: DatabaseProject
) -> None:
    execute(
        server.admin_url(database),
        """
        create function public.rls_auto_enable() returns event_trigger language plpgsql
          security definer set search_path = pg_catalog as $$ declare r record; begin
          for r in select * from pg_event_trigger_ddl_commands()
            where command_tag = 'CREATE TABLE' and schema_name = 'public' loop
            execute format('alter table if exists %s enable row level security',
              r.object_identity); end loop; end $$;
        create event trigger ensure_rls on ddl_command_end when tag in ('CREATE TABLE')
          execute function public.rls_auto_enable();
        """,
    )
    project.begin({"001_a.sql": "create schema app;"})
    assert project.invoke("db.migrate", "--yes")[0] == 0
    project.begin(
        {
            "002_b.sql": "create table public.n (id int primary key); create policy p on public.n "
            "for select to authenticated using (true); grant select on public.n to authenticated;"
        }
    )

    said = project.invoke("db.rehearse")[1]

    assert "rls_disabled" not in said
    assert "event trigger ensure_rls" not in said
