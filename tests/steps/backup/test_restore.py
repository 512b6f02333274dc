"""Restores: into a server that goes again, into an empty database, and never over data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.machine.clock import SystemClock
from shipway.errors import Failed, Refused
from shipway.formats.signed_file import write_paper
from shipway.schema.differences import differences
from shipway.steps.backup.store import ARCHIVE, MANIFEST, open_backup
from shipway.steps.restore.restore import BroughtBack, restore
from shipway.values.backup import Backup, Grade
from tests.fixtures.backing_up import archives, back_up, room
from tests.fixtures.migrating import Heard, ask, execute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.edges.restore.replace import Replacement
    from shipway.steps.rehearse.restored_copy_check import Back
    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer


@pytest.fixture
def backup(database_url: Secret, tmp_path: Path) -> Backup:
    """Return a backup of a small dressed database."""
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            """
            create table public.pets (id uuid default extensions.uuid_generate_v4(), name text);
            alter table public.pets enable row level security;
            create policy own on public.pets to authenticated using (auth.uid() = id);
            insert into public.pets (name) select 'pet ' || n from generate_series(1, 500) n;
            insert into auth.users (id, email) values (gen_random_uuid(), 'a@x.org');
            """
        )
    return back_up(database_url, tmp_path)


def brought(
    backup: Backup,
    open_copy: Callable[[Backup, Callable[[int], None]], AbstractContextManager[Back]],
) -> BroughtBack:
    return restore(
        backup.directory,
        place="there",
        open_copy=open_copy,
        lister=archives(backup.directory.parent),
        clock=SystemClock(),
        say=Heard(),
    )


def test_a_restore_into_an_empty_database_brings_everything_back(
    server: DatabaseServer, backup: Backup, tmp_path: Path
) -> None:
    place, empty = room(tmp_path), server.empty_database()
    url = server.admin_url(empty)
    try:
        told: list[int] = []
        done = brought(backup, lambda one, _: place.filled(one, told.append, url=url))

        assert done.backup.grade is Grade.EQUAL
        assert open_backup(backup.directory).grade is Grade.EQUAL
        assert done.restored.errors == ()
        assert told[-1] == sum(backup.manifest.row_counts.values()) >= 501
        assert done.restored.duration_s > 0
        assert open_backup(backup.directory).restore_s == done.restored.duration_s
        assert ask(url, "select count(*) from public.pets") == [(500,)]
        assert ask(url, "select count(*) from auth.users") == [(1,)]
        assert ask(url, "select relrowsecurity from pg_class where relname = 'pets'") == [(True,)]
        with pytest.raises(Refused, match="is not empty"):
            brought(backup, lambda one, tell: place.filled(one, tell, url=url))
    finally:
        server.drop(empty)


def altered(url: Secret) -> None:
    """Change the target as a bad release would."""
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute(
            """
            create table public.newer (pet text);
            alter table public.pets add column extra text;
            delete from public.pets where name like '%1%';
            drop policy own on public.pets;
            create function public.touch() returns trigger language plpgsql
              as 'begin return new; end';
            create trigger on_auth_user_created after update on auth.users
              for each row execute function public.touch();
            insert into auth.users (id, email) values (gen_random_uuid(), 'later@x.org');
            create schema other create table gone (n int);
            """
        )


def look(url: Secret) -> list[tuple[object, ...]]:
    """Return what a person would look at: tables, rows, policies, triggers, users."""
    return [
        *ask(
            url,
            "select schemaname || tablename from pg_tables where schemaname = 'other' or "
            "schemaname = 'public' order by 1",
        ),
        *ask(url, "select count(*), max(name) from public.pets"),
        *ask(url, "select policyname from pg_policies where tablename = 'pets'"),
        *ask(
            url,
            "select tgname from pg_trigger where tgrelid = 'auth.users'::regclass and "
            "not tgisinternal",
        ),
        *ask(
            url,
            "select attname from pg_attribute where attrelid = 'public.pets'::regclass "
            "and attnum > 0 and not attisdropped order by 1",
        ),
    ]


def test_a_restore_over_a_project_brings_its_schemas_back_and_leaves_the_platforms(
    database_url: Secret, backup: Backup, tmp_path: Path
) -> None:
    before = look(database_url)
    altered(database_url)
    assert look(database_url) != before

    done = brought(backup, lambda one, tell: room(tmp_path).replaced(one, tell, url=database_url))

    assert look(database_url) == before
    assert done.backup.grade is Grade.EQUAL
    # Users belong to the platform: those of now stay.
    assert ask(database_url, "select count(*) from auth.users") == [(2,)]


def test_a_restore_that_does_not_come_to_its_end_leaves_the_project_as_it_was(
    database_url: Secret, backup: Backup, tmp_path: Path
) -> None:
    altered(database_url)
    now = look(database_url)

    def onto(one: Backup, tell: Callable[[int], None]) -> AbstractContextManager[Replacement]:
        return room(tmp_path).replaced(one, tell, url=database_url)

    wrong = replace(backup.manifest, row_counts={**backup.manifest.row_counts, "public.pets": 7})
    write_paper(backup.directory / MANIFEST, "manifest", wrong)
    with pytest.raises(Failed, match="500 rows instead of 7"):
        brought(backup, onto)
    assert look(database_url) == now

    write_paper(backup.directory / MANIFEST, "manifest", backup.manifest)
    with psycopg.connect(database_url.reveal()) as busy:
        busy.execute("select count(*) from public.pets")
        with pytest.raises(Failed, match="lock timeout") as stopped:
            brought(backup, onto)
    assert "stop the app" in stopped.value.next_step
    assert look(database_url) == now


def test_a_damaged_archive_is_never_handed_to_pg_restore(backup: Backup, tmp_path: Path) -> None:
    archive = backup.directory / ARCHIVE
    content = bytearray(archive.read_bytes())
    content[-100] ^= 0xFF
    archive.write_bytes(content)
    opened: list[Backup] = []

    def open_copy(one: Backup, tell: Callable[[int], None]) -> AbstractContextManager[Back]:
        opened.append(one)
        return room(tmp_path).copy_of(one, tell)

    with pytest.raises(Failed, match="another than the one written"):
        brought(backup, open_copy)

    assert opened == []


def test_one_table_that_may_not_be_read_takes_nothing_else_of_its_schema_along(
    server: DatabaseServer, database: str, database_url: Secret, tmp_path: Path
) -> None:
    execute(
        database_url,
        "create type public.mood as enum ('a', 'b');"
        "create function public.one() returns int language sql immutable as 'select 1';"
        "create schema app; create table app.t (id int primary key, m public.mood,"
        "  v int default public.one()); insert into app.t values (1, 'a');",
    )
    # A view over it is there without it as little as a function of its rows.
    execute(
        server.admin_url(database),
        "create table public.spatial_ref_sys (id int);"
        "create view public.refs as select * from public.spatial_ref_sys;"
        "create function public.ref() returns public.spatial_ref_sys language sql"
        "  as 'select null::public.spatial_ref_sys';"
        "revoke pg_read_all_data from postgres",
    )
    try:
        backup = back_up(database_url, tmp_path)
    finally:
        execute(server.admin_url(database), "grant pg_read_all_data to postgres")

    assert {"public.spatial_ref_sys"} == {
        one for one in backup.manifest.left_out if one.startswith("public")
    }
    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        assert ask(copy._admin, "select m::text, v from app.t") == [("a", 1)]  # noqa: SLF001 - looks past it
        assert "view public refs" in copy.restored.left_out


def test_what_a_server_prints_otherwise_once_it_was_read_back_is_no_difference(
    database_url: Secret, tmp_path: Path
) -> None:
    execute(
        database_url,
        "create table public.t (id int primary key,"
        " s varchar(20) default 'a' check (s in ('a', 'b, ''c', ')')), c char(2));"
        "create index on public.t (s) where s not in ('a', 'b');"
        "create index on public.t ((s in ('x', 'y')), c) where c in ('a', 'b');"
        "alter table public.t enable row level security;"
        "create policy p on public.t for select using (s in ('a', 'b') or c = any ('{a,b}'));"
        "create view public.v with (security_invoker) as select id from public.t"
        " where s in ('a', 'b') and lower(s) in ('a', 'c')",
    )
    backup = back_up(database_url, tmp_path)
    with room(tmp_path).copy_of(backup) as copy:
        there = copy.catalog.snapshot()
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        here = Catalog(connection).snapshot()
    assert [one.facts for one in here.things] != [one.facts for one in there.things]
    assert differences(here, there) == ()
