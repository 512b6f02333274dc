"""A history of migrations, run on an empty server, makes the schema that it makes elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.machine.clock import SystemClock
from shipway.errors import MigrationFailed
from shipway.migrations.files import read_folder
from shipway.sandbox.database.blueprint import Blueprint
from shipway.schema.differences import differences
from shipway.schema.fingerprint import fingerprint

if TYPE_CHECKING:
    from shipway.values.basics import Secret
    from shipway.values.inspection import Snapshot

ROOT = Path(__file__).parents[2]
PG_18, PG_15 = 180004, 150008


def _apply_by_hand(url: Secret, folder: Path) -> Snapshot:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        for migration in read_folder(folder):
            connection.execute(migration.path.read_bytes())
        return Catalog(connection).snapshot()


@pytest.mark.parametrize("version", [PG_18, PG_15])
def test_the_sample_apps_history_makes_the_schema_that_it_makes_elsewhere(
    tmp_path: Path, database_url: Secret, version: int
) -> None:
    blueprint = Blueprint(tmp_path, clock=SystemClock())
    made = blueprint.build(read_folder(ROOT / "migrations"), server_version=version, defaults={})
    elsewhere = _apply_by_hand(database_url, ROOT / "migrations")
    assert differences(made, elsewhere) == ()
    assert fingerprint(made) == fingerprint(elsewhere)


def test_the_targets_default_privileges_are_carried_over(
    tmp_path: Path, database_url: Secret
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            "alter default privileges in schema public grant all on tables to anon;"
            "alter default privileges revoke execute on functions from public"
        )
        met = Catalog(connection).snapshot().default_privileges
    assert len(met) == 2
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text(
        "create table public.a (id int); create function public.f() returns int language sql "
        "as 'select 1'"
    )
    (folder / "001_a.down.sql").write_text("drop function public.f(); drop table public.a")
    made = Blueprint(tmp_path / "server", clock=SystemClock()).build(
        read_folder(folder), server_version=PG_18, defaults={1: met}
    )
    assert differences(made, _apply_by_hand(database_url, folder)) == ()
    granted = {thing.parent for thing in made.things if thing.kind == "grant"}
    assert "table public.a" in granted
    assert "function public.f()" not in granted


def test_a_history_that_fails_there_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text("create extension postgis")
    with pytest.raises(MigrationFailed, match="postgis"):
        Blueprint(tmp_path / "server", clock=SystemClock()).build(
            read_folder(folder), server_version=PG_18, defaults={}
        )
    left = list((tmp_path / "server").rglob("*")) if (tmp_path / "server").exists() else []
    assert left == []


def test_the_same_files_are_not_run_twice_and_an_edited_one_is(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    file = folder / "001_a.sql"
    file.write_text("create table public.a (id int)")
    (folder / "001_a.down.sql").write_text("drop table public.a")
    blueprint = Blueprint(tmp_path / "server", clock=SystemClock())
    first = blueprint.build(read_folder(folder), server_version=PG_18, defaults={})
    (kept,) = (tmp_path / "server").iterdir()
    again = blueprint.build(read_folder(folder), server_version=PG_18, defaults={})
    assert again == first
    file.write_text("create table public.b (id int)")
    other = blueprint.build(read_folder(folder), server_version=PG_18, defaults={})
    assert fingerprint(other) != fingerprint(first)
    kept.write_text("cut off")
    assert blueprint.build((), server_version=PG_18, defaults={}).things
    file.write_text("create table public.a (id int)")
    assert blueprint.build(read_folder(folder), server_version=PG_18, defaults={}) == first


# Those of Supabase's list that public histories create, with the functions that they call (F2d).
HISTORY_OF_EXTENSIONS = """
create extension if not exists "uuid-ossp"; create extension if not exists pgcrypto;
create extension pg_trgm with schema extensions; create extension citext;
create extension ltree; create extension btree_gin; create extension btree_gist;
create extension hstore; create extension unaccent with schema extensions;
create extension fuzzystrmatch;
create extension pg_net with schema extensions; create extension pg_cron with schema extensions;
create extension if not exists pg_graphql; create extension pgjwt with schema extensions;
create extension pgsodium; create extension if not exists supabase_vault cascade;
create extension http with schema extensions; create extension pgmq;
create extension wrappers with schema extensions; create extension plpgsql_check;
create extension if not exists pg_stat_statements;
create extension index_advisor with schema extensions cascade;
create extension pg_jsonschema with schema extensions; create extension pgaudit;
create extension pg_tle;
create table public.a (
    id uuid primary key default extensions.uuid_generate_v4(), email citext unique,
    token text default encode(extensions.gen_random_bytes(16), 'hex'),
    facts json check (extensions.json_matches_schema('{"type": "object"}', facts)));
create index on public.a using gin ((token) extensions.gin_trgm_ops);
select cron.schedule('tidy', '0 3 * * *', 'delete from nothing');
do $$ begin perform cron.unschedule(jobid) from cron.job where jobname = 'tidy'; end $$;
select net.http_post(url := 'http://x.invalid', body := '{}');
select pgmq.create('jobs'), pgmq.send('jobs', '{}');
select vault.create_secret('s', 'x');
create function public.f() returns text language sql
    as $$ select decrypted_secret from vault.decrypted_secrets where name = 'x' $$;
"""


@pytest.mark.parametrize("version", [PG_18, PG_15])
def test_a_history_creates_what_the_platform_offers_as_the_projects_owner(
    tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text(HISTORY_OF_EXTENSIONS)
    (folder / "001_a.down.sql").write_text("drop table public.a")
    made = Blueprint(tmp_path / "server", clock=SystemClock()).build(
        read_folder(folder), server_version=version, defaults={}
    )
    things = {(one.kind, one.full_name): one for one in made.things}
    assert things["column", "public.a.email"].fact("type") == "public.citext"
    assert things["column", "public.a.id"].fact("default") == "extensions.uuid_generate_v4()"
    assert things["extension", "unaccent"].fact("schema") == "extensions"
    # Where it stands on the platform, whatever a file has asked for.
    assert things["extension", "pg_cron"].fact("schema") == "pg_catalog"
    assert ("extension", "uuid-ossp") not in things
    assert [name for kind, name in things if kind == "function"] == ["public.f()"]
