"""Guilty and innocent changes of one database: what the copy has seen stops them, or is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.access import read_access
from shipway.errors import Refused, VerificationFailed
from shipway.schema.access import API_ROLES
from shipway.schema.access_words import load_access, write_access
from shipway.values.migrations import Phase
from tests.fixtures.incidents import PROMISED, target_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import DatabaseServer
    from tests.fixtures.incidents import Target, Verdict

TOTALS = """
create function public.turnover(of_state text) returns table (state text, total numeric)
    language sql stable security definer set search_path = ''
    as $$ select i.state, sum(i.amount) from public.invoices i
        where i.state = of_state group by 1 $$;
"""
INVOICES_GRANTS = """
alter table public.invoices_next enable row level security;
drop table public.invoices;
alter table public.invoices_next rename to invoices;
create policy own_invoices on public.invoices for select to authenticated
    using ((select auth.uid()) = payer);
grant select on public.invoices to authenticated;
grant select, insert, update, delete on public.invoices to service_role;
"""


@pytest.fixture(scope="module")
def target(server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    name = server.fresh_database()
    yield target_at(server.url(name), tmp_path_factory.mktemp("incidents"))
    server.drop(name)


def stopped_on_the_copy(verdict: Verdict) -> str:
    assert isinstance(verdict.stopped, VerificationFailed), verdict.said
    assert "The target was not touched" in verdict.stopped.unchanged
    return verdict.stopped.what


def stopped_at_the_gates(verdict: Verdict) -> str:
    assert isinstance(verdict.stopped, Refused), verdict.said
    assert "review" in verdict.stopped.what
    return verdict.said


def passed(verdict: Verdict) -> str:
    assert verdict.stopped is None, verdict.said
    return verdict.said


def test_a_schema_made_again_does_not_excuse_the_tables_that_were_in_it(target: Target) -> None:
    verdict = target.change("drop schema ledger cascade;\ncreate schema ledger;")

    said = stopped_at_the_gates(verdict)
    assert "002_change, line 1: The table ledger.entries is gone: 20 000 rows vanish." in said
    assert "The materialized view ledger.region_totals is gone." in said
    assert "loses=ledger.entries" in said
    assert verdict.seal is not None
    assert "squawk/ban-drop-schema" in {one.rule for one in verdict.seal.lint.standing}


def test_tables_are_told_with_their_rows_whichever_statement_took_them(target: Target) -> None:
    verdict = target.change(
        "do $$ begin execute 'drop table public.' || 'contracts'; end $$;",
        "create schema attic; alter table public.price_list set schema attic;",
        "drop schema attic cascade;",
        "alter table private.journal rename to j; drop table private.j;",
        "drop table public.devices cascade; create policy own_readings on public.readings "
        "for select to authenticated using (false);",
    )

    said = stopped_at_the_gates(verdict)
    assert "002_change, line 1: The table public.contracts is gone: 300 rows vanish." in said
    assert "004_change, line 1: The table public.price_list is gone: 50 rows vanish." in said
    assert "006_change, line 1: The table public.devices is gone: 500 rows vanish." in said
    assert "public.readings: its foreign key readings_serial_fkey is gone" in said
    assert "view public.device_states is gone" in said
    assert "note: 005_change, line 1: The table private.journal is gone: it was empty." in said


ROWS_GO = """
delete from public.invoices where state = 'open';
merge into public.price_list p using (values ('P1'), ('P2')) as v (code) on p.code = v.code
    when matched then delete;
truncate public.readings;
do $$ declare r record; begin
    for r in select id from public.contracts where id > 100 loop
        execute 'delete from public.contracts where id = ' || r.id;
    end loop;
end $$;
create function private.clean() returns trigger language plpgsql set search_path = ''
    as $$ begin delete from ledger.entries where id < 11; return null; end $$;
create trigger clean after update on private.staff
    for each statement execute function private.clean();
update private.staff set who = who;
alter table public.devices drop constraint devices_customer_id_fkey;
alter table public.devices add constraint devices_customer_id_fkey
    foreign key (customer_id) references public.customers (id) on delete cascade;
alter table public.customers rename to people;
delete from public.people where id = 7;
"""
LOSERS = ("invoices", "price_list", "readings", "contracts", "devices", "customers")


def test_rows_that_vanish_on_the_copy_stop_before_the_target_unless_a_file_says_so(
    target: Target,
) -> None:
    # The invoices of customer 7 hold him: they go first.
    change = "delete from public.invoices where customer_id = 7;" + ROWS_GO

    what = stopped_on_the_copy(target.change(change))

    for line in (
        *("public.price_list: 48 rows, 50", "public.readings: 0 rows, 2 000"),
        *("public.contracts: 100 rows, 300", "ledger.entries: 19 990 rows, 20 000"),
        *("public.devices: 499 rows, 500", "public.customers: 1 999 rows, 2 000"),
        "public.invoices: 6 662 rows, 20 000",
    ):
        assert f"- {line} in the backup" in what

    loses = ",".join(f"public.{one}" for one in LOSERS)
    losing = replace(PROMISED, may_lose_rows=("ledger.entries",))
    said = target.change(f"-- shipway: loses={loses}\n{change}", expectations=losing)
    assert "in the backup" not in said.said
    assert not isinstance(said.stopped, VerificationFailed)


def test_a_table_built_anew_is_held_against_the_old_one(target: Target) -> None:
    start = "create table public.invoices_next (like public.invoices including all);\n"
    some = "insert into public.invoices_next select * from public.invoices where state <> 'open';"
    every = "insert into public.invoices_next select * from public.invoices;"
    key = (
        "alter table public.invoices add constraint invoices_of_customer "
        "foreign key (customer_id) references public.customers (id);"
    )

    guilty = target.change(start + some + INVOICES_GRANTS)
    assert "public.invoices: 6 666 rows, 20 000 in the backup" in stopped_on_the_copy(guilty)
    assert "public.invoices: its foreign key invoices_customer_id_fkey is gone" in guilty.said
    assert guilty.seal is None

    said = passed(target.change(start + every + INVOICES_GRANTS + key))
    for word in ("is gone", "vanish", "may no longer", "before these migrations"):
        assert word not in said


def test_rows_are_looked_for_in_partitions_too(target: Target) -> None:
    start = (
        "create table public.readings_next (like public.readings) partition by range (id);"
        "create table public.readings_1 partition of public.readings_next for values from (0) to "
        "(1001); create table public.readings_2 partition of public.readings_next default;"
    )
    switch = (
        "alter table public.readings_next enable row level security;"
        "alter table public.readings_1 enable row level security;"
        "alter table public.readings_2 enable row level security;"
        "create policy shut on public.readings_1 for all to anon, authenticated using (false);"
        "create policy shut on public.readings_2 for all to anon, authenticated using (false);"
        "drop table public.readings; alter table public.readings_next rename to readings;"
        "create policy own_readings on public.readings for select to authenticated "
        "using (serial in (select serial from public.devices));"
        "grant select on public.readings to authenticated;"
        "grant select, insert, update, delete on public.readings to service_role;"
    )
    some = "insert into public.readings_next select * from public.readings where id < 1001;"

    what = stopped_on_the_copy(target.change(start + some + switch))
    assert "public.readings: 1 000 rows, 2 000 in the backup" in what

    every = "insert into public.readings_next select * from public.readings;"
    merged = (
        "create temp table kept as select * from public.readings_1;"
        "drop table public.readings_1; insert into public.readings select * from kept;"
    )
    said = passed(target.change(start + every + switch, merged))
    assert "vanish" not in said


def test_what_is_dropped_is_graded_by_what_vanishes(target: Target) -> None:
    verdict = target.change(
        "drop table public.invoices;\nalter table public.customers drop column region;",
        "update public.contracts set body = '' where id < 3;"
        "drop view public.device_states;"
        "alter table public.devices alter column battery type text using null;",
    )
    said = stopped_at_the_gates(verdict)
    assert "serious: 002_change, line 1: The table public.invoices is gone: 20 000 rows" in said
    assert "002_change, line 2: The column public.customers.region is gone: 1 980 values of" in said
    assert "public.devices.battery holds 0 values and held 500: 500 values vanish." in said
    assert "public.contracts.body" not in said

    meant = target.change(
        "-- shipway: loses=public.invoices,public.customers.region\n"
        "drop table public.invoices;\nalter table public.customers drop column region;"
    )
    assert "note: 002_change, line 2: The table public.invoices is gone" in passed(meant)

    empty = target.change(
        "drop table private.journal cascade;",
        "create table public.a_while (n int); drop table public.a_while;",
    )
    assert "it was empty" in passed(empty)
    assert not [one for one in empty.warned if "Dropping" in one or "journal" in one]


def test_a_contract_file_takes_what_it_names_and_no_more(target: Target) -> None:
    head = "-- shipway: phase=contract\n"
    meant = target.change(
        f"{head}drop materialized view ledger.region_totals; drop table ledger.entries;",
        phase=Phase.CONTRACT,
    )
    assert "That is what its contract phase is for." in passed(meant)

    careless = target.change(f"{head}drop schema ledger cascade;", phase=Phase.CONTRACT)
    assert "The table ledger.entries is gone: 20 000 rows" in stopped_at_the_gates(careless)


def test_what_cascade_takes_along_is_named_with_what_makes_it_again(target: Target) -> None:
    verdict = target.change(
        "alter table public.devices drop constraint devices_serial_key cascade;\n"
        "alter table public.devices add constraint devices_serial_key unique (serial);",
        "alter table public.customers drop column tier cascade;",
        "alter publication supabase_realtime set table public.readings;",
        "drop function private.note_battery() cascade;",
        "alter table public.customers alter column mail set default 'nobody';",
    )

    said = stopped_at_the_gates(verdict)
    assert (
        "002_change, line 1: public.readings: its foreign key readings_serial_fkey is gone. Where "
        "it is still needed: alter table public.readings add constraint readings_serial_fkey "
        "FOREIGN KEY (serial) REFERENCES public.devices(serial);" in said
    )
    assert "003_change, line 1: The view public.customer_cards is gone." in said
    assert "grant select on public.customer_cards to authenticated" in said
    assert "public.devices is no longer in the publication supabase_realtime" in said
    assert "005_change, line 1: public.devices: its trigger devices_journal is gone." in said
    assert "devices_serial_key" not in "\n".join(x for x in verdict.warned if "is gone" in x)


def test_a_right_that_a_file_widens_stops_on_the_copy(target: Target) -> None:
    what = stopped_on_the_copy(
        target.change(
            f"drop function public.turnover(text);{TOTALS}",
            "drop function public.open_total(bigint);"
            "alter function private.is_staff() set schema public;",
            "grant update (memo) on public.invoices to authenticated;",
            "drop view public.customer_cards; create view public.customer_cards as "
            "select id, mail, tier from public.customers;"
            "grant select on public.customer_cards to authenticated;",
            "alter table public.readings rename to measurements;"
            "grant delete on public.measurements to authenticated;",
        )
    )

    for line in (
        (
            "public.turnover(of_state text): anon can execute all of it of "
            "public.turnover(of_state text); before these migrations: nothing"
        ),
        "public.is_staff(): authenticated can execute all of it of public.is_staff(); before",
        "public.invoices: authenticated can update (memo) no row of public.invoices; before",
        (
            "public.customer_cards: authenticated can select every row of public.customer_cards; "
            "before these migrations: select rows by policy"
        ),
        "public.measurements: authenticated can delete no row of public.measurements; before",
    ):
        assert f"- {line}" in what


def test_a_function_that_stands_in_with_other_arguments_is_held_to_the_old_ones_rights(
    target: Target,
) -> None:
    other = (
        "drop function public.turnover(text); create function public.turnover(a text, b int "
        "default 0) returns numeric language sql set search_path = '' as $$ select 1.0 $$;"
    )
    assert "public.turnover(a text, b integer)" in stopped_on_the_copy(target.change(other))
    closed = "revoke execute on function public.turnover(text, int) from public, anon;"
    passed(target.change(f"{other}{closed}"))


def test_a_right_that_is_taken_back_or_listed_passes(target: Target, tmp_path: Path) -> None:
    change = f"drop function public.turnover(text);{TOTALS}"
    revoke = "revoke execute on function public.turnover(text) from public, anon, authenticated;"
    said = passed(target.change(f"{change}{revoke}"))
    assert "before these migrations" not in said

    with psycopg.connect(target.url.reveal(), autocommit=True) as connection:
        matrix = read_access(connection, schemas=["public"], roles=list(API_ROLES), timeout_s=10)
    listed = tmp_path / "access.toml"
    listed.write_text(write_access(matrix))
    text = listed.read_text()
    closed = '[public."turnover(of_state text)"]\nanon = "nothing"\nauthenticated = "nothing"'
    assert closed in text
    opened = closed.replace('"nothing"', '"execute"') + '\nservice_role = "execute"\n'
    head, _, rest = text.partition(closed)
    listed.write_text(head + opened + rest.partition("\n\n")[2])
    passed(target.change(change, expectations=replace(PROMISED, access=load_access(listed))))


@pytest.mark.parametrize(
    ("change", "role", "cure"),
    [
        (
            "alter role authenticated with connection limit 40 bypassrls;",
            "role authenticated: authenticated can pass by row level security",
            "alter role authenticated NOBYPASSRLS;",
        ),
        (
            "create role helpers; grant service_role to helpers; grant helpers to authenticated;",
            "role authenticated: authenticated can all that service_role may",
            "revoke service_role from authenticated;",
        ),
    ],
)
def test_a_role_that_becomes_more_stops_on_the_copy(
    target: Target, change: str, role: str, cure: str
) -> None:
    verdict = target.change(change)

    what = stopped_on_the_copy(verdict)
    assert f"- {role}; before these migrations it could not" in what
    assert "public.customers: authenticated can" in what
    assert cure in verdict.said


def test_lost_rights_and_warnings_are_lines_with_object_danger_and_cure(target: Target) -> None:
    verdict = target.change(
        "drop view public.device_states; create view public.device_states with "
        "(security_invoker = true) as select id, serial, battery, battery < 10 as low "
        "from public.devices;",
        "create function public.close_invoice(n bigint) returns void language sql "
        "security definer set search_path = '' "
        "as $$ update public.invoices set state = 'paid' where id = n $$;",
        "alter function public.open_total(bigint) security definer;",
        "create materialized view public.best as select customer_id from public.invoices;"
        "grant select on public.best to authenticated;",
        "revoke usage on schema private from authenticated;"
        "revoke select on ledger.entries from service_role;"
        "revoke usage on sequence public.devices_id_seq from service_role;",
    )

    passed(verdict)
    told = "\n".join(verdict.warned)
    for line in (
        (
            "public.device_states: authenticated may no longer select from public.device_states: "
            "error 42501. Where it is still needed: grant select on public.device_states to "
            "authenticated;"
        ),
        (
            "public.close_invoice(n bigint): anon and authenticated can call it, and it runs with "
            "the rights of its owner (definer_function). revoke execute on function"
        ),
        "public.open_total(c bigint): anon and authenticated can call it, and it runs with",
        "public.best: authenticated can read the materialized view, and no policy guards",
        "authenticated loses usage on schema private. Where it is still needed: grant usage",
    ):
        assert line in told


def test_changes_that_take_and_open_nothing_pass_without_a_word(target: Target) -> None:
    verdict = target.change(
        "drop view public.device_states; create view public.device_states with "
        "(security_invoker = true) as select id, serial, battery, battery < 10 as low "
        "from public.devices; grant select on public.device_states to authenticated;",
        "create or replace function public.turnover(of_state text) returns numeric language sql "
        "stable security definer set search_path = '' as $$ select 1.0 $$;",
        "drop index public.devices_battery; create index devices_charge on public.devices "
        "(battery); drop trigger devices_journal on public.devices; create trigger journal "
        "after update on public.devices for each row execute function private.note_battery();",
        "alter table public.readings rename to measurements; "
        "alter table public.customers rename column tier to level; "
        "alter function public.open_total(bigint) rename to total_open; "
        "alter table ledger.entries set schema private;",
        "alter table public.devices add column shelf text; update public.devices set shelf = 'a';",
    )

    said = passed(verdict)
    for word in ("is gone", "vanish", "may no longer", "before these migrations", "loses"):
        assert word not in said


def test_what_stood_before_is_not_told_as_new(server: DatabaseServer, tmp_path: Path) -> None:
    name = server.fresh_database()
    target = target_at(
        server.url(name),
        tmp_path,
        by_hand="grant execute on function public.turnover(text) to authenticated; "
        "revoke select on public.customers from authenticated; "
        "grant select (id, tier), insert (mail) on public.customers to authenticated;"
        "create table ledger.days (n int primary key) partition by range (n);"
        "create table ledger.day_1 partition of ledger.days for values from (0) to (50);"
        "create table ledger.day_2 partition of ledger.days default;"
        "insert into ledger.days select generate_series(1, 99)",
    )

    verdict = target.change("alter table public.customers rename column tier to level;")

    said = passed(verdict)
    assert "turnover" not in said
    assert "before these migrations" not in said

    moved = "create temp table kept as select * from ledger.day_1; drop table ledger.day_1;"
    back = "insert into ledger.days select * from kept;"
    said = passed(target.change(moved + back))
    assert "The partition ledger.day_1 is gone; ledger.days holds no fewer rows" in said
    said = stopped_at_the_gates(target.change(moved))
    assert "The table ledger.day_1 is gone: 49 rows vanish." in said
    told = passed(target.change("alter table ledger.days detach partition ledger.day_1;"))
    assert "ledger.day_1 is no partition of ledger.days now." in told
    server.drop(name)


def test_a_sample_tells_no_loss_that_may_be_none(target: Target) -> None:
    verdict = target.change(
        "delete from public.invoices where customer_id not in (select id from public.customers);"
        "delete from public.invoices i where not exists "
        "(select from public.customers c where c.id = i.customer_id and c.id > 50);",
        most_rows=100,
    )
    passed(verdict)
    told = "\n".join(verdict.warned)
    assert "of the sample's" in told
    assert "how many the target would lose is not known" in told

    gone = target.change("drop table ledger.entries cascade;", most_rows=100)
    assert "The table ledger.entries is gone: 20 000 rows" in stopped_at_the_gates(gone)


@pytest.mark.parametrize(
    "change",
    [
        "alter policy own_invoices on public.invoices rename to invoices_are_read_by_their_payer;",
        """drop policy if exists own_customer on public.customers;
        create policy "Customers see themselves" on public.customers for select
            to authenticated using (owner = auth.uid());""",
    ],
)
def test_a_policy_that_only_has_another_name_or_spelling_is_no_loss(
    target: Target, change: str
) -> None:
    passed(target.change(change))


def test_a_policy_that_is_gone_behind_another_one_is_told_with_it(target: Target) -> None:
    verdict = target.change(
        "drop policy own_customer on public.customers;"
        "create policy everybody on public.customers for select to authenticated using (true);"
    )
    stopped_on_the_copy(verdict)
    told = "serious: The policy public.customers.own_customer is gone, and everybody takes its"
    assert told in verdict.said


def test_what_a_cascade_takes_unseen_stops_and_what_a_file_names_is_told(target: Target) -> None:
    drop = "drop function private.note_battery() cascade;"
    told = "public.devices: its trigger devices_journal is gone."
    assert f"serious: 002_change, line 1: {told}" in stopped_at_the_gates(target.change(drop))
    named = f"drop trigger devices_journal on public.devices;\n{drop}"
    assert f"002_change, line 1: {told}" in passed(target.change(named))
