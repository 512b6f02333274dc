"""Copies on a server that lacks the target's extensions: what goes with them, and what stays.

The target's are made of control files of the test's own, which PostgreSQL 18 takes from any folder.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.errors import Refused
from shipway.steps.rehearse.restored_copy_check import check_copy
from tests.fixtures.backing_up import back_up, room
from tests.fixtures.migrating import Heard, ask
from tests.steps.backup.test_restore_kinds import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.edges.copies.restored_copy import Copy
    from shipway.values.backup import Backup
    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer

EXTENSIONS = {
    "uuid-ossp": "create function uuid_generate_v4() returns uuid language sql return "
    "gen_random_uuid(); create function uuid_nil() returns uuid language sql return null;",
    "pgcrypto": "create function gen_random_bytes(n int) returns bytea language sql return "
    "sha256('x'); create function armor(bytea) returns text language sql return '';",
    # As the real one: a schema of its own, a table whose rows are dumped.
    "own cron": "create schema cron; create table cron.job (id int primary key, command text); "
    "create sequence cron.ids; "
    "select pg_extension_config_dump('cron.job', '');"
    "select pg_extension_config_dump('cron.ids', '');"
    "create function cron.schedule(text) returns int language sql return 1;"
    "insert into cron.job values (1, 'select 1')",
    "own text": "create domain own_text as text; create function own_hash(own_text) returns int "
    "language sql immutable return 1;",
    "moddatetime": "create function moddatetime() returns trigger language plpgsql as "
    "'begin return new; end';",
    "geometry": "create type point3 as (x float8, y float8, z float8);",
    'Upper "x"': "create function shout() returns text language sql return 'A';",
}


@pytest.fixture(scope="module")
def extension_files() -> Iterator[Path]:
    """Return a folder with the extensions, which the server's account can enter."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    (folder / "extension").mkdir()
    for name, script in EXTENSIONS.items():
        place = folder / "extension" / name
        place.with_name(f"{name}.control").write_text(
            "comment = 'a test''s own'\ndefault_version = '1'\nrelocatable = false\n"
        )
        place.with_name(f"{name}--1.sql").write_text(script)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def target(
    admin_url: Secret, extension_files: Path
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Return a superuser's connection to a dressed database, on which the extensions are there."""
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute(f"set extension_control_path = '$system:{extension_files}'".encode())
        yield connection


def make(
    target: psycopg.Connection[tuple[object, ...]], *extensions: str, schema: str = "public"
) -> None:
    for name in extensions:
        quoted = name.replace('"', '""')
        target.execute(f'create extension "{quoted}" schema {schema}'.encode())


def looked_at(backup: Backup, copy: Copy) -> Heard:
    heard = Heard()
    check_copy(copy, backup, heard)
    return heard


def test_names_that_are_quoted_in_the_archive_are_left_out_with_their_extension(
    target: psycopg.Connection[tuple[object, ...]], database_url: Secret, tmp_path: Path
) -> None:
    make(target, "uuid-ossp", 'Upper "x"')
    target.execute("comment on extension \"uuid-ossp\" is 'of our own'")

    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        assert copy.restored.left_out == ('extension Upper "x"',)
        assert copy.restored.stand_ins == ("uuid-ossp",)
        looked_at(backup, copy)


@pytest.mark.parametrize("schema", ["public", "extensions", '"Own s"'])
def test_defaults_work_where_the_extension_was_and_what_hangs_on_a_missing_one_is_named(
    target: psycopg.Connection[tuple[object, ...]],
    database_url: Secret,
    tmp_path: Path,
    schema: str,
) -> None:
    target.execute(f"create schema if not exists {schema}".encode())
    target.execute("drop function if exists extensions.uuid_generate_v4()")
    make(target, "uuid-ossp", "pgcrypto", "own text", schema=schema)
    target.execute(f"grant usage on schema {schema} to postgres".encode())
    target.execute(
        f"""
        create table public.member (
            id uuid default {schema}.uuid_generate_v4(),
            token bytea default {schema}.gen_random_bytes(8), mail text);
        insert into public.member (mail) values ('A@x.org');
        create index on public.member ({schema}.own_hash(mail));
        create view public.hashes as select {schema}.own_hash(mail) from public.member;
        create policy p on public.member using ({schema}.own_hash(mail) = 1);
        grant select on public.member, public.hashes to postgres;
        """.encode()
    )

    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        assert copy.restored.stand_ins == ("pgcrypto", "uuid-ossp")
        assert copy.restored.partly == ""
        looked_at(backup, copy)
        admin = copy._admin  # noqa: SLF001 - looks past it
        assert ask(admin, "select mail from public.member") == [("A@x.org",)]
        assert ask(admin, "insert into public.member default values returning id is null") == [
            (False,)
        ]
        # What calls a function that is not there cannot be there either, and that is said.
        assert {
            "extension own text",
            "view public hashes",
            "policy public member p",
            "index public member_own_hash_idx",
        } <= set(copy.restored.left_out)


def test_a_column_that_tells_when_a_row_was_changed_still_does(
    target: psycopg.Connection[tuple[object, ...]], database_url: Secret, tmp_path: Path
) -> None:
    make(target, "moddatetime", schema="extensions")
    target.execute(
        """
        create table public.t (n int, "changed At" timestamptz default '2000-01-01');
        insert into public.t values (1), (2);
        create trigger touch before update on public.t for each row
            execute function extensions.moddatetime('changed At');
        grant select on public.t to postgres;
        """
    )

    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        admin = copy._admin  # noqa: SLF001 - looks past it
        changed = ask(
            admin, """update public.t set n = 3 where n = 1 returning "changed At" > '2020-01-01'"""
        )
        assert changed == [(True,)]


def test_what_names_a_left_out_schema_is_left_out_with_it(
    target: psycopg.Connection[tuple[object, ...]], database_url: Secret, tmp_path: Path
) -> None:
    make(target, "own cron", schema="pg_catalog")
    make(target, "pgcrypto", schema="extensions")
    target.execute(
        """
        grant usage on schema cron to postgres with grant option;
        grant select on cron.job, cron.ids to postgres;
        grant execute on function cron.schedule(text) to postgres;
        revoke all on function extensions.armor(bytea) from public;
        grant all on function extensions.armor(bytea) to postgres with grant option;
        comment on schema cron is 'jobs';
        alter default privileges in schema cron grant all on tables to postgres;
        create table cron.more (n int); insert into cron.more values (1);
        grant select on cron.more to postgres;
        create function public.ours() returns trigger language plpgsql as 'begin return new; end';
        create trigger ours after insert on cron.job for each row execute function public.ours();
        create publication jobs for table cron.more;
        create function extensions.grant_pg_cron_access() returns event_trigger language plpgsql
            as 'begin end';
        create event trigger issue_pg_cron_access on ddl_command_end
            execute function extensions.grant_pg_cron_access();
        comment on event trigger issue_pg_cron_access is 'the platform''s';
        create view public.jobs as select * from cron.job;
        grant select on public.jobs to postgres, anon;
        """
    )

    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        looked_at(backup, copy)
        assert {
            "extension own cron",
            "schema cron",
            "table data cron job",
            "table data cron more",
            "event trigger issue_pg_cron_access",
            "view public jobs",
        } <= set(copy.restored.left_out)


def test_a_table_that_cannot_be_there_is_left_out_with_all_that_hangs_on_it(
    target: psycopg.Connection[tuple[object, ...]], database_url: Secret, tmp_path: Path
) -> None:
    make(target, "geometry")
    target.execute(
        """
        create table public.place (id int primary key, at public.point3);
        insert into public.place values (1, row(1, 2, 3));
        create table public.visit (id int, place int references public.place (id));
        create view public.places as select at from public.place;
        create materialized view public.kept as select at from public.place;
        alter table public.place enable row level security;
        create policy p on public.place using (true);
        create table public.other (id int); insert into public.other values (1);
        grant select on public.place, public.visit, public.places, public.kept, public.other
            to postgres;
        """
    )

    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        assert copy.restored.tables_left_out == ("public.place",)
        heard = looked_at(backup, copy)
        assert {
            "extension geometry",
            "table public place",
            "table data public place",
            "fk constraint public visit visit_place_fkey",
            "view public places",
            "materialized view public kept",
            "policy public place p",
        } <= set(copy.restored.left_out)
        assert "public.place come back" in copy.restored.partly
        assert "not quite the target's" in " ".join(heard.warnings)
        assert ask(copy._admin, "select count(*) from public.other") == [(1,)]  # noqa: SLF001


def test_a_table_that_cannot_be_there_is_an_error_where_the_database_is_to_be_used(
    target: psycopg.Connection[tuple[object, ...]],
    server: DatabaseServer,
    database_url: Secret,
    tmp_path: Path,
) -> None:
    make(target, "geometry")
    target.execute(
        "create table public.place (at public.point3); grant select on public.place to postgres"
    )
    backup = back_up(database_url, tmp_path)
    empty = server.empty_database()

    with (
        room(tmp_path).filled(backup, url=server.admin_url(empty)) as copy,
        pytest.raises(Refused, match="restores with") as stopped,
    ):
        looked_at(backup, copy)
    server.drop(empty)
    assert 'type "public.point3" does not exist' in stopped.value.what
    assert "lacks the extension geometry" in stopped.value.next_step
    assert f"invoke db.restore {backup.manifest.backup_id} --into" in stopped.value.next_step


def test_the_projects_own_event_trigger_is_there_whoever_could_make_it(
    target: psycopg.Connection[tuple[object, ...]], database_url: Secret, tmp_path: Path
) -> None:
    # On Supabase a role that is no superuser may own one. The role is the server's: given back.
    target.execute(
        """
        create function public.ev() returns event_trigger language plpgsql as 'begin end';
        alter role postgres superuser;
        create event trigger "Ev t" on ddl_command_end execute function public.ev();
        alter event trigger "Ev t" owner to postgres;
        comment on event trigger "Ev t" is 'ours';
        alter role postgres nosuperuser;
        """
    )

    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        query = "select evtname from pg_event_trigger where evtname !~ '^supautils'"
        found = ask(copy._admin, query)  # noqa: SLF001
        assert found == [("Ev t",)]


def test_an_extension_and_its_rows_stay_where_a_backup_is_put_in_place(
    target: psycopg.Connection[tuple[object, ...]],
    admin_url: Secret,
    tmp_path: Path,
) -> None:
    make(target, "own cron", schema="pg_catalog")
    make(target, "uuid-ossp", "own text")
    target.execute(
        """
        create table public.t (id int generated always as identity, mail public.own_text);
        insert into public.t (mail) values ('a@x.org');
        grant usage on schema cron to postgres; grant select on cron.job to postgres;
        revoke all on function public.uuid_nil() from public;
        alter table public.t owner to postgres;
        """
    )
    backup = back_up(admin_url, tmp_path)
    target.execute("delete from public.t; insert into cron.job values (2, 'select 2')")

    replaced(backup, admin_url, tmp_path)

    assert ask(admin_url, "select mail from public.t") == [("a@x.org",)]
    assert ask(admin_url, "select count(*) from cron.job") == [(2,)]
    assert ask(
        admin_url, "select has_function_privilege('anon', 'public.uuid_nil()', 'execute')"
    ) == [(False,)]
