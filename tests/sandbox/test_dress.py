"""The dressed database behaves as a hosted project does towards migrations and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

from shipway.sandbox.database.dress import dress

if TYPE_CHECKING:
    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer

CLAIMS = '{"sub":"11111111-1111-4111-8111-111111111111","role":"authenticated","email":"a@b.c"}'


def test_the_owner_is_no_superuser_and_may_become_the_api_roles(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole"
            " from pg_roles where rolname = current_user"
        ).fetchone()
        assert row == (False, True, True)
        for role in ("anon", "authenticated", "service_role"):
            connection.execute(f"set role {role}")
            assert connection.execute("select current_user").fetchone() == (role,)
            connection.execute("reset role")


def test_a_new_table_is_granted_to_nobody(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        connection.execute("create table public.notes (id int)")
        connection.execute("set local role anon")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select from public.notes")


def test_policies_see_the_claims_of_the_caller(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        connection.execute(
            "create table public.notes (owner uuid);"
            "alter table public.notes enable row level security;"
            "create policy own on public.notes to authenticated using (owner = auth.uid());"
            "grant select on public.notes to authenticated;"
            "insert into public.notes values ('11111111-1111-4111-8111-111111111111'),"
            "('22222222-2222-4222-8222-222222222222')"
        )
        connection.execute("set local role authenticated")
        connection.execute("select set_config('request.jwt.claims', %s, true)", [CLAIMS])
        assert connection.execute("select count(*) from public.notes").fetchone() == (1,)
        row = connection.execute("select auth.role(), auth.email(), auth.jwt()->>'sub'").fetchone()
        assert row == ("authenticated", "a@b.c", "11111111-1111-4111-8111-111111111111")


def test_without_claims_there_is_no_caller(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        row = connection.execute(
            "select auth.uid(), auth.role(), auth.email(), auth.jwt()"
        ).fetchone()
        assert row == (None, None, None, None)


def test_the_platforms_own_schemas_are_closed_to_the_owner(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("create table auth.mine (id int)")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("alter table auth.users add column mine int")
        connection.execute("create table public.profiles (id uuid references auth.users)")


def test_a_second_database_of_the_cluster_is_dressed_too(server: DatabaseServer) -> None:
    name = server.empty_database()
    dress(server.admin_url(name), password=server.password)
    with psycopg.connect(server.url(name).reveal()) as connection:
        row = connection.execute("select extensions.uuid_generate_v4() is not null").fetchone()
        assert row == (True,)
    server.drop(name)


def test_a_dressing_that_fails_leaves_the_database_plain(server: DatabaseServer) -> None:
    name = server.empty_database()
    with psycopg.connect(server.admin_url(name).reveal()) as connection:
        connection.execute("create schema storage")
    with pytest.raises(errors.DuplicateSchema):
        dress(server.admin_url(name), password=server.password)
    with psycopg.connect(server.admin_url(name).reveal()) as connection:
        row = connection.execute("select to_regnamespace('auth'), to_regnamespace('vault')")
        assert row.fetchone() == (None, None)
    server.drop(name)
