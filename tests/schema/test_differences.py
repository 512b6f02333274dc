"""Differences between two schemas are said as a person would, and a fingerprint finds any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.schema.differences import differences
from shipway.schema.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.inspection import Snapshot
    from tests.conftest import DatabaseServer

SCHEMA = """
create type public.mood as enum ('good', 'bad');
create table public.users (id int primary key, email text not null, age int);
create index by_email on public.users (email);
alter table public.users enable row level security;
create policy own on public.users for select to authenticated using (id = 1);
grant select on public.users to authenticated;
create function public.f() returns int language sql as 'select 1';
create view public.adults as select id from public.users where age > 17;
"""

# What was done by hand, and how it is said.
CHANGES = [
    (
        "alter table public.users alter email type varchar(9)",
        "public.users.email: character varying(9), expected text",
    ),
    (
        "alter table public.users alter email drop not null",
        "public.users.email: nullable yes, expected no",
    ),
    (
        "alter table public.users alter age set default 3",
        "public.users.age: default 3, expected none",
    ),
    (
        "alter table public.users add nick text",
        "public.users.nick: no migration makes this column (text)",
    ),
    (
        "drop view public.adults; alter table public.users drop age",
        "public.users.age: the column is missing (integer)",
    ),
    ("drop index public.by_email", "public.users.by_email: the index is missing"),
    (
        "alter table public.users disable row level security",
        "public.users: row level security off, expected on",
    ),
    ("drop policy own on public.users", "public.users.own: the policy is missing (select)"),
    (
        "alter policy own on public.users using (true)",
        "public.users.own: using true, expected (id = 1)",
    ),
    ("alter policy own on public.users to anon", "to anon, expected authenticated"),
    (
        "grant select on public.users to anon",
        "table public.users: anon holds select, which no migration grants",
    ),
    (
        "revoke select on public.users from authenticated",
        "table public.users: authenticated lacks select",
    ),
    (
        "grant insert on public.users to authenticated",
        "table public.users: authenticated holds insert, select, expected select",
    ),
    (
        "create or replace function public.f() returns int language sql as 'select 2'",
        "public.f(): the function does something else than the migration's",
    ),
    (
        "alter function public.f() security definer",
        "public.f(): security definer, expected none",
    ),
    ("create table public.notes (id int)", "public.notes: no migration makes this table"),
    ("drop table public.users cascade", "public.users: the table is missing"),
    (
        "alter type public.mood add value 'fair'",
        "public.mood: values good, bad, fair, expected good, bad",
    ),
    (
        "create or replace view public.adults as select id from public.users where age > 20",
        "public.adults: SELECT id FROM public.users WHERE (age > 20);, expected SELECT id",
    ),
    (
        "alter table public.users add check (age > 0)",
        "public.users.users_age_check: no migration makes this constraint (CHECK ((age > 0)))",
    ),
]


def _snapshot(url: str) -> Snapshot:
    with psycopg.connect(url, autocommit=True) as connection:
        return Catalog(connection).snapshot()


@pytest.fixture(scope="module")
def expected(server: DatabaseServer) -> Iterator[Snapshot]:
    name = server.fresh_database()
    with psycopg.connect(server.url(name).reveal()) as connection:
        connection.execute(SCHEMA)
    yield _snapshot(server.url(name).reveal())
    server.drop(name)


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[one[:40] for one, _ in CHANGES])
def test_a_change_by_hand_is_said_as_a_person_would(
    server: DatabaseServer, database: str, expected: Snapshot, change: str, said: str
) -> None:
    url = server.url(database).reveal()
    with psycopg.connect(url) as connection:
        connection.execute(SCHEMA)
    assert differences(expected, _snapshot(url)) == ()
    assert fingerprint(_snapshot(url)) == fingerprint(expected)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(change.encode())
    found = _snapshot(url)
    assert any(said in one.said for one in differences(expected, found)), differences(
        expected, found
    )
    assert fingerprint(found) != fingerprint(expected)


def test_a_table_that_is_missing_is_told_once_and_not_part_by_part(
    server: DatabaseServer, expected: Snapshot
) -> None:
    name = server.fresh_database()
    told = [one.said for one in differences(expected, _snapshot(server.url(name).reveal()))]
    server.drop(name)
    about = [line for line in told if line.startswith("public.users")]
    assert about == ["public.users: the table is missing"]
    assert len(told) == 5  # with the view, the type, the function and the right to call it


def test_rows_and_comments_leave_the_fingerprint_as_it_is(
    server: DatabaseServer, expected: Snapshot
) -> None:
    name = server.fresh_database()
    url = server.url(name).reveal()
    with psycopg.connect(url) as connection:
        connection.execute(SCHEMA)
        connection.execute("insert into public.users values (1, 'a@b.c', 3)")
        connection.execute("comment on table public.users is 'People'")
    assert fingerprint(_snapshot(url)) == fingerprint(expected)
    server.drop(name)
