"""Verify on a real database: what passes, what fails and why, and that nothing can change it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from shipway.edges.catalog.snapshot import Catalog
from shipway.errors import Misconfigured
from shipway.schema.expectations import Expect, Expectations, QueryCheck, load_expectations
from shipway.steps.verify.verify import ChecksFailed, verify
from shipway.values.basics import Plainly
from shipway.values.checks import CheckResult, Outcome, Verified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.values.basics import Secret

ROOT = Path(__file__).parents[3]
CHECKS = ROOT / "checks"


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


class _Said(Plainly, list[str]):
    def note(self, text: str) -> None:
        self.append(text)

    def warn(self, text: str) -> None:
        self.append(f"! {text}")


@pytest.fixture
def app(database_url: Secret) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Return a connection to a database on which the sample app's migrations have run."""
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        for path in sorted((ROOT / "migrations").glob("*.sql")):
            if not path.name.endswith(".down.sql"):
                connection.execute(path.read_bytes())
        yield connection


def _verify(url: Secret, expectations: Expectations, only: Sequence[str] = ()) -> Verified:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        return verify(
            expectations, database=Catalog(connection), clock=_Clock(), say=_Said(), only=only
        )


def _sample() -> Expectations:
    return load_expectations(CHECKS, exposed_schemas=("public",), timeout_s=10)


def _failed(url: Secret, expectations: Expectations) -> list[CheckResult]:
    with pytest.raises(ChecksFailed) as caught:
        _verify(url, expectations)
    assert caught.value.exit_code == 5
    failed = [one for one in caught.value.checks.results if one.outcome is Outcome.FAILED]
    for result in failed:
        assert result.detail in caught.value.what
        assert result.cure
        assert result.cure in caught.value.next_step
    return failed


def _one_query(statement: str, expect: Expect = Expect.ROWS, wanted: str = "") -> Expectations:
    check = QueryCheck(
        file="x.sql",
        name="x",
        statement=statement,
        expect=expect,
        wanted=wanted,
        role=None,
        claims=None,
        within_s=None,
    )
    return Expectations(tables=(), queries=(check,), exposed_schemas=(), timeout_s=5)


@pytest.mark.usefixtures("app")
def test_the_sample_app_passes_every_check(database_url: Secret) -> None:
    verified = _verify(database_url, _sample())
    assert {result.group for result in verified.results} == {"schema", "access", "queries", "data"}
    assert [one for one in verified.results if one.outcome is not Outcome.PASSED] == []
    assert verified.ledger_version == 0


def test_an_empty_database_fails_by_the_name_of_each_missing_table(database_url: Secret) -> None:
    failed = _failed(database_url, _sample())
    details = [result.detail for result in failed]
    assert "there is no table public.user" in details
    assert "there is no table public.api_audit_log" in details


def test_a_missing_column_is_named(
    app: psycopg.Connection[tuple[object, ...]], database_url: Secret
) -> None:
    app.execute('alter table public."user" drop column image')
    (failed,) = _failed(database_url, _sample())
    assert failed.detail == "missing: public.user.image"


def test_a_table_without_row_security_fails_with_the_sql_that_mends_it(
    app: psycopg.Connection[tuple[object, ...]], database_url: Secret
) -> None:
    app.execute("create table public.notes (id int)")
    _verify(database_url, _sample(), only=["schema"])  # nobody was granted it
    app.execute("grant select on public.notes to anon")
    (failed,) = [one for one in _failed(database_url, _sample()) if "enable row" in one.cure]
    assert failed.name == "public.notes"
    assert failed.cure.startswith("alter table public.notes enable row level security;")
    app.execute(failed.cure.split(";")[0])
    assert not [one for one in _failed(database_url, _sample()) if "enable row" in one.cure]


def test_a_grant_that_opens_a_closed_door_fails(
    app: psycopg.Connection[tuple[object, ...]], database_url: Secret
) -> None:
    app.execute('create policy open on public."user" for select to anon using (true)')
    app.execute('grant select on public."user" to anon')
    door, query = _failed(database_url, _sample())
    assert door.detail == "anon can select every row of public.user, expected nothing"
    assert query.name == "Visitors cannot read who our users are"
    assert query.detail == "it was answered with 1 row, expected error 42501"
    assert "the role anon can do what must be refused" in query.cure


def test_a_failure_never_quotes_the_rows_of_a_table(
    app: psycopg.Connection[tuple[object, ...]], database_url: Secret
) -> None:
    app.execute("""insert into public."user" (id, name, email) values ('u', 'Zoë', 'zoe@x.test')""")
    failed = _failed(database_url, _sample())
    assert [result.name for result in failed] == ["Every person has a row of metas"]
    assert "Zoë" not in str(failed)


@pytest.mark.parametrize(
    ("statement", "expect", "wanted", "detail"),
    [
        ("select 1 where false", Expect.ROWS, "", "expected rows, found no row"),
        ("select 1", Expect.EMPTY, "", "expected no row, found 1 row"),
        ("select generate_series(1, 9)", Expect.EMPTY, "", "found more than 5 rows"),
        ("select 4", Expect.VALUE, "3", "expected 3, found 4"),
        ("select null", Expect.VALUE, "3", "expected 3, found null"),
        ("select 1, 2", Expect.VALUE, "3", "expected one value, found 1 row"),
        ("select 1", Expect.ERROR, "42501", "answered with 1 row, expected error 42501"),
        ("select 1/0", Expect.ERROR, "42501", "expected error 42501, got error 22012"),
        ("select 1/0", Expect.ROWS, "", "expected rows, got error 22012: division by zero"),
        ("select * from gone", Expect.ROWS, "", 'relation "gone" does not exist'),
    ],
)
def test_a_query_that_does_not_come_to_what_was_promised_fails(
    database_url: Secret, statement: str, expect: Expect, wanted: str, detail: str
) -> None:
    (failed,) = _failed(database_url, _one_query(statement, expect, wanted))
    assert detail in failed.detail


@pytest.mark.parametrize(
    ("statement", "expect", "wanted"),
    [
        ("select true", Expect.VALUE, "true"),
        ("select null::int", Expect.VALUE, "null"),
        ("select 3::numeric(5, 2)", Expect.VALUE, "3.00"),
        ("select 'a%b'", Expect.VALUE, "a%b"),
        ("select 1/0", Expect.ERROR, "22012"),
        ("select 1", Expect.ROWS, ""),
        ("select 1 where false", Expect.EMPTY, ""),
    ],
)
def test_a_query_that_comes_to_what_was_promised_passes(
    database_url: Secret, statement: str, expect: Expect, wanted: str
) -> None:
    expectations = _one_query(statement, expect, wanted)
    (result,) = _verify(database_url, expectations, only=["queries"]).results
    assert result.outcome is Outcome.PASSED


def test_an_unknown_role_is_told_apart_from_a_bad_query(
    app: psycopg.Connection[tuple[object, ...]], database_url: Secret, tmp_path: Path
) -> None:
    del app
    (tmp_path / "a.sql").write_text("-- shipway: expect=rows role=anom\nselect 1")
    loaded = load_expectations(tmp_path, exposed_schemas=(), timeout_s=5)
    (failed,) = _failed(database_url, loaded)
    assert failed.cure == "Correct the role in the head of checks/a.sql."


def test_a_query_over_its_budget_fails_with_its_plan(database_url: Secret, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(
        "-- shipway: expect=rows within=1ms\nselect pg_sleep(0.05) from generate_series(1, 1)"
    )
    loaded = load_expectations(tmp_path, exposed_schemas=(), timeout_s=5)
    (failed,) = _failed(database_url, loaded)
    assert "allowed are 1 ms" in failed.detail
    assert "Function Scan on generate_series" in failed.detail


def test_a_query_that_never_ends_is_cut_off(database_url: Secret, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- shipway: expect=rows\nselect pg_sleep(600)")
    loaded = load_expectations(tmp_path, exposed_schemas=(), timeout_s=0.2)
    (failed,) = _failed(database_url, loaded)
    assert "canceling statement due to statement timeout" in failed.detail


def test_only_the_wanted_groups_are_run(database_url: Secret) -> None:
    verified = _verify(database_url, _sample_without_tables(), only=["access"])
    assert {result.group for result in verified.results} <= {"access"}
    with pytest.raises(Misconfigured, match="no group of checks named 'acess'"):
        _verify(database_url, _sample(), only=["acess"])


def _sample_without_tables() -> Expectations:
    return Expectations(tables=(), queries=(), exposed_schemas=("public",), timeout_s=5)


def _digest(url: Secret) -> str:
    """Digest every row of every table, the schema and the sequences."""
    digest = hashlib.sha256()
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        digest.update(str(Catalog(connection).snapshot()).encode())
        tables = Catalog(connection).list_tables(["public"])
        for table in tables:
            if table.kind == "table":
                name = sql.Identifier(table.schema, table.name)
                query = sql.SQL("select t::text from {} as t order by 1").format(name)
                rows = connection.execute(query)
                digest.update(str(rows.fetchall()).encode())
        sequences = "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"
        digest.update(str(connection.execute(sequences).fetchall()).encode())
    return digest.hexdigest()


HOSTILE = (
    "commit",
    "rollback",
    "commit and chain",
    "select 1; commit; drop table public.api_key cascade",
    "drop table public.api_key cascade",
    "delete from public.api_key",
    "with gone as (delete from public.api_key returning 1) select * from gone",
    "insert into public.verification values ('1', '2', '3', now())",
    "explain analyze delete from public.api_key",
    "do $$ begin delete from public.api_key; end $$",
    "do $$ begin commit; delete from public.api_key; end $$",
    "select public.write_anyway()",
    "call public.commit_and_write()",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "set default_transaction_read_only = off",
    "select set_config('transaction_read_only', 'off', false)",
    "select nextval('public.api_audit_log_id_seq')",
    "select setval('public.api_audit_log_id_seq', 1)",
    "truncate public.api_audit_log",
    "grant select on public.session to anon",
    "alter table public.session disable row level security",
    "create table public.mine as select 1",
    "select lo_from_bytea(0, 'x')",
    "prepare transaction 'x'",
    "vacuum full public.api_key",
    "select * from public.api_key for update",
)


@pytest.mark.usefixtures("app")
def test_no_hostile_query_changes_a_row_the_schema_or_a_sequence(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            "create function public.write_anyway() returns int language plpgsql as $$ begin "
            "perform set_config('transaction_read_only', 'off', true); "
            "delete from public.api_key; return 1; end $$;"
            "create procedure public.commit_and_write() language plpgsql as $$ begin "
            "commit; delete from public.api_key; commit; end $$;"
        )
    before = _digest(database_url)
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        catalog = Catalog(connection)
        for statement in HOSTILE:
            answer = catalog.ask(statement, role=None, claims=None, timeout_s=5)
            assert answer.sqlstate or answer.left_transaction, statement
            assert _digest(database_url) == before, statement
        # And the connection is as good as new after all of it.
        assert catalog.ask("select 1", role=None, claims=None, timeout_s=5).rows == (("1",),)


@pytest.mark.usefixtures("app")
def test_a_check_that_ends_its_transaction_fails_by_name(database_url: Secret) -> None:
    (failed,) = _failed(database_url, _one_query("commit"))
    assert "ended the transaction" in failed.detail
