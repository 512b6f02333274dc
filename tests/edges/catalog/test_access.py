"""Who may do what is derived from grants and policies, and the server is asked for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.access import read_access
from shipway.edges.catalog.snapshot import Catalog
from shipway.errors import Misconfigured
from shipway.schema.access import API_ROLES, access_results
from shipway.schema.access_words import load_access, write_access
from shipway.schema.fingerprint import fingerprint
from shipway.schema.widened import Previous
from shipway.values.checks import CheckResult, Outcome
from shipway.values.inspection import Access, Reach, Tried

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shipway.values.basics import Secret

SCHEMA = """
create table public.notes (id int primary key, owner uuid, title text, secret text);
alter table public.notes enable row level security;
insert into public.notes values (1, '00000000-0000-4000-8000-000000000001', 'a', 'b');
create table public.open (id int primary key);
insert into public.open values (1);
create view public.titles with (security_invoker = true) as select title from public.notes;
create view public.all_titles as select title from public.notes;
create function public.hello(who text, "Odd" int[]) returns text language sql
    set search_path = '' as $$ select who $$;
create function public.closed() returns int language sql set search_path = '' as 'select 1';
revoke execute on function public.closed() from public;
create procedure public.work() language sql set search_path = '' as 'select 1';
create function public.on_change() returns trigger language plpgsql set search_path = ''
    as $$ begin return new; end $$;
"""


@pytest.fixture
def database_at(database_url: Secret) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(SCHEMA)
        yield connection


def _matrix(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[Access, ...]:
    return read_access(connection, schemas=["public"], roles=API_ROLES, timeout_s=10)


def _at_the_last_release(matrix: Sequence[Access]) -> Previous:
    return Previous(access=matrix, since="at the last release")


def _right(matrix: Sequence[Access], name: str, role: str, command: str) -> Access:
    (found,) = [one for one in matrix if one[1:4] == (f"public.{name}", role, command)]
    return found


@pytest.mark.parametrize(
    ("grants", "reach", "tried"),
    [
        ("", Reach.NOTHING, Tried.REFUSED),
        ("grant select on notes to anon", Reach.NO_ROW, Tried.ALLOWED),
        (
            "grant select on notes to anon; create policy p on notes for select using (id = 2)",
            Reach.BY_POLICY,
            Tried.ALLOWED,
        ),
        (
            "grant select on notes to anon; create policy p on notes for select using (id = 1)",
            Reach.BY_POLICY,
            Tried.ROWS,
        ),
        (
            "grant select on notes to anon; create policy p on notes for all using (true)",
            Reach.EVERY_ROW,
            Tried.ROWS,
        ),
        (
            (
                "grant select on notes to anon; create policy p on notes using (true);"
                "create policy q on notes as restrictive using (id = 2)"
            ),
            Reach.BY_POLICY,
            Tried.ALLOWED,
        ),
        (
            "grant select on notes to anon; create policy p on notes to authenticated using (true)",
            Reach.NO_ROW,
            Tried.ALLOWED,
        ),
        (
            "grant select on notes to anon; alter table notes disable row level security",
            Reach.EVERY_ROW,
            Tried.ROWS,
        ),
        ("grant select on notes to public", Reach.NO_ROW, Tried.ALLOWED),
        (
            "grant select on notes to anon; revoke usage on schema public from anon, public",
            Reach.NOTHING,
            Tried.REFUSED,
        ),
    ],
)
def test_a_visitors_right_to_read_is_derived_and_tried(
    database_at: psycopg.Connection[tuple[object, ...]], grants: str, reach: Reach, tried: Tried
) -> None:
    database_at.execute(grants.encode())
    right = _right(_matrix(database_at), "notes", "anon", "select")
    assert (right.reach, right.tried) == (reach, tried)


def test_rights_of_some_columns_name_them(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute("grant select (id, title), update (title) on notes to authenticated")
    matrix = _matrix(database_at)
    assert _right(matrix, "notes", "authenticated", "select").columns == "id, title"
    update = _right(matrix, "notes", "authenticated", "update")
    assert (update.columns, update.reach, update.tried) == ("title", Reach.NO_ROW, Tried.ALLOWED)


def test_every_command_of_the_servers_role_is_tried_and_leaves_no_trace(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute("grant all on notes, open to service_role")
    database_at.execute(
        "create function public.bell() returns trigger language plpgsql as"
        " $$ begin raise exception 'the bell rang'; end $$;"
        "create trigger bell before insert or update or delete on public.open"
        " for each statement execute function public.bell()"
    )
    before = fingerprint(Catalog(database_at).snapshot())
    matrix = _matrix(database_at)
    for command in ("select", "insert", "update", "delete"):
        right = _right(matrix, "open", "service_role", command)
        assert right.reach is Reach.EVERY_ROW, command
        assert right.tried in {Tried.ROWS, Tried.ALLOWED}, command
    assert database_at.execute("select count(*) from notes").fetchone() == (1,)
    assert fingerprint(Catalog(database_at).snapshot()) == before


def test_a_table_that_has_lost_all_its_columns_is_looked_at_too(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute("alter table public.open drop column id")
    catalog = Catalog(database_at)

    right = _right(_matrix(database_at), "open", "service_role", "update")

    assert right.tried is Tried.NOT_TRIED
    assert any(thing.full_name == "public.open" for thing in catalog.snapshot().things)
    (counted,) = catalog.count_rows(["public.open"], timeout_s=5)
    assert counted.rows == 1
    assert catalog.describe_table("public.open").columns == ()
    assert any(one.object == "public.open" for one in catalog.findings(["public"]))


def test_functions_are_told_by_who_may_call_them(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    matrix = _matrix(database_at)
    hello = _right(matrix, 'hello(who text, "Odd" integer[])', "anon", "execute")
    assert (hello.reach, hello.tried) == (Reach.ALL, Tried.ALLOWED)
    closed = _right(matrix, "closed()", "anon", "execute")
    assert (closed.reach, closed.tried) == (Reach.NOTHING, Tried.REFUSED)
    assert _right(matrix, "work()", "anon", "execute").tried is Tried.NOT_TRIED
    assert not [one for one in matrix if "on_change" in one.name]


def test_a_view_of_the_callers_rights_is_told_from_one_of_its_owners(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute("grant select on titles, all_titles to anon")
    matrix = _matrix(database_at)
    own = _right(matrix, "titles", "anon", "select")
    # The grant on the view is there; the one on the table below it is not.
    assert (own.reach, own.tried) == (Reach.BY_POLICY, Tried.REFUSED)
    owners = _right(matrix, "all_titles", "anon", "select")
    assert (owners.reach, owners.tried) == (Reach.EVERY_ROW, Tried.ROWS)


@pytest.mark.parametrize(
    ("view", "commands"),
    [
        ("select distinct title from notes", {"select"}),
        ("select count(*) as notes from notes", {"select"}),
        ("select n.title from notes as n join open as o on o.id = n.id", {"select"}),
        ("select id, title from notes", {"select", "insert", "update", "delete"}),
    ],
)
def test_of_a_view_only_what_it_can_take_is_a_right(
    database_at: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
    view: str,
    commands: set[str],
) -> None:
    database_at.execute(f"create view v as {view}; grant all on v to service_role".encode())
    matrix = _matrix(database_at)
    of_view = [one for one in matrix if one[1:3] == ("public.v", "service_role")]
    assert {one.command for one in of_view} == commands
    (select,) = [one for one in of_view if one.command == "select"]
    path = _written([select, select._replace(command="delete")], tmp_path)
    results = access_results(matrix, expected=load_access(path), previous=None)
    told = {one.name for one in results if one.name == "public.v" and "there is no" in one.detail}
    assert told == set()


def test_roles_that_are_not_there_are_left_out(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    matrix = read_access(database_at, schemas=["public"], roles=["anon", "ghost"], timeout_s=10)
    assert {one.role for one in matrix} == {"anon"}


def test_trials_that_take_too_long_are_told_as_not_tried(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute(
        "create view slow as select pg_sleep(600)::text as a; grant select on slow to anon"
    )
    matrix = read_access(database_at, schemas=["public"], roles=["anon"], timeout_s=0.3)
    assert _right(matrix, "slow", "anon", "select").tried is Tried.NOT_TRIED
    assert _right(matrix, "slow", "anon", "select").reach is Reach.EVERY_ROW


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (
            (
                "create policy p on notes using (exists (select from open));"
                "create policy p on open using (exists (select from notes))"
            ),
            'infinite recursion detected in policy for relation "notes" (SQLSTATE 42P17)',
        ),
        (
            "create policy p on notes using (1 / (id - id) > 0)",
            "division by zero (SQLSTATE 22012)",
        ),
        (
            "create policy p on notes using (owner = current_setting('app.tenant')::uuid)",
            'unrecognized configuration parameter "…" (SQLSTATE 42704)',
        ),
        (
            "create policy p on notes using (title::int > 0)",
            'invalid input syntax for type integer: "…" (SQLSTATE 22P02)',
        ),
    ],
)
def test_a_policy_that_ends_with_an_error_fails_with_what_the_server_says(
    database_at: psycopg.Connection[tuple[object, ...]], policies: str, said: str
) -> None:
    database_at.execute("alter table open enable row level security")
    database_at.execute("grant select on notes, open to authenticated")
    database_at.execute(policies.encode())
    matrix = _matrix(database_at)
    broken = _right(matrix, "notes", "authenticated", "select")
    assert (broken.tried, broken.error) == (Tried.BROKEN, said)
    results = list(access_results(matrix, expected=None, previous=None))
    told = [one for one in results if one.name == "public.notes"]
    assert [one.outcome for one in told] == [Outcome.FAILED]
    assert told[0].detail.startswith("authenticated select: ")
    assert told[0].detail.endswith(said)
    before = Previous(access=matrix, since="before these migrations", counted=True)
    assert _failed(access_results(matrix, expected=None, previous=before)) == []


def test_what_every_request_sets_is_there_for_policies_and_a_raise_is_a_refusal(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute("grant select on notes to anon, authenticated")
    database_at.execute(
        "create function guard() returns boolean language plpgsql as"
        " $$ begin raise exception 'who are you, %', current_user; end $$;"
        "create policy p on notes to anon using ("
        " current_setting('request.headers')::json ->> 'x-key' = 'a'"
        " and current_setting('request.method') = 'GET');"
        "create policy q on notes to authenticated using (guard())"
    )
    matrix = _matrix(database_at)
    assert _right(matrix, "notes", "anon", "select").tried is Tried.ALLOWED
    guarded = _right(matrix, "notes", "authenticated", "select")
    assert guarded.tried is Tried.REFUSED
    assert "SQLSTATE P0001" in guarded.error
    assert "who are you, authenticated" not in guarded.error


def test_a_right_to_rows_that_could_not_be_tried_is_named(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute(
        "create view slow as select pg_sleep(600)::text as a; grant select on slow to service_role"
    )
    matrix = read_access(database_at, schemas=["public"], roles=["service_role"], timeout_s=0.3)
    warned = [
        one
        for one in access_results(matrix, expected=None, previous=None)
        if one.outcome is Outcome.WARNED
    ]
    assert [one.name for one in warned if one.name == "public.slow"] == ["public.slow"]


# --- what is said of it -------------------------------------------------------------------------


def _written(matrix: Sequence[Access], folder: Path) -> Path:
    path = folder / "access.toml"
    path.write_text(write_access(matrix), encoding="utf-8")
    return path


def _failed(results: Iterator[CheckResult]) -> list[str]:
    return [one.detail for one in results if one.outcome is Outcome.FAILED]


def test_the_file_that_is_written_expects_exactly_what_is_there(
    database_at: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    database_at.execute(
        "grant select (id, title), insert, update (title) on notes to authenticated;"
        "grant all on notes, open to service_role; create policy p on notes to authenticated"
        " using (id = 1); grant select on titles to authenticated"
    )
    matrix = _matrix(database_at)
    path = _written(matrix, tmp_path)
    expected = load_access(path)
    assert _failed(access_results(matrix, expected=expected, previous=None)) == []
    sentence = '"insert, select (id, title), update (title) rows by policy"'
    assert sentence.replace("insert, select (id, title)", "select (id, title), insert") in (
        path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "grant select on notes to anon",
            "anon can select rows by policy of public.notes, expected nothing",
        ),
        (
            "revoke select on notes from authenticated",
            "authenticated cannot select public.notes, expected select rows by policy",
        ),
        (
            "grant update (title) on notes to authenticated",
            "authenticated can update (title) rows by policy of public.notes, expected nothing",
        ),
        (
            "create table m (id int); grant insert on m to anon",
            "anon can insert every row of public.m, expected nothing (not in checks/access.toml)",
        ),
        (
            "drop table notes cascade",
            "authenticated is expected to select, but there is no such object or role",
        ),
    ],
)
def test_what_the_file_does_not_say_fails_by_name(
    database_at: psycopg.Connection[tuple[object, ...]], tmp_path: Path, change: str, said: str
) -> None:
    database_at.execute(
        "grant select on notes to authenticated; create policy p on notes using (id = 1)"
    )
    expected = load_access(_written(_matrix(database_at), tmp_path))
    database_at.execute(change.encode())
    failed = _failed(access_results(_matrix(database_at), expected=expected, previous=None))
    assert failed == [said]


def test_without_a_file_an_open_door_and_a_widening_fail(
    database_at: psycopg.Connection[tuple[object, ...]],
) -> None:
    database_at.execute(
        "grant select (id) on notes to authenticated; create policy p on notes using (id = 1)"
    )
    before = _matrix(database_at)
    assert (
        _failed(access_results(before, expected=None, previous=_at_the_last_release(before))) == []
    )
    database_at.execute("grant select on notes to authenticated, anon")
    failed = _failed(
        access_results(_matrix(database_at), expected=None, previous=_at_the_last_release(before))
    )
    assert failed == [
        "anon can select rows by policy of public.notes, and no file says that visitors may",
        "anon can select rows by policy of public.notes; at the last release: nothing",
        (
            "authenticated can select rows by policy of public.notes; at the last release: "
            "select (id) rows by policy"
        ),
    ]


def test_a_listed_change_is_told_as_news_and_a_narrowing_too(
    database_at: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    before = _matrix(database_at)
    database_at.execute("grant select on notes to anon")
    matrix = _matrix(database_at)
    expected = load_access(_written(matrix, tmp_path))
    results = list(access_results(matrix, expected=expected, previous=_at_the_last_release(before)))
    (news,) = [one for one in results if one.name == "changed access"]
    assert news.detail == (
        "as listed, and not so at the last release: "
        "anon can select no row of public.notes (was: nothing)"
    )
    assert {one.outcome for one in results} == {Outcome.PASSED}


@pytest.mark.parametrize(
    "line",
    [
        'anon = "everything"',
        'anon = "select"',
        'anon = "execute every row"',
        'anon = "selct every row"',
        'anon = ""',
        "anon = 3",
    ],
)
def test_a_sentence_that_cannot_be_meant_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "access.toml"
    path.write_text(f"[public.notes]\n{line}\n")
    with pytest.raises(Misconfigured, match=r"access\.toml"):
        load_access(path)
