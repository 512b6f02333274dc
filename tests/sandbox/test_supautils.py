"""What supautils lets postgres do on the platform works on the dress; what is refused there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Secret

ALLOWED = (
    "create policy mine on storage.objects for select to authenticated using (bucket_id = 'a')",
    "create policy mine on storage.buckets for insert with check (true)",
    "create policy mine on realtime.messages for select using (realtime.topic() = 'room:1')",
    "create policy mine on auth.users for select using (id = auth.uid())",
    'CREATE POLICY "Own files" ON "storage"."objects" USING (("owner" = "auth"."uid"()))',
    (
        "create policy mine on storage.objects using (true); alter policy mine on storage.objects"
        " rename to yours; alter policy yours on storage.objects using (false);"
        " drop policy yours on storage.objects"
    ),
    "drop policy if exists nobodys on storage.objects",
    "drop policy if exists nobodys on storage.not_there",
    "set search_path = storage; create policy mine on objects using (true)",
    (
        "set session_replication_role = replica; create policy p on storage.objects using (true);"
        " set session_replication_role = origin"
    ),
    (
        "do $$ begin execute format('create policy %I on %I.%I using (true)', 'p', 'storage',"
        " 'objects'); end $$"
    ),
    (
        "create function public.f() returns void language sql as"
        " 'create policy p on storage.objects using (true)'; select public.f()"
    ),
    (
        "create function public.t() returns trigger language plpgsql as 'begin return new; end';"
        " create trigger t after insert on auth.users for each row execute function public.t();"
        " drop trigger t on auth.users; drop trigger if exists t on auth.users;"
        " create trigger t before update on storage.buckets execute function public.t();"
        " drop trigger t on storage.buckets"
    ),
    (
        "alter role authenticator set pgrst.db_aggregates_enabled = 'true';"
        " notify pgrst, 'reload config'"
    ),
    "alter role authenticator set pgrst.db_schemas = 'public, api'",
    "alter role authenticator set pgrst.db_pre_request = 'public.check'",
    "alter role authenticated set statement_timeout = '20s'",
    "alter role postgres set session_replication_role = origin",
    "alter role postgres set search_path = public",
    (
        "create extension vector with schema extensions; create table public.d (e vector(3));"
        " create index on public.d using hnsw (e vector_l2_ops)"
    ),
    (
        "create extension if not exists vector; create extension if not exists vector;"
        " alter extension vector set schema extensions; comment on extension vector is 'x';"
        " drop extension vector"
    ),
    "do $$ begin execute 'create exten' || 'sion vector'; end $$",
    "create extension pg_trgm; alter extension pg_trgm set schema extensions",
    "drop extension if exists pg_graphql; drop extension if exists postgres_fdw",
    "create publication everything for all tables; drop publication everything",
    "create schema app; create publication p for tables in schema app",
    (
        "drop publication if exists supabase_realtime; create publication supabase_realtime;"
        " alter publication supabase_realtime add table only auth.users"
    ),
    "create table public.t (id int); alter publication supabase_realtime add table public.t",
)
REFUSED = (
    "alter table storage.objects enable row level security",
    "alter table storage.objects add column mine int",
    "drop table storage.objects cascade",
    "create index mine on auth.users (email)",
    "create table auth.mine (id int)",
    "create table storage.mine (id int)",
    "alter table realtime.messages enable row level security",
    "drop function storage.foldername(text) cascade",
    "create policy mine on platforms.own using (true)",
    "alter policy theirs on platforms.own using (true)",
    "drop policy theirs on platforms.own",
    "drop trigger theirs on platforms.own",
    "alter role supabase_admin set statement_timeout = 0",
    "alter role postgres superuser",
    "grant supabase_storage_admin to postgres",
    "set role supabase_storage_admin",
    "alter table storage.objects owner to postgres",
)
RIGHTS = """
select rolsuper, array(select pg_get_userbyid(roleid) from pg_auth_members
    where member = 'postgres'::regrole and pg_get_userbyid(roleid) ~ '^supabase') from pg_roles
where rolname = 'postgres'
"""


@pytest.fixture
def postgres(
    database_url: Secret, admin_url: Secret
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection as the owner, and a table that is neither its own nor one of the platform's."""
    with psycopg.connect(admin_url.reveal()) as connection:
        connection.execute(
            "create schema platforms; grant usage on schema platforms to postgres;"
            "create table platforms.own (id int); grant all on platforms.own to postgres;"
            "create policy theirs on platforms.own using (true);"
            "create function platforms.f() returns trigger language plpgsql as 'begin end';"
            "create trigger theirs after insert on platforms.own execute function platforms.f()"
        )
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        yield connection
    # Roles are shared by all databases of the run's server.
    with psycopg.connect(admin_url.reveal()) as connection:
        connection.execute(
            "alter role postgres reset all; alter role authenticator reset all;"
            'alter role postgres set search_path = "$user", public, extensions;'
            "alter role authenticator set statement_timeout = '8s';"
            "alter role authenticator set lock_timeout = '8s';"
            "alter role authenticated set statement_timeout = '8s'"
        )


@pytest.mark.parametrize("statements", ALLOWED)
def test_what_the_platform_allows_its_owner_is_allowed_and_leaves_no_right_behind(
    postgres: psycopg.Connection[tuple[object, ...]], statements: str
) -> None:
    postgres.execute(statements.encode())
    assert postgres.execute(RIGHTS.encode()).fetchone() == (False, [])


@pytest.mark.parametrize("statement", REFUSED)
def test_what_the_platform_refuses_its_owner_is_refused(
    postgres: psycopg.Connection[tuple[object, ...]], statement: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        postgres.execute(statement.encode())
    assert postgres.execute(RIGHTS.encode()).fetchone() == (False, [])


def test_a_statement_that_fails_takes_its_loan_back_with_it(
    postgres: psycopg.Connection[tuple[object, ...]],
) -> None:
    postgres.execute(
        "do $$ begin create policy p on storage.objects using (nowhere = 1);"
        " exception when undefined_column then null; end $$"
    )
    with postgres.transaction():
        postgres.execute("create policy p on storage.objects using (true)")
        assert postgres.execute(RIGHTS.encode()).fetchone() == (False, [])
    with pytest.raises(errors.InsufficientPrivilege):
        postgres.execute("alter table storage.objects disable row level security")


def test_an_extension_that_is_on_no_list_of_the_platform_is_refused(
    postgres: psycopg.Connection[tuple[object, ...]], admin_url: Secret
) -> None:
    with psycopg.connect(admin_url.reveal()) as connection:
        connection.execute(
            "create or replace function pg_catalog.supautils_extensions() returns text[]"
            " language sql immutable as 'select array[''citext'']'"
        )
    with pytest.raises(errors.InsufficientPrivilege, match="create extension vector"):
        postgres.execute("create extension vector")


def test_other_roles_get_nothing_of_it(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("create role other_team; grant other_team to postgres")
        try:
            connection.execute("set role other_team")
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("create policy mine on storage.objects using (true)")
        finally:
            connection.execute("reset role; drop role other_team")
