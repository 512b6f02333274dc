"""The rehearsal: real migrations on a real copy of a real backup."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.catalog.workload import read_traffic
from shipway.edges.ledger.ledger import Ledger
from shipway.edges.ledger.recorded_schema import RecordedSchemas
from shipway.edges.machine.clock import SystemClock
from shipway.edges.machine.memory import VerifyMemory
from shipway.edges.machine.squawk import find_squawk
from shipway.errors import Failed, MigrationFailed, Refused, VerificationFailed
from shipway.formats.signed_file import read_paper, write_paper
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.sandbox.database.blueprint import Blueprint
from shipway.schema.expectations import Expectations, load_expectations
from shipway.steps.backup.store import MANIFEST, SEAL, ProofTerms, list_backups, open_backup
from shipway.steps.rehearse.rehearse import Beside, rehearse
from shipway.steps.seal.check import (
    refuse_another_base,
    refuse_another_result,
    sealed_schema,
)
from shipway.steps.seal.store import latest_seal
from shipway.steps.verify.before import look_before
from shipway.steps.verify.powers import Means
from shipway.steps.verify.verify import ChecksFailed, verify
from shipway.values.backup import Backup, Grade, Manifest
from shipway.values.basics import Secret, Unproven
from shipway.values.checks import CheckResult, Outcome
from shipway.values.lint import Severity, Weighed
from shipway.values.rehearsal import Query, Reversal, Seal
from tests.fixtures.backing_up import back_up, room
from tests.fixtures.migrating import LIMITS, SAMPLE, Heard, ask, exists, labels, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shipway.edges.copies.rehearsal_room import RehearsalRoom
    from shipway.values.migrations import MigrationPlan

CHECKS = SAMPLE.parent / "checks"
NOTHING_PROMISED = Expectations(tables=(), queries=(), exposed_schemas=("public",), timeout_s=10.0)
NOT_NULL = "alter table public.people alter column email set not null"
OWN_END = """create procedure public.own_end() language plpgsql as $$ begin
    lock table public.people in share mode;
    perform pg_sleep(0.3);
    update public.people set plan = 'x' where id = 1;
    commit;
end $$;
"""
FIRST = {
    "001_people.sql": """
        create table public.people (id int primary key, email text, plan text);
        alter table public.people enable row level security;
        create policy own on public.people for select to authenticated using (true);
        create policy other on public.people for select to authenticated using (not false);
        grant select on public.people to authenticated;
        insert into public.people select n, 'p' || n % 900 || '@x.org', 'free'
          from generate_series(1, 1000) n;
    """,
    "001_people.down.sql": "drop table public.people;",
}


def count_statements(admin_url: Secret, *counted: tuple[str, int]) -> None:
    """Make a view like pg_stat_statements 1.10, which belongs to an extension as the real one does.

    The embedded server has no such extension.
    """
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        rows = sql.SQL(", ").join(
            sql.SQL("({}::text, {}::bigint)").format(query, calls) for query, calls in counted
        )
        connection.execute(
            sql.SQL(
                "create view extensions.pg_stat_statements as select query, calls, "
                "10::oid as userid, true as toplevel, d.oid as dbid "
                "from (values {}) as v (query, calls), pg_database d "
                "where datname = current_database()"
            ).format(rows)
        )
        connection.execute(
            "create view extensions.pg_stat_statements_info as "
            "select 0::bigint as dealloc, now() - interval '1 minute' as stats_reset"
        )
        for name in ("pg_stat_statements", "pg_stat_statements_info"):
            view = sql.Identifier("extensions", name)
            connection.execute(sql.SQL("grant select on {} to public").format(view))
            connection.execute(sql.SQL("alter extension plpgsql add view {}").format(view))


@dataclass
class Stand:
    """A target with its first migration applied, and what a rehearsal needs."""

    url: Secret
    tmp: Path
    heard: Heard = field(default_factory=Heard)
    backup: Backup | None = None
    room: RehearsalRoom | None = None
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def folder(self) -> Path:
        return self.tmp / "migrations"

    def plan(self) -> MigrationPlan:
        with Ledger(self.url, connect_timeout_s=5) as ledger:
            return plan_migrations(read_folder(self.folder), ledger.look())

    def change(self, statement: str) -> None:
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def catalog(self) -> Catalog:
        connection = psycopg.connect(self.url.reveal(), autocommit=True)
        return Catalog(self.opened.enter_context(connection))

    def records(self) -> RecordedSchemas:
        connection = psycopg.connect(self.url.reveal(), autocommit=True)
        self.opened.enter_context(connection)
        return RecordedSchemas(lambda: connection, key=None)

    def back_up(self) -> Backup:
        self.backup = back_up(self.url, self.tmp)
        return self.backup

    def rehearse(
        self, files: Mapping[str, str], expectations: Expectations = NOTHING_PROMISED
    ) -> Seal:
        write(self.folder, files)
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            before = look_before(Catalog(connection), expectations)
        return rehearse(
            self.plan(),
            self.backup or self.back_up(),
            room=self.room or room(self.tmp),
            expectations=expectations,
            beside=Beside(
                before=before,
                serving=Unproven(missing="no code serves production yet", command="invoke release"),
                linter=find_squawk(),
                traffic=self.traffic,
                # Drift is told in tests/stories/database/test_verify.py.
                means=None,
            ),
            limits=LIMITS,
            clock=SystemClock(),
            say=self.heard,
        )

    def traffic(self) -> tuple[Query, ...] | Unproven:
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            return read_traffic(connection)


@pytest.fixture
def stand(database_url: Secret, tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(url=database_url, tmp=tmp_path)
    run(database_url, write(stand.folder, FIRST))
    with stand.opened:
        yield stand


def test_a_rehearsal_proves_the_sample_apps_history_on_a_copy(
    database_url: Secret, tmp_path: Path
) -> None:
    stand = Stand(url=database_url, tmp=tmp_path)
    shutil.copytree(SAMPLE, stand.folder)
    later = {path: path.read_text() for path in stand.folder.glob("00[67]*")}
    for path in later:
        path.unlink()
    run(database_url, stand.folder)
    expectations = load_expectations(CHECKS, exposed_schemas=("public",), timeout_s=10.0)

    seal = stand.rehearse({path.name: text for path, text in later.items()}, expectations)

    assert seal.grade is Grade.REHEARSED
    assert seal.comparable
    assert seal.base_fingerprint != seal.result_fingerprint
    assert [one.reversal for one in seal.migrations] == [Reversal.REVERSIBLE] * 2
    assert seal.restored.errors == ()
    assert len(labels(database_url)) == 5
    assert not exists(database_url, "public.api_audit_log")
    assert stand.backup is not None
    assert open_backup(stand.backup.directory).grade is Grade.REHEARSED
    assert read_paper(stand.backup.directory / SEAL, "seal", Seal) == seal
    assert list((tmp_path / "rehearsals").iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("alter table public.people add constraint one unique (email)", "23505"),
        ("alter table public.people alter column plan type int using plan::int", "22P02"),
        ("update public.people set email = null where id = 7; " + NOT_NULL, "23502"),
    ],
)
def test_what_only_the_data_can_refuse_fails_on_the_copy_and_the_target_is_untouched(
    stand: Stand, statement: str, sqlstate: str
) -> None:
    with pytest.raises(MigrationFailed, match=sqlstate) as stopped:
        stand.rehearse({"002_strict.sql": statement})

    assert "002_strict.sql" in stopped.value.what
    assert "not touched" in stopped.value.unchanged
    assert labels(stand.url) == ["001_people"]
    assert ask(stand.url, "select count(*) from public.people") == [(1000,)]
    assert list((stand.tmp / "rehearsals").iterdir()) == []


def test_a_file_that_the_copys_server_cannot_take_is_named_before_any_file_runs(
    stand: Stand,
) -> None:
    files = {
        "002_fails.sql": "select 1 / 0;",
        "003_places.sql": "select 1;\ncreate extension if not exists postgis;",
    }
    backup = stand.back_up()
    offered = (*(backup.manifest.offered or ()), "postgis")
    stand.backup = replace(backup, manifest=replace(backup.manifest, offered=offered))
    with pytest.raises(Refused, match=r"003_places\.sql .* line 2 .* postgis") as stopped:
        stand.rehearse(files)

    assert "has not and the target offers" in stopped.value.what
    assert "was not tried" in stopped.value.unchanged
    assert "SHIPWAY_REHEARSE_ON" in stopped.value.next_step
    assert stopped.value.next_step.endswith("invoke release --without-rehearsal REASON")
    assert labels(stand.url) == ["001_people"]


def test_a_file_that_the_target_cannot_take_fails_before_any_file_runs(stand: Stand) -> None:
    # The copy's server has a stand-in for it: the target is what counts.
    files = {
        "002_fails.sql": "select 1 / 0;",
        "003_calls.sql": "select 1;\ncreate extension if not exists http;",
    }
    with pytest.raises(
        MigrationFailed, match=r"003_calls\.sql, line 2: the target does not offer extension http"
    ) as stopped:
        stand.rehearse(files)

    assert "No file ran" in stopped.value.unchanged
    assert labels(stand.url) == ["001_people"]


def test_a_stand_in_that_a_pending_file_made_is_told_like_those_of_the_restore(
    stand: Stand,
) -> None:
    backup = stand.back_up()
    offered = (*(backup.manifest.offered or ()), "http")
    stand.backup = replace(backup, manifest=replace(backup.manifest, offered=offered))

    seal = stand.rehearse(
        {"002_calls.sql": "do $$ begin create extension http; end $$;", "003_off.sql": "select 1"}
    )

    assert seal.restored.stand_ins == ("http",)
    assert any("made stand-ins on the copy" in one for one in stand.heard.notes)
    assert read_paper(stand.backup.directory / SEAL, "seal", Seal) == seal


def test_a_file_that_fails_for_a_stand_in_that_it_made_itself_is_not_blamed(stand: Stand) -> None:
    backup = stand.back_up()
    offered = (*(backup.manifest.offered or ()), "http")
    stand.backup = replace(backup, manifest=replace(backup.manifest, offered=offered))

    with pytest.raises(MigrationFailed, match="http_of_later") as stopped:
        stand.rehearse({"002_calls.sql": "create extension http; select http_of_later('x');"})

    assert "what its stand-ins do not do (http)" in stopped.value.next_step


def test_each_statement_is_measured_and_its_dangers_are_found(stand: Stand) -> None:
    seal = stand.rehearse(
        {
            "002_harmless.sql": "alter table public.people add age int;",
            "003_wide.sql": "\n\nalter table public.people alter id type bigint;",
            "004_many.sql": "insert into public.people select n, null, 'x' from "
            "generate_series(2000, 14000) n; update public.people set plan = 'pro';",
            "005_open.sql": "drop policy own on public.people; create schema open_use; "
            "create table open_use.notes (n int); grant all on open_use.notes to anon;",
            "006_index.sql": "create index concurrently people_email on public.people (email);",
            "007_own_end.sql": OWN_END + "call public.own_end();",
            "008_new.sql": "create schema inner_use; create table inner_use.new (n int);"
            "drop policy other on public.people;"
            "create policy other on public.people for select to authenticated using (not false);",
            "009_once.sql": "alter table inner_use.new add constraint once unique (n);",
        }
    )

    by_file = {one.migration: one for one in seal.statements}
    assert by_file["002_harmless"].rewritten == ()
    wide = by_file["003_wide"]
    assert wide.line == 3
    assert "AccessExclusiveLock on public.people" in wide.locks
    assert "public.people" in wide.rewritten
    assert wide.wal_bytes > 0
    assert by_file["004_many"].rows_changed == 13001
    index = by_file["006_index"]
    assert index.text.startswith("create index concurrently")
    assert (index.rows_changed, index.rewritten) == (0, ())
    *_, call = [one for one in seal.statements if one.migration == "007_own_end"]
    assert call.text == "call public.own_end()"
    assert "ShareLock on public.people" in call.locks, "it is gone when the statement ends"
    assert call.rows_changed == 1
    assert len([one for one in seal.statements if one.migration == "007_own_end"]) == 2
    said = [f"{one.severity} {one.migration} {one.what}" for one in seal.findings]
    assert not any("002_harmless" in one for one in said)
    assert any("003_wide" in one and "(1 000 rows)" in one for one in said)
    assert any("warning 004_many" in one and "13 001 rows" in one for one in said)
    assert any(
        one.startswith("serious") and "policy public.people.own is gone" in one for one in said
    )
    assert any("anon gets" in one for one in said)
    assert any("is gone" in text for text in stand.heard.warnings)
    weighed = {(one.migration, one.rule): one for one in seal.lint.findings}
    new = weighed["009_once", "squawk/disallowed-unique-constraint"]
    assert new.weighed is Weighed.REFUTED
    assert new.measured.startswith("took no lock on a table that was there")
    assert weighed["008_new", "shipway/policy-dropped"].weighed is Weighed.REFUTED
    assert weighed["005_open", "shipway/policy-dropped"].measured == "gone for good"
    assert weighed["005_open", "shipway/grant-to-everyone"].weighed is Weighed.CONFIRMED
    every = weighed["004_many", "shipway/no-where"]
    assert (every.weighed, every.severity) == (Weighed.CONFIRMED, Severity.SERIOUS)
    assert "changed 13 001 rows" in every.measured
    assert "002_harmless" not in {one.migration for one in seal.lint.findings}


def test_the_targets_own_queries_tell_who_would_wait(stand: Stand, admin_url: Secret) -> None:
    count_statements(
        admin_url,
        ("select email from people where id = $1", 12_000),
        ("update public.people set plan = $1 where id = $2", 600),
        ("select 1; drop table public.people", 9_000),
        ("select * from gone_by_now", 9_000),
    )
    long = "-- shipway: statement_timeout=0s\nalter table public.people "

    seal = stand.rehearse(
        {
            "002_index.sql": "create index people_plan on public.people (plan);",
            "003_long.sql": long + "add age int; select pg_sleep(1.1);",
        }
    )

    index, alter, slept = seal.statements
    assert seal.traffic_unknown == ""
    assert [one.text for one in index.queued] == [
        "update public.people set plan = $1 where id = $2"
    ]
    assert [one.text.split()[0] for one in alter.queued] == ["select", "update"]
    assert alter.queued_per_minute == sum(one.per_minute for one in alter.queued)
    assert alter.held_ms == round(alter.duration_ms + slept.duration_ms, 3)
    (found,) = [one for one in seal.findings if one.migration == "003_long"]
    assert found.severity is Severity.SERIOUS
    assert "keeps readers and writers out for" in found.what
    assert "2 queries of the target would wait, " in found.what
    assert "most often: select email from people where id = $1" in found.what


def test_why_nobody_knows_who_would_wait_is_said(stand: Stand, admin_url: Secret) -> None:
    assert stand.traffic() == Unproven(
        missing="the target has no pg_stat_statements",
        command="create extension pg_stat_statements",
    )
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute("create table public.pg_stat_statements (query text)")
    assert isinstance(stand.traffic(), Unproven), "anyone can make a table of that name"

    count_statements(admin_url, ("<insufficient privilege>", 500))

    unknown = stand.traffic()
    assert isinstance(unknown, Unproven)
    assert "pg_read_all_stats" in unknown.missing


def test_a_large_backup_is_rehearsed_on_a_sample_whose_keys_hold(stand: Stand) -> None:
    stand.change(
        """create schema app;
        create table app.plans (name text primary key, boss int references public.people);
        insert into app.plans select 'plan ' || n, n from generate_series(1, 50) n;
        create table app.visits (id int primary key, person int references public.people,
          plan text references app.plans, before int references app.visits);
        insert into app.visits select n, n * 7 % 1000 + 1, 'plan ' || n % 50 + 1, nullif(n - 1, 0)
          from generate_series(1, 3000) n;
        create function app.shout() returns trigger language plpgsql
          as $$ begin raise exception 'no trigger runs here'; end $$;
        create trigger shout before insert or delete on app.visits execute function app.shout();
        create materialized view app.some as select count(*) as n from public.people;"""
    )
    stand.room = room(stand.tmp, whole_up_to_bytes=1, most_rows=100)

    seal = stand.rehearse({"002_age.sql": "alter table public.people add age int default 1;"})

    sampled = {one.name: (one.rows, one.of_rows) for one in seal.restored.sample}
    assert sampled["public.people"] == (100, 1000)
    assert sampled["app.visits"] == (14, 3000), "the 15th is of a person who is not there"
    assert "app.plans" not in sampled, "each of them names one of the first people"
    assert seal.comparable, "the keys are as valid as on the target"
    assert seal.grade is Grade.LISTS
    assert "the whole backup restores" in seal.restored.partly
    assert any("up to 100 rows of each table" in text for text in stand.heard.warnings)
    assert any("not proven by this rehearsal" in text for text in stand.heard.warnings)
    assert stand.backup is not None
    assert open_backup(stand.backup.directory).grade is Grade.LISTS
    stand.change("alter table public.people add sneaked int")
    with pytest.raises(Refused, match="sneaked"):
        refuse_another_base(
            seal,
            stand.plan(),
            looker=stand.catalog(),
            folder=stand.tmp / "backups",
            say=stand.heard,
        )


def test_an_undo_is_proven_or_refuted_for_each_migration(stand: Stand) -> None:
    seal = stand.rehearse(
        {
            "002_age.sql": "alter table public.people add age int;",
            "003_born.sql": "alter table public.people add born int;",
            "003_born.down.sql": "select 1;",
            "004_no_plan.sql": "alter table public.people drop plan;",
            "004_no_plan.down.sql": "alter table public.people add plan text;",
            "005_tag.sql": "create table public.tag (n int); insert into public.tag values (1);"
            "alter table public.tag enable row level security;"
            "create policy all_of_it on public.tag for select to authenticated using (true);"
            "grant select on public.tag to authenticated;",
            "005_tag.down.sql": "drop table public.tag;",
        }
    )

    found = [(one.reversal, one.detail) for one in seal.migrations]
    assert [reversal for reversal, _ in found] == [
        Reversal.NOT_REACHED,
        Reversal.IRREVERSIBLE,
        Reversal.LOSSY,
        Reversal.REVERSIBLE,
    ]
    assert "public.people.born" in found[1][1]
    assert found[2][1] == "1000 values of public.people.plan do not come back"
    assert "public.tag (1 row)" in found[3][1]


def test_a_copys_roles_inherit_what_the_targets_do_and_no_more(
    stand: Stand, admin_url: Secret
) -> None:
    asked = (
        "do $$ begin if pg_has_role('no_heir', 'estate', 'usage') "
        "or not pg_has_role('heir', 'estate', 'usage') then raise 'another role'; end if; end $$;"
    )
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute(
            "create role estate; create role heir noinherit; create role no_heir;"
            "grant estate to heir with inherit true; grant estate to no_heir with inherit false"
        )
        try:
            assert stand.rehearse({"002_asks.sql": asked}).comparable
        finally:
            connection.execute("drop role heir; drop role no_heir; drop role estate")


def test_checks_that_fail_on_the_migrated_copy_stop_before_the_target(stand: Stand) -> None:
    with pytest.raises(VerificationFailed, match="migrated copy") as stopped:
        stand.rehearse({"002_bare.sql": "alter table public.people disable row level security;"})

    assert "public.people" in stopped.value.what
    assert "not touched" in stopped.value.unchanged
    assert labels(stand.url) == ["001_people"]
    assert any("is switched off" in text for text in stand.heard.warnings)


def test_a_backup_whose_counts_differ_is_no_backup(stand: Stand) -> None:
    backup = stand.back_up()
    manifest = read_paper(backup.directory / MANIFEST, "manifest", Manifest)
    counts = {**manifest.row_counts, "public.people": 1001}
    stand.backup = Backup(
        directory=backup.directory,
        grade=backup.grade,
        manifest=replace(manifest, row_counts=counts),
    )
    write_paper(backup.directory / MANIFEST, "manifest", stand.backup.manifest)

    with pytest.raises(Failed, match=r"public\.people has 1000 rows instead of 1001"):
        stand.rehearse({"002_age.sql": "alter table public.people add age int;"})

    assert list_backups(stand.tmp / "backups").backups[0].grade is Grade.LISTS


def test_with_nothing_pending_the_backup_itself_is_proven(stand: Stand) -> None:
    left = stand.tmp / "rehearsals" / "999999999-abcdef"
    left.mkdir(parents=True)

    seal = stand.rehearse({})

    assert not left.exists(), "what a killed rehearsal left is swept"
    assert seal.migrations == ()
    assert seal.base_fingerprint == seal.result_fingerprint
    assert seal.grade is Grade.CHECKED


def test_a_seal_holds_until_the_files_or_the_target_change(stand: Stand) -> None:
    files = {"002_age.sql": "alter table public.people add age int;"}
    seal = stand.rehearse(files)
    folder = stand.tmp / "backups"

    def found(age_s: float = 0.0) -> Seal | Unproven:
        now = seal.at + timedelta(seconds=age_s)
        terms = ProofTerms(target="staging", project_ref=None, now=now, max_age_s=3600.0)
        return latest_seal(folder, stand.plan(), terms)

    def guard() -> None:
        looker = stand.catalog()
        refuse_another_base(seal, stand.plan(), looker=looker, folder=folder, say=stand.heard)

    guard()
    assert found() == seal
    assert isinstance(found(age_s=3601), Unproven)
    stand.change("alter table public.people add sneaked int")
    with pytest.raises(Refused, match=r"column public\.people\.sneaked: unexpected now"):
        guard()
    stand.change("alter table public.people drop sneaked")
    run(stand.url, stand.folder)
    refuse_another_result(seal, looker=stand.catalog(), folder=folder, say=stand.heard)
    stand.change("alter table public.people alter age type bigint")
    with pytest.raises(VerificationFailed, match=r"people\.age.*bigint, expected integer"):
        refuse_another_result(seal, looker=stand.catalog(), folder=folder, say=stand.heard)
    write(stand.folder, {"003_more.sql": "select 1;"})
    assert isinstance(found(), Unproven)
    with pytest.raises(Refused, match="not those that were rehearsed"):
        guard()


def test_where_the_files_cannot_tell_the_schema_is_held_against_the_rehearsals(
    stand: Stand,
) -> None:
    stand.rehearse({"002_age.sql": "alter table public.people add age int;"})
    run(stand.url, stand.folder)
    write(stand.folder, {"001_people.sql": "select 'edited after it was applied'"})

    def looked() -> tuple[CheckResult, ...]:
        means = Means(
            files=read_folder(stand.folder),
            blueprint=Blueprint(stand.tmp / "blueprint", clock=SystemClock()),
            records=stand.records(),
            memory=VerifyMemory(stand.tmp / "verified.json"),
            sealed=partial(
                sealed_schema, stand.tmp / "backups", target="staging", project_ref=None
            ),
            platform=None,
        )
        try:
            return verify(
                NOTHING_PROMISED,
                database=stand.catalog(),
                clock=SystemClock(),
                say=stand.heard,
                means=means,
                only=["schema"],
            ).results
        except ChecksFailed as failed:
            return failed.checks.results

    (passed,) = looked()
    assert passed.outcome is Outcome.PASSED
    assert (
        "the same as after the last rehearsal (no schema is recorded in the target; 001_people.sql "
        in passed.detail
    )
    assert passed.duration_ms > 0
    stand.change("alter table public.people alter age type bigint")
    (failed,) = looked()
    assert failed.detail == "bigint, expected integer"
    assert "changed by hand" in failed.cure
    with Ledger(stand.url, connect_timeout_s=5) as ledger:
        applied = ledger.look().applied
    by_seal = partial(sealed_schema, stand.tmp / "backups", project_ref=None)
    assert by_seal(applied, target="another") is None
    assert by_seal(applied[:1], target="staging") is None


def test_what_a_restore_cannot_find_for_want_of_a_search_path_is_named_with_its_schema(
    stand: Stand,
) -> None:
    stand.change(
        # The search path that every hosted project has finds what is in public.
        "create schema app; create schema tools; set search_path = tools;"
        "create function tools.b36(v bytea) returns text language sql immutable strict"
        " as $$ select encode(v, 'hex') $$;"
        "create function tools.b36(v uuid) returns text language sql immutable strict"
        " as $$ select b36(decode(replace(v::text, '-', ''), 'hex')) $$;"
        "create table app.item (id uuid primary key,"
        " short text generated always as (tools.b36(id)) stored)"
    )
    stand.back_up()
    with pytest.raises(Refused) as stopped:
        stand.rehearse({})
    assert "A restore runs with an empty search_path, so tools.b36" in stopped.value.next_step
    assert "set search_path = tools;" in stopped.value.next_step
    assert "An owner" not in stopped.value.next_step
