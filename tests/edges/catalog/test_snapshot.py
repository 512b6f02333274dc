"""The catalog is read in few queries, and tables are told as a person asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Secret

SCHEMA = """
create type public.mood as enum ('good', 'bad');
create table public.owners (id int primary key, name text not null default 'x');
create table public."Odd name" (
    id bigint generated always as identity primary key,
    owner int references public.owners on delete cascade,
    twice int generated always as (1 + 1) stored,
    mood public.mood default 'good',
    constraint owner_positive check (owner > 0)
);
comment on table public."Odd name" is 'Odd.';
comment on column public."Odd name".owner is 'Whose.';
create index by_owner on public."Odd name" (owner) where owner > 3;
alter table public."Odd name" enable row level security;
create policy own on public."Odd name" for select to anon, authenticated using (owner = 1);
grant select, insert on public."Odd name" to authenticated;
grant update (owner) on public."Odd name" to anon;
create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger stamp before insert on public."Odd name"
    for each row execute function public.stamp();
create view public.seen with (security_invoker = true) as select id from public.owners;
create table public.parted (id int) partition by range (id);
create table public.part_one partition of public.parted for values from (0) to (9);
"""


@pytest.fixture
def catalog(database_url: Secret) -> Iterator[Catalog]:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(SCHEMA)
        yield Catalog(connection)


def test_tables_are_listed_with_what_a_person_wants_to_know(catalog: Catalog) -> None:
    tables = {table.name: table for table in catalog.list_tables(["public"])}
    assert list(tables) == ["Odd name", "owners", "part_one", "parted", "seen"]
    odd = tables["Odd name"]
    assert (odd.kind, odd.row_security, odd.policies, odd.comment) == ("table", True, 1, "Odd.")
    assert odd.rows_estimate is None
    assert odd.size_bytes > 0
    assert tables["parted"].kind == "partitioned table"
    assert tables["seen"].kind == "view"


@pytest.mark.parametrize("name", ["Odd name", "public.Odd name"])
def test_a_table_is_described_in_full(catalog: Catalog, name: str) -> None:
    odd = catalog.describe_table(name)
    columns = {one.name: (one.type, one.nullable, one.default) for one in odd.columns}
    assert columns == {
        "id": ("bigint", False, "generated always as identity"),
        "owner": ("integer", True, ""),
        "twice": ("integer", True, "generated always as ((1 + 1))"),
        "mood": ("public.mood", True, "'good'::public.mood"),
    }
    assert odd.columns[1].comment == "Whose."
    assert [index.name for index in odd.indexes] == ["Odd name_pkey", "by_owner"]
    assert "CHECK ((owner > 0))" in [one.definition for one in odd.constraints]
    assert [(one.name, one.definition) for one in odd.policies] == [
        ("own", "for select to anon, authenticated using ((owner = 1))")
    ]
    assert [(one.name, one.definition) for one in odd.grants] == [
        ("anon", "update (owner)"),
        ("authenticated", "insert, select"),
    ]
    assert [trigger.name for trigger in odd.triggers] == ["stamp"]
    assert odd.definition == ""


def test_a_table_tells_who_refers_to_it_and_a_view_its_query(catalog: Catalog) -> None:
    (reference,) = catalog.describe_table("owners").referenced_by
    assert reference.name == 'public."Odd name"'
    assert "ON DELETE CASCADE" in reference.definition
    assert "FROM public.owners" in catalog.describe_table("seen").definition


def test_a_table_that_is_not_there_is_answered_with_the_nearest_names(catalog: Catalog) -> None:
    with pytest.raises(Misconfigured, match="no table or view 'ownres'") as caught:
        catalog.describe_table("ownres")
    assert caught.value.next_step == "Did you mean public.owners?"
    with pytest.raises(Misconfigured) as caught:
        catalog.describe_table("zzzzz")
    assert caught.value.next_step == "List them with: invoke db.tables"


def test_a_snapshot_takes_seven_queries_whatever_the_number_of_objects(
    catalog: Catalog, database_url: Secret
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            "do $$ begin for i in 1..60 loop execute format("
            "'create table public.many_%s (id int primary key, t text)', i); end loop; end $$"
        )
        seen: list[object] = []
        execute = connection.execute
        connection.execute = lambda *a, **k: (seen.append(a[0]), execute(*a, **k))[1]  # type: ignore[method-assign,func-returns-value]
        things = Catalog(connection).snapshot().things
    queries = [one for one in seen if b"with ours" in (one if isinstance(one, bytes) else b"")]
    assert len(queries) == 7
    assert len(seen) == 7 + 3  # begin, search path, rollback
    assert sum(thing.name.startswith("many_") for thing in things if thing.kind == "table") == 60
    assert catalog.snapshot().things == things


def test_a_snapshot_holds_every_kind_of_thing(catalog: Catalog) -> None:
    things = {(thing.kind, thing.full_name): thing for thing in catalog.snapshot().things}
    assert things["table", "public.part_one"].fact("partition of") == (
        "public.parted FOR VALUES FROM (0) TO (9)"
    )
    assert things["type", "public.mood"].fact("values") == "good, bad"
    assert things["column", "public.Odd name.twice"].fact("generated") == "(1 + 1)"
    assert things["column", "public.Odd name.id"].fact("identity") == "always"
    assert things["view", "public.seen"].fact("options") == "security_invoker=true"
    assert things["grant", "table public.Odd name.authenticated"].fact("privileges") == (
        "insert, select"
    )
    assert things["grant", "column public.Odd name.owner.anon"].fact("privileges") == "update"
    assert things["grant", "function public.stamp().public"].fact("privileges") == "execute"
    assert things["policy", "public.Odd name.own"].fact("to") == "anon, authenticated"
    assert ("index", "public.Odd name.by_owner") in things
    assert ("index", "public.owners.owners_pkey") not in things
    assert ("constraint", "public.owners.owners_pkey") in things


def test_what_belongs_to_the_platform_or_an_extension_is_not_in_the_snapshot(
    admin_url: Secret,
) -> None:
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute("create extension vector schema public")
        things = Catalog(connection).snapshot().things
    assert [thing.full_name for thing in things if thing.parent.startswith("auth")] == []
    assert [thing.full_name for thing in things if thing.kind in {"type", "function"}] == []
    assert [thing.full_name for thing in things if thing.kind == "extension"] == ["vector"]
