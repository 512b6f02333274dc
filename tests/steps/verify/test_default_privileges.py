"""What objects are granted when they are made: by the defaults of that moment, and no drift."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.steps.verify.drift import Drift, drift
from shipway.values.checks import Outcome
from tests.steps.verify.test_verify_powers import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.basics import Secret

IN_PUBLIC = "alter default privileges in schema public"
API_ROLES = "anon, authenticated, service_role"
OLDER_PROJECT = ";".join(
    f"{IN_PUBLIC} grant all on {one} to {API_ROLES}" for one in ("tables", "sequences", "functions")
)
TAKEN_FROM_OLDER = OLDER_PROJECT.replace(" grant ", " revoke ").replace(" to ", " from ")
BASE = (
    "create table public.a (id bigserial primary key); create type public.mood_a as enum ('x');\n"
    "create function public.a() returns int language sql as 'select 1';\n"
    "alter table public.a enable row level security; revoke all on public.a from anon"
)
SAME_AS_THE_LAST_FILES_LEFT = ((), ())


@pytest.fixture
def world(database_url: Secret, tmp_path: Path) -> Iterator[World]:
    world = World(database_url, tmp_path)
    with world.opened:
        yield world


@pytest.fixture
def role(world: World) -> Iterator[str]:
    """A role that no file makes; it belongs to the whole cluster."""
    name = f"maker_{secrets.token_hex(4)}"
    world.execute(f"create role {name}; grant {name} to postgres")
    yield name
    world.execute(f"drop owned by {name}; drop role {name}")


def _drift(world: World) -> Drift:
    with psycopg.connect(world.url.reveal(), autocommit=True) as connection:
        return drift(Catalog(connection), means=world.means)


def _differences(world: World) -> list[str]:
    return [one.said for one in _drift(world).differences]


def _all(found: Drift) -> tuple[object, object]:
    return (found.differences, found.narrower_defaults)


def _release(world: World, number: int, text: str) -> None:
    world.write(f"{number:03}_change", text)
    world.migrate()


def _forget_records(world: World) -> None:
    """Leave the ledger as older versions of shipway kept it."""
    world.execute("drop table shipway.default_privileges")


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("place", ["", "in schema public ", "for role postgres "])
@pytest.mark.parametrize(
    "change",
    [
        "grant select, insert, update, delete on tables to service_role",
        "grant all on tables to anon",
        "grant usage on sequences to authenticated",
        "revoke execute on functions from public",
        "grant usage on types to anon with grant option",
        "revoke usage on types from public",
    ],
)
def test_defaults_that_a_file_changes_hold_for_what_is_made_after_it(
    world: World, change: str, place: str, *, recorded: bool
) -> None:
    _release(world, 1, BASE)
    _release(world, 2, f"alter default privileges {place}{change}")
    _release(world, 3, BASE.replace("public.a", "public.b").replace("mood_a", "mood_b"))
    if not recorded:
        _forget_records(world)
    assert _all(_drift(world)) == SAME_AS_THE_LAST_FILES_LEFT


@pytest.mark.parametrize("recorded", [True, False])
def test_defaults_at_the_end_of_a_baseline_hold_for_nothing_before_it(
    world: World, *, recorded: bool
) -> None:
    _release(world, 1, f"{BASE};\n{IN_PUBLIC} grant all on tables to anon")
    if not recorded:
        _forget_records(world)
    assert _all(_drift(world)) == SAME_AS_THE_LAST_FILES_LEFT


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (OLDER_PROJECT, TAKEN_FROM_OLDER),
        (
            f"{IN_PUBLIC} grant select, insert, update, delete on tables to {API_ROLES}",
            f"{IN_PUBLIC} revoke all on tables from {API_ROLES}",
        ),
        (
            "alter default privileges grant usage on types to anon, authenticated, dashboard_user",
            "alter default privileges revoke all on types from anon, authenticated, dashboard_user",
        ),
    ],
)
@pytest.mark.parametrize("by_hand", [True, False])
def test_objects_keep_what_the_defaults_gave_them_when_the_defaults_are_taken_away(
    world: World, given: str, taken: str, *, by_hand: bool
) -> None:
    world.execute(given)
    _release(world, 1, BASE)
    assert _differences(world) == []
    if by_hand:
        world.execute(taken)
        found = _drift(world)
        assert found.differences == ()
        assert {one.kind for one in found.narrower_defaults} == {"default privilege"}
    else:
        _release(world, 2, taken)
        assert _all(_drift(world)) == SAME_AS_THE_LAST_FILES_LEFT
    _release(world, 3, "alter table public.a add note text; create table public.b (id int)")
    assert _all(_drift(world)) == SAME_AS_THE_LAST_FILES_LEFT


def test_an_older_projects_tables_are_as_expected_though_no_ledger_has_recorded_its_defaults(
    world: World,
) -> None:
    world.execute(OLDER_PROJECT)
    _release(world, 1, BASE)
    _forget_records(world)
    world.execute(TAKEN_FROM_OLDER)
    assert _differences(world) == []
    _release(world, 2, "create table public.b (id bigserial primary key)")
    assert _differences(world) == []


def test_defaults_that_are_changed_by_hand_between_releases_hold_for_what_comes_after(
    world: World,
) -> None:
    _release(world, 1, BASE)
    world.execute(OLDER_PROJECT)
    _release(world, 2, "create table public.b (id bigserial primary key)")
    world.execute(f"{IN_PUBLIC} revoke all on tables from anon, authenticated")
    _release(world, 3, "create table public.c (id bigserial primary key)")
    _release(world, 4, "create table public.d (id bigserial primary key)")
    assert _all(_drift(world)) == SAME_AS_THE_LAST_FILES_LEFT


def test_defaults_for_and_of_roles_that_no_file_makes_are_known_too(
    world: World, role: str
) -> None:
    world.execute(f"alter default privileges grant select on tables to {role}")
    _release(world, 1, BASE)
    world.execute(
        f"grant create on schema public to {role};"
        f"alter default privileges for role {role} in schema public grant all on tables to anon"
    )
    _release(world, 2, f"{IN_PUBLIC} revoke all on tables from {role}; create table public.b ()")
    assert _differences(world) == [f"schema public: {role} holds create, which no migration grants"]


@pytest.mark.parametrize("base", ["select 1", OLDER_PROJECT])
def test_a_grant_by_hand_is_told_whatever_the_defaults_are_and_were(
    world: World, base: str
) -> None:
    world.execute(base)
    _release(world, 1, f"{BASE}; create table public.b (id int)")
    _release(world, 2, TAKEN_FROM_OLDER)
    world.execute(
        "grant select on public.a to anon;grant execute on function public.a() to dashboard_user"
    )
    wanted = [
        "function public.a(): dashboard_user holds execute, which no migration grants",
        "table public.a: anon holds select, which no migration grants",
    ]
    assert _differences(world) == wanted
    _forget_records(world)
    assert _differences(world) == wanted


def test_a_revoke_by_hand_is_told_whatever_the_defaults_are_and_were(world: World) -> None:
    world.execute(OLDER_PROJECT)
    _release(world, 1, f"{BASE}; grant select on public.a to anon")
    _release(world, 2, TAKEN_FROM_OLDER)
    world.execute("revoke select on public.a from anon; revoke all on public.a from service_role")
    for _ in range(2):
        anon, service_role = _differences(world)
        assert anon == "table public.a: anon lacks select"
        assert service_role.startswith("table public.a: service_role lacks delete, insert")
        world.execute("drop table if exists shipway.default_privileges")


def test_a_grant_on_all_tables_by_hand_is_no_default_where_the_defaults_are_recorded(
    world: World,
) -> None:
    _release(world, 1, f"{BASE}; create table public.b (id int)")
    world.execute(f"grant all on all tables in schema public to {API_ROLES}")
    assert len(_differences(world)) == 2 * 3


def test_a_default_that_gives_more_by_hand_is_a_difference_of_its_own_and_fails_no_table(
    world: World,
) -> None:
    _release(world, 1, BASE)
    world.execute(f"{IN_PUBLIC} grant insert, select on tables to anon")
    said = (
        "future tables of postgres in schema public: anon holds insert, select, which no migration "
        "grants"
    )
    assert _differences(world) == [said]
    results = world.verify(["schema"])
    warned = [f"{one.name}: {one.detail}" for one in results if one.outcome is Outcome.WARNED]
    assert warned == [said]
    assert [one.name for one in results if one.outcome is Outcome.FAILED] == []


def test_functions_that_everyone_may_call_again_by_default_are_told(world: World) -> None:
    _release(world, 1, "alter default privileges revoke execute on functions from public")
    world.execute("alter default privileges grant execute on functions to public")
    assert _differences(world) == [
        "future functions of postgres: everyone may use them, which a migration has taken away"
    ]
