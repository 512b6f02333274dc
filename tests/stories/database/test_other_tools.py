"""A project that another tool has migrated so far, and goes on to migrate beside shipway."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import clean_environment

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project

PLANS = """\
create table if not exists public.plans
  (id bigint generated always as identity primary key, name text not null);
alter table public.plans enable row level security;
drop policy if exists "only the server" on public.plans;
create policy "only the server" on public.plans for all to anon, authenticated using (false);
grant select on public.plans to anon, authenticated;
"""
SEED = "insert into public.plans (name) values ('free'), ('pro');\n"
HISTORY = """\
create schema if not exists supabase_migrations;
create table supabase_migrations.schema_migrations
  (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values
  ('20260101000000', '{}', 'plans'), ('20260102000000', '{}', 'plans_seed');
"""


@pytest.fixture
def team(project: Project) -> Project:
    """Return a project in which two files that may run twice ran once, by the Supabase CLI."""
    folder = project.root / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_plans.sql").write_text(PLANS)
    (folder / "20260102000000_plans_seed.sql").write_text(SEED)
    (project.root / "shipway.toml").write_text(
        'app_dir = "app"\nmigrations_dir = "supabase/migrations"\nchecks_dir = "promises"\n'
    )
    for path in (project.root / "checks").iterdir():
        path.unlink()
    for script in (PLANS, SEED, HISTORY):
        project.execute(script)
    return project


def on_sandbox(project: Project, *arguments: str) -> Ended:
    return project.invoke(*arguments, "--target", "sandbox")


def test_what_the_supabase_cli_has_applied_is_never_released_again(team: Project) -> None:
    refused = [
        team.release(SHIPWAY_PROTECTED_TARGETS="sandbox"),
        team.quick_release(),
        on_sandbox(team, "--dry", "release"),
        on_sandbox(team, "release.finish", "--yes"),
        on_sandbox(team, "db.migrate", "--yes"),
        on_sandbox(team, "db.status"),
        on_sandbox(team, "doctor"),
    ]
    for ended in refused:
        assert ended.code == 3, ended.out + ended.err
        assert "20260101000000_plans, 20260102000000_plans_seed. Running it" in ended.err
        assert "invoke --dry db.adopt --target sandbox" in ended.err
    assert not (team.root / ".shipway" / "backups").exists()
    assert team.rows("select count(*) from public.plans") == [(2,)]

    assert on_sandbox(team, "--dry", "db.adopt").code == 0
    assert on_sandbox(team, "db.adopt", "--yes").code == 0
    created = team.invoke("db.new", "labels")
    assert created.code == 0, created.err
    note = team.root / "supabase" / "migrations" / "20260103000000_note.sql"
    note.write_text("-- was applied by hand\n")
    (up,) = (team.root / "supabase" / "migrations").glob("*_labels*")
    up.write_text("alter table public.plans add column label text;\n")
    (down,) = (team.root / "supabase" / "rollbacks").iterdir()
    down.write_text("alter table public.plans drop column label;\n")
    released = team.release()
    assert released.code == 0, released.out + released.err
    assert f"{up.stem} is reversible" in released.out
    assert "20260103000000_note.sql holds no SQL statement" in released.out
    assert team.rows("select count(*) from public.plans") == [(2,)]
    told = "select version from supabase_migrations.schema_migrations order by 1 desc limit 1"
    assert team.rows(told) == [(up.name.partition("_")[0],)]
    assert "4 applied, 0 pending" in on_sandbox(team, "db.status").out
    assert on_sandbox(team, "db.rollback", "--steps", "2", "--yes").code == 0
    assert len(team.ledger()) == 2


@pytest.mark.parametrize("in_git", [True, False])
def test_down_scripts_that_the_supabase_cli_takes_for_migrations_are_named(
    team: Project, *, in_git: bool
) -> None:
    folder = team.root / "supabase" / "migrations"
    stray = folder / "20260101000000_plans.down.sql"
    stray.write_text("drop table public.plans;\n")
    if in_git:
        for command in (["init", "--quiet"], ["add", "--all"]):
            subprocess.run(["git", *command], cwd=team.root, check=True)
    assert on_sandbox(team, "db.adopt", "--yes").code == 0
    said = on_sandbox(team, "doctor").out
    assert "the Supabase CLI takes 1 down script in migrations/ for a migration" in said
    (cure,) = (line.partition("-> ")[2] for line in said.splitlines() if "-> mkdir" in line)
    assert ("git mv" in cure) == in_git
    subprocess.run(["sh", "-c", cure], cwd=team.root, env=clean_environment(), check=True)
    assert not stray.exists()
    assert (team.root / "supabase" / "rollbacks" / stray.name).is_file()
    assert "down script" not in on_sandbox(team, "doctor").out
    assert on_sandbox(team, "--dry", "db.rollback", "--to", "0").code == 3
    (team.root / "supabase" / "rollbacks" / "20260102000000_plans_seed.down.sql").write_text(
        "delete from public.plans;\n"
    )
    assert (
        "destroys the table public.plans: 2 rows"
        in on_sandbox(team, "--dry", "db.rollback", "--to", "0").out
    )


def test_down_scripts_outside_a_folder_of_shipways_own_are_in_nobodys_way(project: Project) -> None:
    outside = project.root / "rollbacks"
    outside.mkdir()
    for path in (project.root / "migrations").glob("*.down.sql"):
        path.rename(outside / path.name)
    assert "ok          migrations    7 files" in on_sandbox(project, "doctor").out
