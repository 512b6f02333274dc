"""Whole releases to Debian's own PostgreSQL 15, with its client tools and its contrib modules."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.restore.restore import restore
from shipway.edges.servers.cluster import Cluster, install_at
from shipway.values.basics import Secret
from tests.fixtures.backing_up import back_up, room
from tests.fixtures.lint_cases import serve_dressed, url_of
from tests.fixtures.migrating import ask
from tests.stories.conftest import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import DatabaseServer
    from tests.stories.conftest import Project

pytestmark = [pytest.mark.cli, pytest.mark.timeout(300)]

BIN = Path("/usr/lib/postgresql/15/bin")
HISTORY = {
    "001_begin.sql": """
        alter schema public owner to postgres;
        create table public.member (
            id bigint generated always as identity primary key,
            key uuid not null default uuid_generate_v4(), mail citext not null,
            token text default encode(gen_random_bytes(4), 'hex'));
        alter table public.member enable row level security;
        create policy own on public.member for select to authenticated
            using (key = (select auth.uid()));
        grant select on public.member to authenticated;
        insert into public.member (mail) values ('A@x.org'), ('b@x.org');
        create table public.tree (id int primary key, path extensions.ltree);
        insert into public.tree values (1, 'a.b');
        alter table public.tree enable row level security;
        create policy below_a on public.tree for select to authenticated
            using (path operator(extensions.<@) 'a'::extensions.ltree);
        grant select on public.tree to authenticated;
        """,
    "001_begin.down.sql": "drop table public.member, public.tree;\n"
    "alter schema public owner to pg_database_owner;",
    "002_note.sql": "alter table public.member add column note text;",
    "002_note.down.sql": "alter table public.member drop column note;",
}
EXTENSIONS = """
    drop function extensions.uuid_generate_v4();
    create extension "uuid-ossp" schema public;
    create extension pgcrypto schema public;
    create extension citext schema public;
    create extension pg_trgm schema extensions;
    create extension ltree schema extensions;
    create extension postgres_fdw schema extensions;
    create server billing foreign data wrapper postgres_fdw options (host '127.0.0.1', dbname 'b');
    grant usage on foreign server billing to postgres;
    create user mapping for postgres server billing options (user 'x', password 'sekret-pw');
    grant create on schema public to postgres;
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    cluster = Cluster(tmp_path_factory.mktemp("debian"), install_at(BIN))
    try:
        yield serve_dressed(cluster)
    finally:
        cluster.destroy()


@pytest.fixture
def elsewhere(project: Project, port: int) -> Iterator[Project]:
    """Return a project whose database lies on Debian's server; the rest is the sandbox's."""
    admin = url_of(port, "supabase_admin", "template1")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database app template dressed owner postgres")
    with psycopg.connect(url_of(port, "supabase_admin", "app"), autocommit=True) as connection:
        connection.execute(EXTENSIONS)
    for folder in ("migrations", "checks"):
        shutil.rmtree(project.root / folder)
        (project.root / folder).mkdir()
    env_file = project.root / ".env.sandbox"
    kept = [one for one in env_file.read_text().splitlines() if not one.startswith("DATABASE_URL=")]
    env_file.write_text("\n".join((*kept, f"DATABASE_URL={url_of(port, 'postgres', 'app')}\n")))
    yield project
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("drop database app with (force)")


def write(project: Project, *names: str) -> None:
    for name in names:
        (project.root / "migrations" / name).write_text(HISTORY[name])


def test_a_project_with_contrib_modules_is_released_and_brought_back(elsewhere: Project) -> None:
    project = elsewhere
    write(project, "001_begin.sql", "001_begin.down.sql")
    assert project.invoke("db.migrate", "--target", "sandbox", "--yes").code == 0
    assert project.invoke("db.verify", "--write", "--target", "sandbox").code == 0
    write(project, "002_note.sql", "002_note.down.sql")

    doctor = project.invoke("doctor", "--target", "sandbox")
    assert "pg_dump 15" in doctor.out, doctor.err
    released = project.release()
    assert released.code == 0, released.out + released.err
    assert project.ledger() == ["001_begin", "002_note"]
    # The copy runs on Debian's server too, which has all that the target's has.
    left_out = released.out.partition("left out:\n")[2].splitlines()
    assert [one.strip() for one in left_out if one.strip().startswith("- ")] == [
        "- server billing leads nowhere on the copy"
    ]
    assert "rls_without_policy" not in released.out + released.err
    assert "sekret-pw" not in released.out + released.err
    (backup,) = [one.name for one in (project.root / ".shipway" / "backups").iterdir()]

    back = project.invoke("db.restore", backup, "--target", "sandbox")
    assert back.code == 0, back.out + back.err
    project.execute("delete from public.member; alter schema public owner to pg_database_owner")
    over = project.invoke("db.restore", backup, "--into", "sandbox", "--target", "sandbox", "--yes")

    assert over.code == 0, over.out + over.err
    assert "grade L6" in over.out
    assert project.rows("select mail from public.member order by 1") == [("A@x.org",), ("b@x.org",)]
    assert project.rows(
        "select nspowner::regrole::text from pg_namespace where nspname = 'public'"
    ) == [("postgres",)]
    assert project.rows("select extname from pg_extension where extname = 'citext'")
    assert project.rows("insert into public.member (mail) values ('c@x.org') returning id") == [
        (3,)
    ]


def test_psql_of_the_servers_own_version_connects(elsewhere: Project) -> None:
    # Not through the warm start: psql reads our standard input.
    said = subprocess.run(
        [sys.executable, "-m", "invoke", "db.shell", "--target", "sandbox"],
        cwd=elsewhere.root,
        env=clean_environment() | elsewhere.environ,
        input="select 'row ' || 1; \\echo :VERSION_NUM",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert "row 1" in said.stdout
    assert "1500" in said.stdout


def test_collations_of_icu_are_stood_in_for_where_a_copy_has_none(
    port: int, server: DatabaseServer, tmp_path: Path
) -> None:
    url = Secret(url_of(port, "supabase_admin", "icu"))
    with psycopg.connect(url_of(port, "supabase_admin", "template1"), autocommit=True) as admin:
        admin.execute("create database icu template template0 locale_provider icu icu_locale 'de'")
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute("""
            create schema app;
            create collation app.ci (provider = icu, locale = 'und-u-ks-level2',
                deterministic = false);
            create collation app.plain (locale = 'C');
            create table app.person (id int primary key, name text collate app.ci,
                city text collate "de-AT-x-icu", note text collate app.plain);
            create index on app.person (name collate "en-x-icu");
            insert into app.person values (1, 'Ä', 'Wien', 'x');
        """)
    backup = back_up(url, tmp_path)
    assert backup.manifest.locale is not None
    assert backup.manifest.locale.icu == ("de-AT-x-icu", "en-x-icu")
    empty = server.empty_database()
    try:
        there = server.admin_url(empty)
        restored = restore(backup.archive, backup.manifest, url=there, stays=False)
        assert restored.errors == ()
        assert ask(there, "select name, city from app.person") == [("Ä", "Wien")]
    finally:
        server.drop(empty)
    assert {one for one in restored.left_out if one.startswith("collation")} == {
        "collation app.ci",
        "collation de-AT-x-icu",
        "collation en-x-icu",
    }
    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
