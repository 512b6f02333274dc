"""Folders whose order is that of their names: adopted, run on, and undone (S5, same_day)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import ask, execute, labels

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

BEGIN = "20250115000000_begin.sql"
FIRST = "20251005_first.sql"
MORNING = "20251006_0900_morning.sql"
NOON = "20251006_1200_noon.sql"
FILES = {
    FIRST: "alter table public.t add column b int;",
    BEGIN: "create table public.t (a int); alter table public.t enable row level security;",
    MORNING: "alter table public.t add column c int;",
    NOON: "alter table public.t rename column c to d;",
}
OF_THE_CLI = """
create table supabase_migrations.schema_migrations
  (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values
  ('20250115000000', '{}', 'begin'), ('20251005', '{}', 'first');
create table public.t (a int, b int); alter table public.t enable row level security;
"""


@pytest.fixture
def project(tmp_path: Path, database_url: Secret) -> DatabaseProject:
    made = DatabaseProject(root=tmp_path, url=database_url)
    made.begin(FILES)
    return made


def columns(url: Secret) -> list[object]:
    query = "select attname from pg_attribute where attrelid = 'public.t'::regclass and attnum > 0"
    return [name for (name,) in ask(url, f"{query} and not attisdropped order by attnum")]


def test_a_history_runs_by_name_and_two_files_of_a_day_in_turn(
    project: DatabaseProject, database_url: Secret
) -> None:
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert columns(database_url) == ["a", "b", "d"]
    assert sorted(labels(database_url)) == sorted(
        name.removesuffix(".sql") for name in (BEGIN, FIRST, MORNING, NOON)
    )
    assert project.invoke("db.status", "--check")[0] == 0


def test_the_clis_history_is_adopted_whose_newest_number_is_not_its_last(
    project: DatabaseProject, database_url: Secret
) -> None:
    execute(database_url, OF_THE_CLI)
    code, said = project.invoke("db.adopt", "--yes")
    assert code == 0, said
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert columns(database_url) == ["a", "b", "d"]


def test_a_second_file_of_a_number_is_run_after_the_first_has_come_into_the_clis_history(
    project: DatabaseProject, database_url: Secret
) -> None:
    execute(database_url, OF_THE_CLI)
    noon = project.root / "migrations" / NOON
    text = noon.read_text()
    noon.unlink()
    assert project.invoke("db.adopt", "--yes")[0] == 0
    assert project.invoke("db.migrate", "--yes")[0] == 0
    noon.write_text(text)
    project.begin({NOON.replace(".sql", ".down.sql"): "alter table public.t rename d to c;"})
    for command in ("db.migrate", "db.rollback", "db.migrate"):
        code, said = project.invoke(command, "--yes")
        assert code == 0, said
    assert columns(database_url) == ["a", "b", "d"]


def test_files_of_a_day_that_its_history_cannot_hold_are_adopted_up_to_that_day(
    project: DatabaseProject, database_url: Secret
) -> None:
    execute(database_url, OF_THE_CLI + "alter table public.t add column d int;")
    execute(
        database_url,
        "insert into supabase_migrations.schema_migrations values ('20251006', '{}', '1200_noon')",
    )
    code, said = project.invoke("db.adopt", "--yes")
    assert code == 3
    assert f"{MORNING} would be left behind" in said
    code, said = project.invoke("db.adopt", "--up-to", "20251006", "--yes")
    assert code == 0, said
    code, said = project.invoke("db.status", "--check")
    assert code == 0, said


def test_the_last_by_name_is_undone_first(project: DatabaseProject, database_url: Secret) -> None:
    downs = {
        NOON: "alter table public.t rename column d to c;",
        MORNING: "alter table public.t drop column c;",
        FIRST: "alter table public.t drop column b;",
    }
    project.begin({name.replace(".sql", ".down.sql"): text for name, text in downs.items()})
    assert project.invoke("db.migrate", "--yes")[0] == 0
    code, said = project.invoke("db.rollback", "--yes")
    assert code == 0, said
    assert columns(database_url) == ["a", "b", "c"]
    code, said = project.invoke("db.rollback", "--to", "20250115000000", "--yes")
    assert code == 0, said
    assert columns(database_url) == ["a"]
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert columns(database_url) == ["a", "b", "d"]


def test_a_file_that_comes_before_an_applied_one_by_name_is_told(
    project: DatabaseProject,
) -> None:
    assert project.invoke("db.migrate", "--yes")[0] == 0
    project.begin({"20250301000000_late.sql": "select 1;"})
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 3
    assert "out of order: 20250301000000_late.sql is not applied" in said
    assert "git mv 20250301000000_late.sql 20251007_late.sql" in said


def test_what_is_no_migration_is_set_aside_and_told(project: DatabaseProject) -> None:
    project.begin({"README_fix.sql": "select 1;"})
    code, said = project.invoke("db.status")
    assert code == 0, said
    assert "set aside: README_fix.sql" in said


def test_the_clis_history_keeps_a_number_while_one_of_its_files_is_applied(
    project: DatabaseProject, database_url: Secret
) -> None:
    execute(database_url, OF_THE_CLI)
    project.begin({NOON.replace(".sql", ".down.sql"): "alter table public.t rename d to c;"})
    project.begin({MORNING.replace(".sql", ".down.sql"): "alter table public.t drop column c;"})
    assert project.invoke("db.adopt", "--yes")[0] == 0
    assert project.invoke("db.migrate", "--yes")[0] == 0
    query = "select count(*) from supabase_migrations.schema_migrations where version = '20251006'"
    for left in (1, 0):
        code, said = project.invoke("db.rollback", "--yes")
        assert code == 0, said
        assert ask(database_url, query) == [(left,)]


def test_a_backup_is_no_longer_fresh_once_a_file_has_run_whose_number_is_not_the_highest(
    project: DatabaseProject,
) -> None:
    assert project.invoke("db.migrate", "--yes")[0] == 0
    assert project.invoke("backup")[0] == 0
    project.begin({"20251007_rows.sql": "insert into public.t values (1);"})
    assert project.invoke("db.migrate", "--yes")[0] == 0
    project.begin({"20251008_more.sql": "insert into public.t values (2);"})
    code, said = project.invoke("db.rehearse")
    assert code == 0, said
    assert len([*(project.root / ".shipway" / "backups").iterdir()]) == 2, "a new one was taken"


def test_the_last_of_the_folder_is_told_where_two_files_have_one_number(
    database_url: Secret, tmp_path: Path
) -> None:
    made = DatabaseProject(root=tmp_path, url=database_url)
    made.begin({"20251006_0900_a.sql": "select 1;", "20251006_1200_b.sql": "select 1;"})
    assert made.invoke("db.migrate", "--yes")[0] == 0
    made.begin({"20251007_v.sql": "select 1;"})
    said = made.invoke("db.migrate", "--yes")[1]
    assert "the ledger holds 3, up to 20251007_v" in said
