"""Verify against the ledger's files, the last time it passed, the backup and the platform."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.ledger.ledger import Ledger
from shipway.edges.ledger.recorded_schema import RecordedSchemas
from shipway.edges.machine.clock import SystemClock
from shipway.edges.machine.memory import VerifyMemory
from shipway.errors import Refused
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.sandbox.database.blueprint import Blueprint
from shipway.schema.expectations import Expectations
from shipway.steps.migrate.migrate import migrate
from shipway.steps.migrate.powers import MigratePowers
from shipway.steps.seal.check import sealed_schema
from shipway.steps.verify.before import earlier_of
from shipway.steps.verify.drift import drift
from shipway.steps.verify.powers import Means
from shipway.steps.verify.verify import ChecksFailed, verify
from shipway.values.backup import Manifest
from shipway.values.basics import Plainly, Unproven
from shipway.values.checks import CheckResult, Outcome
from shipway.values.exchange import MigrationLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from psycopg.rows import TupleRow

    from shipway.edges.supabase.management_api import Supabase
    from shipway.values.basics import Secret
    from tests.fixtures.supabase_fixtures import Platform

EXPECTATIONS = Expectations(exposed_schemas=("public",), timeout_s=10)
FIRST = (
    "create table public.notes (id bigint generated always as identity primary key, t text);\n"
    "alter table public.notes enable row level security;\n"
    "create policy own on public.notes for select to authenticated using (id = 1);\n"
    "grant select on public.notes to authenticated;\n"
    "insert into public.notes (t) select 'x' from generate_series(1, 5)"
)


class _Quiet(Plainly):
    def note(self, text: str) -> None:
        del text

    def warn(self, text: str) -> None:
        del text


class World:
    """One migrated database, its files, and all that verify holds it against."""

    def __init__(self, url: Secret, folder: Path) -> None:
        self.url = url
        self.folder = folder / "migrations"
        self.folder.mkdir()
        self.state = folder / "state"
        self.platform: Supabase | None = None
        self.key: Secret | None = None
        self.opened = ExitStack()

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.sql").write_text(text)
        (self.folder / f"{name}.down.sql").write_text("select 1")

    def migrate(self) -> None:
        with Ledger(self.url, connect_timeout_s=10) as database:
            migrate(
                plan_migrations(read_folder(self.folder), database.look()),
                Unproven(missing="a backup", command="invoke backup"),
                MigratePowers(
                    database=database,
                    limits=MigrationLimits(
                        lock_timeout_s=5,
                        statement_timeout_s=30,
                        run_lock_wait_s=5,
                        lock_retry_s=0,
                        lock_backoff_s=1,
                    ),
                    clock=SystemClock(),
                    say=_Quiet(),
                ),
            )

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            connection.execute(statement.encode())

    @cached_property
    def beside(self) -> psycopg.Connection[TupleRow]:
        connection = psycopg.connect(self.url.reveal(), autocommit=True)
        self.opened.callback(connection.close)
        return connection

    @property
    def records(self) -> RecordedSchemas:
        return RecordedSchemas(lambda: self.beside, key=self.key)

    @property
    def means(self) -> Means:
        return Means(
            files=read_folder(self.folder),
            blueprint=Blueprint(self.state / "blueprint", clock=SystemClock()),
            records=self.records,
            memory=VerifyMemory(self.state / "verified.json"),
            sealed=partial(sealed_schema, self.state, target="here", project_ref=None, key=None),
            platform=self.platform,
        )

    def verify(
        self, only: Sequence[str], backup: Manifest | None = None
    ) -> tuple[CheckResult, ...]:
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            catalog = Catalog(connection)
            files, applied = self.means.files, catalog.ledger().applied
            try:
                return verify(
                    EXPECTATIONS,
                    database=catalog,
                    clock=SystemClock(),
                    say=_Quiet(),
                    means=self.means,
                    earlier=earlier_of(backup, files, applied) if backup else None,
                    only=only,
                ).results
            except ChecksFailed as failed:
                return failed.checks.results


@pytest.fixture
def world(database_url: Secret, tmp_path: Path) -> Iterator[World]:
    world = World(database_url, tmp_path)
    with world.opened:
        world.write("001_notes", FIRST)
        world.migrate()
        yield world


def _told(results: Sequence[CheckResult], outcome: Outcome = Outcome.FAILED) -> list[str]:
    return [f"{one.name}: {one.detail}" for one in results if one.outcome is outcome]


def test_what_the_ledgers_files_make_is_what_is_expected(world: World) -> None:
    (result,) = world.verify(["schema"])
    assert result.outcome is Outcome.PASSED
    assert "after 1 migration on" in result.detail
    world.execute("alter table public.notes add made_by_hand int; drop policy own on public.notes")
    assert _told(world.verify(["schema"])) == [
        "public.notes.made_by_hand: no migration makes this column (integer)",
        "public.notes.own: the policy is missing (select)",
    ]


def test_a_file_that_is_not_applied_yet_is_not_expected(world: World) -> None:
    world.write("002_later", "create table public.later (id int)")
    assert _told(world.verify(["schema"])) == []
    world.migrate()
    assert _told(world.verify(["schema"])) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: world.write("001_notes", "select 2"), "was edited after it was applied"),
        (
            lambda world: [
                (world.folder / "001_notes.sql").rename(world.folder / "002_notes.sql"),
                (world.folder / "001_notes.down.sql").unlink(),
            ],
            "001_notes was applied and its file is not here",
        ),
        (
            lambda world: world.execute("delete from shipway.migrations"),
            "the ledger is empty",
        ),
    ],
)
def test_a_history_that_tells_nothing_is_named_and_not_taken_for_a_pass(
    world: World, change: object, reason: str
) -> None:
    change(world)  # type: ignore[operator]
    (result,) = world.verify(["schema"])
    assert result.outcome is Outcome.NOT_CHECKED
    assert reason in result.detail
    with (
        psycopg.connect(world.url.reveal(), autocommit=True) as connection,
        pytest.raises(Refused, match=reason),
    ):
        drift(Catalog(connection), means=world.means)


def test_a_policy_that_no_file_made_is_told_as_a_change_by_hand_before_a_grant_is_proposed(
    world: World,
) -> None:
    world.execute('create policy "read all" on public.notes for select to anon using (true)')

    first, second = (
        one for one in world.verify(["schema", "access"]) if one.outcome is Outcome.FAILED
    )

    assert "no migration makes this policy" in first.detail
    assert first.cure.startswith("It was made by hand")
    assert "take it back (drop policy, revoke)" in first.cure
    assert second.detail.endswith("(grant_missing)")
    assert second.cure.index("drop policy") < second.cure.index("grant select")
    assert "anon (everybody, without an account) is meant to select every row" in second.cure


def test_a_right_that_was_widened_since_it_last_passed_fails(world: World) -> None:
    assert _told(world.verify(["access"])) == []
    world.execute("grant insert on public.notes to authenticated")
    (failed,) = _told(world.verify(["access"]))
    assert failed == (
        "public.notes: authenticated can insert no row of public.notes; "
        "at the last release: nothing"
    )
    # A failure is not remembered: it fails again.
    assert len(_told(world.verify(["access"]))) == 1
    world.execute("revoke insert on public.notes from authenticated")
    assert _told(world.verify(["access"])) == []


def _backup(rows: int, ledger_version: int) -> Manifest:
    return Manifest(
        backup_id="one",
        target="test",
        project_ref=None,
        database="test",
        taken_at=datetime(2026, 11, 22, tzinfo=UTC),
        server_version="18.4",
        tool="pg_dump",
        archive="dump",
        archive_bytes=1,
        archive_sha256="0" * 64,
        duration_s=1.0,
        row_counts={"public.notes": rows, "auth.users": 99, "public.gone": 1},
        left_out=(),
        ledger_version=ledger_version,
        platform=None,
        uploaded_to=None,
    )


def test_a_table_that_lost_rows_fails_unless_a_migration_since_says_so(world: World) -> None:
    assert _told(world.verify(["data"], _backup(5, 1))) == []
    assert _told(world.verify(["data"], _backup(6, 1))) == ["public.notes: 5 rows, 6 in the backup"]
    world.write("002_tidy", "-- shipway: loses=public.notes\ndelete from public.notes where id = 1")
    world.migrate()
    assert _told(world.verify(["data"], _backup(5, 1))) == []
    # The backup after it holds the loss already, so it excuses nothing any more.
    assert _told(world.verify(["data"], _backup(5, 2))) == ["public.notes: 4 rows, 5 in the backup"]


@pytest.mark.parametrize(
    ("statement", "name", "detail"),
    [
        (
            "alter table notes add constraint c check (id > 0) not valid",
            "public.notes.c",
            "never checked",
        ),
        (
            "create table small (id int primary key, note int references notes)",
            "public.small.small_note_fkey",
            "note is integer and refers to bigint",
        ),
        (
            "create table s (id smallserial primary key); select setval('s_id_seq', 32000)",
            "public.s.id",
            "32000 of 32767 numbers are used: 2.3% are left",
        ),
        (
            (
                "create table s (id bigserial primary key); alter sequence s_id_seq maxvalue 100;"
                "select setval('s_id_seq', 81)"
            ),
            "public.s.id",
            "81 of 100",
        ),
    ],
)
def test_what_is_wrong_beneath_a_good_schema_is_named(
    world: World, statement: str, name: str, detail: str
) -> None:
    assert world.verify(["data"])[0].outcome is Outcome.PASSED
    world.execute(statement)
    found = [one for one in world.verify(["data"]) if one.name == name and detail in one.detail]
    assert len(found) == 1
    assert found[0].cure


def test_an_index_that_was_left_invalid_is_named(world: World) -> None:
    world.execute("insert into public.notes (t) values ('x')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        world.execute("create unique index concurrently broken on public.notes (t)")
    (failed,) = _told(world.verify(["data"]))
    assert failed.startswith("public.notes.broken: the index is invalid")


LINT = {
    "name": "rls_disabled_in_public",
    "title": "RLS Disabled in Public",
    "level": "ERROR",
    "facing": "EXTERNAL",
    "categories": ["SECURITY"],
    "description": "…",
    "detail": "Table public.old is public",
    "remediation": "https://supabase.com/docs",
    "cache_key": "one",
}


def test_only_new_findings_of_the_platforms_advisors_fail(world: World, platform: Platform) -> None:
    world.platform = platform.supabase()
    platform.control.settings(lints=[LINT])
    results = world.verify(["platform"])
    assert _told(results, Outcome.WARNED) == ["advisors: 1 finding that was there before"]
    assert _told(results) == []
    newer = LINT | {"cache_key": "two", "detail": "Table public.new"}
    slight = LINT | {"cache_key": "three", "level": "INFO", "detail": "Index unused"}
    platform.control.settings(lints=[LINT, newer, slight])
    results = world.verify(["platform"])
    name = "rls_disabled_in_public: new since it last passed:"
    assert _told(results) == [f"{name} Table public.new"]
    assert f"{name} Index unused" in _told(results, Outcome.WARNED)


def test_an_ill_service_a_full_disk_and_a_paused_project_fail(
    world: World, platform: Platform
) -> None:
    world.platform = platform.supabase()
    platform.control.settings(unhealthy={"auth": "no answer"}, readonly=True, status="INACTIVE")
    assert _told(world.verify(["platform"])) == [
        "project: its status is INACTIVE",
        "auth: UNHEALTHY: no answer",
        "read-only mode: the database takes no writes: its disk is nearly full",
    ]


def test_a_token_that_may_not_ask_is_named_and_does_not_fail_the_database(
    world: World, platform: Platform
) -> None:
    world.platform = platform.supabase(token="sbp_" + "0" * 40)
    (result,) = world.verify(["platform"])
    assert result.outcome is Outcome.NOT_CHECKED
    assert "SUPABASE_ACCESS_TOKEN" in result.cure
    world.platform = None
    (result,) = world.verify(["platform"])
    assert result.outcome is Outcome.NOT_CHECKED


def test_the_advisors_are_asked_by_their_new_call_once_the_old_one_is_gone(
    world: World, platform: Platform
) -> None:
    world.platform = platform.supabase()
    platform.control.settings(lints=[LINT])
    platform.control.fault("status", path="v1/.*/advisors", times=None, status=410)
    results = world.verify(["platform"])
    assert _told(results, Outcome.WARNED) == ["advisors: 1 finding that was there before"]
    assert platform.calls("POST", "/v2/projects/") == 2
    unable = LINT | {"name": "advisor_check_unavailable", "cache_key": "x", "detail": "Asleep"}
    platform.control.settings(lints=[LINT, unable])
    platform.control.clear()
    results = world.verify(["platform"])
    assert _told(results) == []
    assert _told(results, Outcome.NOT_CHECKED) == ["advisor_check_unavailable: Asleep"]
