"""Releases that change what objects will be granted when they are made, or find it changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project

IN_PUBLIC = "alter default privileges in schema public"
API_ROLES = "anon, authenticated, service_role"
BASE = """\
create table public.visits (id bigint generated always as identity primary key, owner uuid);
alter table public.visits enable row level security;
create policy own_visits on public.visits for select to authenticated
    using ((select auth.uid()) = owner);
revoke all on all tables in schema public from anon;
grant select on public.visits to authenticated;
"""


@pytest.fixture
def granted_by_default(project: Project) -> Project:
    """Return a project whose tables are granted by default, and its first release."""
    for name in ("migrations", "checks"):
        shutil.rmtree(project.root / name)
    (project.root / "migrations").mkdir()
    project.execute(f"{IN_PUBLIC} grant select, insert, update, delete on tables to {API_ROLES}")
    ended = _release(project, 1, BASE)
    assert ended.code == 0, ended.err
    return project


def _release(project: Project, number: int, text: str) -> Ended:
    folder = project.root / "migrations"
    (folder / f"{number:03}_change.sql").write_text(text)
    (folder / f"{number:03}_change.down.sql").write_text("select 1")
    return project.release(SHIPWAY_PROTECTED_TARGETS="sandbox" if number > 1 else "")


def test_a_file_that_takes_the_default_grants_away_ends_neither_this_release_nor_the_next(
    granted_by_default: Project,
) -> None:
    project = granted_by_default
    change = f"{IN_PUBLIC} revoke all on tables from {API_ROLES};"
    ended = _release(project, 2, change.replace("privileges in", "privileges for role postgres in"))
    assert ended.code == 0, ended.err
    assert (
        "Default privileges: anon is no longer granted delete, insert, select, update on future "
        "tables of postgres in schema public"
    ) in ended.out
    ended = _release(project, 3, "-- nothing but a comment\nselect 1;")
    assert ended.code == 0, ended.err
    for command in ("db.diff", "db.verify"):
        ended = project.invoke(command, "--target", "sandbox")
        assert ended.code == 0, ended.err


def test_default_grants_that_are_taken_away_without_a_file_stop_no_release(
    granted_by_default: Project,
) -> None:
    project = granted_by_default
    project.execute(f"{IN_PUBLIC} revoke select, insert, update, delete on tables from {API_ROLES}")
    ended = project.invoke("db.diff", "--target", "sandbox")
    assert ended.code == 0, ended.err
    assert "future tables of postgres in schema public: anon lacks" in ended.out
    ended = _release(project, 2, "alter table public.visits add column title text;")
    assert ended.code == 0, ended.err


def test_defaults_are_changed_in_the_midst_of_a_release_and_a_grant_to_everyone_is_told(
    granted_by_default: Project,
) -> None:
    project = granted_by_default
    folder = project.root / "migrations"
    (folder / "002_defaults.sql").write_text(
        "alter default privileges grant select on tables to anon;"
    )
    ended = _release(
        project, 3, BASE.replace("visits", "tags").replace("from anon", "from anon, service_role")
    )
    assert ended.code == 0, ended.err
    assert (
        "warning: Default privileges: anon is granted select on every one of the future tables "
        "of postgres, from the moment that it is made."
    ) in ended.out + ended.err
    ended = project.invoke("db.diff", "--target", "sandbox")
    assert ended.code == 0, ended.err


def test_a_default_that_was_changed_after_the_rehearsal_keeps_the_migration_from_running(
    granted_by_default: Project,
) -> None:
    project = granted_by_default
    (project.root / "migrations" / "002_b.sql").write_text(
        "alter table public.visits add column title text;"
    )
    ended = project.invoke("db.rehearse", "--target", "sandbox")
    assert ended.code == 0, ended.err
    project.execute(f"{IN_PUBLIC} grant truncate on tables to anon")
    ended = project.invoke(
        "db.migrate", "--target", "sandbox", "--yes", SHIPWAY_PROTECTED_TARGETS="sandbox"
    )
    assert ended.code == 3, ended.err
    assert "default privilege future tables of postgres in schema public: changed now" in ended.err
    assert project.ledger() == ["001_change"]
