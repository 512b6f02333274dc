"""Every way to bring a backup back, on every server that is here, of a database that has it all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.edges.servers.cluster import Cluster, Install, installs
from shipway.steps.restore.restore import restore
from shipway.values.backup import Grade
from shipway.values.basics import Secret
from tests.fixtures.backing_up import archives, back_up, room
from tests.fixtures.lint_cases import serve_dressed, url_of
from tests.fixtures.migrating import Heard, ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.steps.rehearse.restored_copy_check import Back

OF_THE_PLATFORM = """
alter schema public owner to postgres;
alter default privileges for role postgres in schema public grant all on tables to anon;
create function public.noted() returns event_trigger language plpgsql as 'begin end';
create publication everything for all tables;
create publication of_schema for tables in schema public;
create event trigger noted on ddl_command_end when tag in ('CREATE TABLE')
  execute function public.noted();
"""
ALL_OF_IT = """
create table public.region (code text primary key); insert into public.region values ('eu');
create function public.known(c text) returns boolean language sql stable as
  $$ select exists (select 1 from public.region where code = c) $$;
create table public.account (
  id bigint generated always as identity primary key,
  code text check (public.known(code)),
  shout text generated always as (upper(code)) stored,
  team int
);
create table public.team (id int primary key, lead bigint references public.account);
insert into public.account (code) values ('eu'), ('eu');
insert into public.team values (1, 1);
update public.account set team = 1;
alter table public.account add foreign key (team) references public.team;
alter table public.account enable row level security;
alter table public.account force row level security;
create policy own on public.account for select to authenticated using (id > 0);
alter table public.account replica identity full;
create table public.event (id int, at date) partition by range (at);
create table public.event_2026 partition of public.event
  for values from ('2026-01-01') to ('2027-01-01');
insert into public.event values (1, '2026-05-05');
create materialized view public.m_first as select * from public.account;
create materialized view public.a_second as select count(*) as n from public.m_first;
create unique index on public.a_second (n);
create publication listed for table public.account (id, code), public.team where (id > 0);
create statistics public.s on id, code from public.account;
select lo_from_bytea(0, 'of a size');
create schema api; create view api.accounts with (security_invoker = true)
  as select id, code from public.account;
grant usage on schema api to anon; grant select on api.accounts to anon;
"""
WITH_EXTENSIONS = {
    "citext": "create table public.mail (a citext unique); insert into public.mail values ('A');",
    "pg_trgm": "create index on public.account using gin (code gin_trgm_ops);",
    "vector": "create table public.doc (e vector(2)); insert into public.doc values ('[1,2]');",
    "postgres_fdw": "create foreign table public.bill (n int) server billing;",
}
FOREIGN = """
create server billing foreign data wrapper postgres_fdw options (host '127.0.0.1', dbname 'b');
grant usage on foreign server billing to postgres;
create user mapping for postgres server billing options (user 'x', password 'y');
"""
STATE = """
select 'publication', pubname || ' ' || tablename || ' ' || attnames::text
       || coalesce(rowfilter, '') from pg_publication_tables
union all select 'trigger', evtname from pg_event_trigger where evtname = 'noted'
union all select 'identity', relname || ' ' || relreplident::text || relforcerowsecurity::text
  from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
union all select 'default', defaclacl::text from pg_default_acl
  where defaclrole = 'postgres'::regrole
union all select 'owner', nspowner::regrole::text from pg_namespace where nspname = 'public'
union all select 'server', srvname || usename from pg_user_mappings
union all select 'rows', count(*)::text from public.account
union all select 'large objects', encode(lo_get(oid), 'escape') from pg_largeobject_metadata
union all select 'rows', n::text from public.a_second
 order by 1, 2
"""


@pytest.mark.parametrize("install", installs(), ids=lambda one: one.label)
def test_a_backup_of_all_kinds_comes_back_in_every_way(install: Install, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "target", install)
    try:
        port = serve_dressed(cluster)
        url = Secret(url_of(port, "postgres", "dressed"))
        admin = Secret(url_of(port, "supabase_admin", "dressed"))
        with psycopg.connect(admin.reveal(), autocommit=True) as connection:
            connection.execute(OF_THE_PLATFORM.encode())
            for name in sorted(WITH_EXTENSIONS.keys() & install.extensions):
                connection.execute(f"create extension if not exists {name} schema public".encode())
            if "postgres_fdw" in install.extensions:
                connection.execute(FOREIGN.encode())
            connection.execute("create database filled template template0")
        with psycopg.connect(url.reveal(), autocommit=True) as connection:
            connection.execute(ALL_OF_IT.encode())
            for name in sorted(WITH_EXTENSIONS.keys() & install.extensions):
                connection.execute(WITH_EXTENSIONS[name].encode())
        before = ask(url, STATE)
        backup = back_up(url, tmp_path)
        place = room(tmp_path)
        filled = Secret(url_of(port, "supabase_admin", "filled"))
        ways: dict[str, Callable[..., AbstractContextManager[Back]]] = {
            "embedded": place.copy_of,
            "empty": partial(place.filled, url=filled),
            "in place": partial(place.replaced, url=url),
        }
        for way, open_copy in ways.items():
            done = restore(
                backup.directory,
                place=way,
                open_copy=open_copy,
                lister=archives(tmp_path),
                clock=SystemClock(),
                say=Heard(),
            )
            assert done.restored.errors == (), way
            assert done.backup.grade is Grade.EQUAL, way
        assert ask(filled, STATE) == before
        assert ask(url, STATE) == before
    finally:
        cluster.destroy()
