"""A policy that asks who has signed in opens no row to a visitor, who has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.access import read_access
from shipway.edges.catalog.visitors import closed_to_visitors
from shipway.values.inspection import Reach

if TYPE_CHECKING:
    from shipway.values.basics import Secret

CLOSED = (
    "auth.uid() = owner",
    "owner = (select auth.uid())",
    "auth.uid()::text = title",
    "(select auth.uid())::text = title and id > 0",
    "auth.uid() = any (array[owner])",
    "auth.uid() in (owner, other)",
    "auth.uid() is not null",
    "auth.role() = 'authenticated'",
    "(select auth.role()) = 'authenticated'",
    "auth.jwt() ->> 'email' = title",
    "(auth.jwt() -> 'app_metadata' ->> 'team')::uuid = owner",
    "auth.uid() = owner or auth.uid() = other",
    "exists (select 1 from notes as n where n.id = notes.id and n.owner = auth.uid())",
    "id in (select n.id from notes as n where n.owner = (select auth.uid()))",
)
OPEN = (
    "true",
    "id = 1",
    "auth.uid() = owner or id = 1",
    "auth.uid() is null",
    "auth.uid() <> owner is not true",
    "not (auth.uid() = owner)",
    "coalesce(auth.uid(), owner) = owner",
    "(auth.uid() = owner) is not true",
    "auth.role() = 'anon'",
    "auth.jwt() ->> 'role' = 'anon'",
    "title = ') AND (auth.uid() = owner'",
    "exists (select count(*) from notes as n where n.owner = auth.uid())",
    "not exists (select 1 from notes as n where n.owner = auth.uid())",
    "id not in (select n.id from notes as n where n.owner = auth.uid())",
    "exists (select 1 from notes union select 1 from notes as n where n.owner = auth.uid())",
    "exists (select 1 from notes as n where n.owner = auth.uid() or n.id = 1)",
)


def _printed(url: Secret, written: str) -> tuple[str, Reach]:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute(
            "create table notes (id int, title text, owner uuid, other uuid);"
            "alter table notes enable row level security; grant select on notes to anon"
        )
        connection.execute(f"create policy p on notes using ({written})".encode())
        ((text,),) = connection.execute(
            "select pg_get_expr(polqual, polrelid) from pg_policy, "
            "set_config('search_path', '', false)"
        )
        matrix = read_access(connection, schemas=["public"], roles=["anon"], timeout_s=10)
    (right,) = [one for one in matrix if one[1:4] == ("public.notes", "anon", "select")]
    return text, right.reach


@pytest.mark.parametrize("written", CLOSED)
def test_what_asks_for_the_person_is_closed_to_visitors(database_url: Secret, written: str) -> None:
    text, reach = _printed(database_url, written)
    assert closed_to_visitors(text), text
    assert reach is Reach.NO_ROW


@pytest.mark.parametrize("written", OPEN)
def test_what_may_be_true_without_a_person_is_not(database_url: Secret, written: str) -> None:
    text, reach = _printed(database_url, written)
    assert not closed_to_visitors(text), text
    assert reach in {Reach.BY_POLICY, Reach.EVERY_ROW}
