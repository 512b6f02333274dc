"""What a target's schema should be, as it is recorded there: whatever its files make elsewhere."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.ledger.recorded_schema import RecordedSchemas
from shipway.edges.machine.clock import SystemClock
from shipway.errors import Failed, Refused
from shipway.steps.verify.drift import drift, plan_adoption
from shipway.steps.verify.recorded_schema import adopt_schema, keep_schema, recording
from shipway.values.basics import Secret
from shipway.values.checks import Outcome
from shipway.values.recorded import Basis
from tests.fixtures.migrating import Heard
from tests.steps.verify.test_verify_powers import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MADE_IN_THE_DASHBOARD = "create table public.orders (id int primary key, total int)"
BEGINS_IN_THE_MIDST = "alter table public.orders add column note text"
REBUILDS = "create table public.orders (id int primary key)"


@pytest.fixture
def world(database_url: Secret, tmp_path: Path) -> Iterator[World]:
    world = World(database_url, tmp_path)
    with world.opened:
        yield world


@contextmanager
def _recording(world: World, *, adopts: bool = False) -> Iterator[Heard]:
    heard = Heard()
    catalog = Catalog(world.beside)
    with recording(catalog, world.records, clock=SystemClock(), say=heard, adopts=adopts):
        yield heard


def _run(world: World, number: int, text: str) -> None:
    world.write(f"{number:03}_change", text)
    with _recording(world):
        world.migrate()


def _adopted(world: World) -> None:
    """Leave a database whose history begins in its midst, taken over as it is."""
    world.execute(MADE_IN_THE_DASHBOARD)
    world.write("001_change", BEGINS_IN_THE_MIDST)
    with _recording(world, adopts=True):
        world.migrate()


def _drifts(world: World) -> list[str]:
    return [one.said for one in drift(Catalog(world.beside), means=world.means).differences]


def _unknown(world: World) -> str:
    with pytest.raises(Refused) as stopped:
        drift(Catalog(world.beside), means=world.means)
    assert "rolled back" not in f"{stopped.value.what} {stopped.value.unchanged}"
    assert stopped.value.unchanged == "The database was only looked at."
    return stopped.value.what


def test_a_history_that_begins_in_the_midst_is_held_against_what_was_taken_over(
    world: World,
) -> None:
    _adopted(world)
    assert _drifts(world) == []
    (passed,) = world.verify(["schema"])
    assert passed.outcome is Outcome.PASSED
    assert "recorded in the target after 001_change" in passed.detail
    _run(world, 2, "create table public.bills (id int)")
    assert _drifts(world) == []
    world.execute("drop table public.bills; alter table public.orders add column by_hand int")
    assert _drifts(world) == [
        "public.bills: the table is missing",
        "public.orders.by_hand: no migration makes this column (integer)",
    ]
    failed = [one for one in world.verify(["schema"]) if one.outcome is Outcome.FAILED]
    assert all("invoke db.adopt --schema" in one.cure for one in failed)


def test_without_a_record_such_a_history_is_not_checked_and_nothing_speaks_of_a_rollback(
    world: World,
) -> None:
    world.execute(MADE_IN_THE_DASHBOARD)
    world.write("001_change", BEGINS_IN_THE_MIDST)
    world.migrate()
    what = _unknown(world)
    assert what.startswith("Not checked: what the schema should be is not known: no schema is ")
    assert 'relation "public.orders" does not exist' in what
    (result,) = world.verify(["schema"])
    assert result.outcome is Outcome.NOT_CHECKED


def test_what_was_changed_by_hand_is_not_forgotten_over_the_next_runs(world: World) -> None:
    _adopted(world)
    world.execute(
        "alter table public.orders add column by_hand int, drop column total, "
        "alter column note set default 'x'"
    )
    told = [
        "public.orders.by_hand: no migration makes this column (integer)",
        "public.orders.note: default 'x'::text, expected none",
        "public.orders.total: the column is missing (integer)",
    ]
    assert _drifts(world) == told
    for number in (2, 3):
        _run(world, number, f"alter table public.orders add column c{number} int")
        assert _drifts(world) == told
    _run(world, 4, "alter table public.orders drop column by_hand, alter note drop default")
    assert _drifts(world) == told[2:]


def test_what_a_migration_writes_down_of_it_is_no_drift_where_the_files_make_the_database(
    world: World,
) -> None:
    _run(world, 1, REBUILDS)
    world.execute("alter table public.orders add column by_hand int")
    assert len(_drifts(world)) == 1
    _run(world, 2, "alter table public.orders add column if not exists by_hand int")
    assert _drifts(world) == []


def test_what_stood_before_the_first_file_is_no_drift_though_no_file_makes_it(
    world: World,
) -> None:
    world.execute("create table public.older (id int)")
    _run(world, 1, REBUILDS)
    assert _drifts(world) == []
    world.execute("alter table public.older add column by_hand int")
    assert _drifts(world) == ["public.older.by_hand: no migration makes this column (integer)"]


def test_a_target_that_an_older_shipway_has_migrated_is_held_against_its_files_first(
    world: World,
) -> None:
    world.write("001_change", REBUILDS)
    world.migrate()
    world.execute("alter table public.orders add column by_hand int")
    _run(world, 2, "create table public.bills (id int)")
    record = world.records.read()
    assert record is not None
    assert record.basis is Basis.FOUND
    assert _drifts(world) == ["public.orders.by_hand: no migration makes this column (integer)"]


def test_a_person_takes_what_is_there_for_what_should_be_there(world: World) -> None:
    _adopted(world)
    world.execute("alter table public.orders add column by_hand int")
    catalog = Catalog(world.beside)
    plan = plan_adoption(catalog, means=world.means)
    assert [one.said for one in plan.differences] == _drifts(world)
    adopt_schema(catalog, world.records, clock=SystemClock())
    assert _drifts(world) == []
    _run(world, 2, "create table public.bills (id int)")
    assert _drifts(world) == []


def test_a_run_that_fails_records_the_files_that_stay(world: World) -> None:
    _adopted(world)
    world.write("002_change", "create table public.bills (id int)")
    world.write("003_change", "select 1 / 0")
    with pytest.raises(Exception, match="division by zero"), _recording(world):
        world.migrate()
    record = world.records.read()
    assert record is not None
    assert record.newest == "002_change"
    assert _drifts(world) == []


def _spoilt(world: World, paper: bytes) -> None:
    with psycopg.connect(world.url.reveal(), autocommit=True) as connection:
        connection.execute("update shipway.recorded_schema set paper = %s", [paper])


def test_a_record_that_another_hand_has_changed_does_not_count_and_is_told(world: World) -> None:
    _adopted(world)
    paper = _paper(world)
    _spoilt(world, zlib.compress(paper.replace(b'"total"', b'"taken"')))
    assert "was changed after it was written" in _unknown(world)
    _spoilt(world, b"no paper at all")
    assert "is damaged" in _unknown(world)
    _spoilt(world, zlib.compress(paper.replace(b'"format":1', b'"format":2')))
    assert "written by a newer shipway: it has the format 2" in _unknown(world)
    _spoilt(world, zlib.compress(paper))
    assert _drifts(world) == []
    world.key = Secret("k" * 40)
    assert "is not signed, and a signing key is set" in _unknown(world)
    adopt_schema(Catalog(world.beside), world.records, clock=SystemClock())
    assert _drifts(world) == []
    world.key = Secret("another" * 6)
    assert "is not signed with the key that is set" in _unknown(world)


def _paper(world: World) -> bytes:
    with psycopg.connect(world.url.reveal(), autocommit=True) as connection:
        row = connection.execute("select paper from shipway.recorded_schema").fetchone()
    assert row is not None
    return zlib.decompress(row[0])


def test_a_record_of_another_ledger_or_another_shipway_does_not_count(world: World) -> None:
    _adopted(world)
    paper = _paper(world)
    world.write("002_change", "create table public.bills (id int)")
    world.migrate()  # and was cut off before it was recorded
    assert "is that after 001_change, and the ledger is another one now" in _unknown(world)
    world.execute("delete from shipway.migrations where version = 2; drop table public.bills")
    assert _drifts(world) == []
    (world.folder / "002_change.sql").unlink()
    (world.folder / "002_change.down.sql").unlink()
    record = world.records.read()
    assert record is not None
    other = paper.replace(record.reader.encode(), b"f" * 64)
    _spoilt(world, zlib.compress(other))
    assert "was changed after it was written" in _unknown(world)


def test_what_may_not_be_read_or_written_is_told_and_stops_nothing(world: World) -> None:
    _adopted(world)
    world.execute(
        "drop table shipway.recorded_schema; create role looker login password 'pw';"
        "grant usage on schema shipway to looker"
    )
    place = world.url.reveal().rpartition("@")[2]
    with psycopg.connect(f"postgresql://looker:pw@{place}", autocommit=True) as connection:
        heard, records = Heard(), RecordedSchemas(lambda: connection, key=None)
        keep_schema(Catalog(world.beside), records, clock=SystemClock(), say=heard)
        (warned,) = heard.warnings
        assert "is not recorded: the recorded schema cannot be written: permission" in warned
        _run(world, 2, "create table public.bills (id int)")
        with pytest.raises(Failed, match="cannot be read: The role looker may not read"):
            records.read()
    world.execute("revoke usage on schema shipway from looker; drop role looker")
