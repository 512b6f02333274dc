"""What fails while cleaning up is added to the first error, and commits nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.cleanup import afterwards, also
from shipway.commands.asked import Asked
from shipway.commands.session import interruption, with_notes
from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.machine.clock import SystemClock
from shipway.edges.postgres import connection as postgres
from shipway.environment import load
from shipway.errors import Failed, Refused
from shipway.steps.journal.journal import Journal
from shipway.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from psycopg.rows import TupleRow

    from shipway.values.basics import Secret


class Broken(Exception):  # noqa: N818 - as it reads in what is told
    """What a library raises."""


def _break() -> None:
    raise Broken("the second\nwith a row of a table")


def _refuse() -> None:
    raise Failed("It still runs.", unchanged="", next_step="kill -QUIT 7")


def _first() -> Refused:
    return Refused("the first error", unchanged="nothing", next_step="none")


def test_every_clean_up_is_made_and_what_fails_in_it_is_added_to_the_first_error() -> None:
    done: list[str] = []
    with pytest.raises(Refused) as raised, afterwards(_break, _refuse, lambda: done.append("last")):
        raise _first()
    assert raised.value.what == "the first error"
    assert raised.value.also == ["Broken: the second", "It still runs. kill -QUIT 7"]
    assert done == ["last"]


def test_a_clean_up_that_fails_after_success_is_the_error_and_the_others_are_made_too() -> None:
    with pytest.raises(Failed) as raised, afterwards(_refuse, _break):
        pass
    assert raised.value.also == ["Broken: the second"]


def test_an_interruption_is_told_with_what_failed_in_cleaning_up_after_it() -> None:
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as raised, afterwards(_refuse):
        raise error
    assert raised.value is error
    told = with_notes(interruption(Asked(command="db.rehearse")), error)
    assert told.also == ["It still runs. kill -QUIT 7"]


@pytest.fixture
def wiring(tmp_path: Path, database_url: Secret) -> Wiring:
    (tmp_path / "tasks.py").write_text("")
    (tmp_path / ".env.t").write_text(f"DATABASE_URL={database_url.reveal()}\n")
    return Wiring(load("t", root=tmp_path))


def _connection(wiring: Wiring) -> psycopg.Connection[TupleRow]:
    """Return a connection as the command opens its own."""
    opened = postgres.connect(wiring.database.url, purpose="test", timeout_s=5)
    return wiring.closing().enter_context(opened)


def _fail(wiring: Wiring, before: Callable[[], object]) -> None:
    with wiring:
        before()
        raise _first()


def test_a_query_that_is_still_under_way_hides_no_error_of_a_command(wiring: Wiring) -> None:
    connection = _connection(wiring)
    with pytest.raises(Refused, match="the first error") as raised:
        _fail(wiring, lambda: connection.pgconn.send_query(b"select pg_sleep(3)"))
    assert raised.value.also == []


def test_nothing_is_committed_on_any_way_out(wiring: Wiring, database_url: Secret) -> None:
    with postgres.connect(database_url, purpose="test", timeout_s=5) as connection:
        connection.execute("begin; create table public.left_open (id int)")
    connection = _connection(wiring)
    with pytest.raises(Refused):
        _fail(wiring, lambda: connection.execute("begin; create table public.left_open (id int)"))
    with psycopg.connect(database_url.reveal()) as connection:
        assert connection.execute("select to_regclass('public.left_open')").fetchone() == (None,)


def test_what_a_commands_own_parts_fail_to_close_is_added_to_its_error(wiring: Wiring) -> None:
    wiring.closing().callback(_refuse)
    wiring.closing().callback(_break)
    with pytest.raises(Refused) as raised:
        _fail(wiring, dict)
    assert sorted(raised.value.also) == ["Broken: the second", "It still runs. kill -QUIT 7"]


def test_a_look_whose_connection_has_died_says_why_it_died(database_url: Secret) -> None:
    dies = "select pg_terminate_backend(pg_backend_pid())"
    with (
        pytest.raises(psycopg.errors.AdminShutdown),
        postgres.connect(database_url, purpose="test", timeout_s=5) as connection,
        postgres.roll_back_after(connection, b"begin"),
    ):
        connection.execute(dies)
    with postgres.connect(database_url, purpose="test", timeout_s=5) as connection:
        answer = Catalog(connection).ask(dies, role=None, claims=None, timeout_s=5)
    assert answer.sqlstate == "57P01"


class _FullDatabase:
    """A place for journals that takes no line any more."""

    name = "the target"

    def lines(self) -> list[str]:
        return []

    def append(self, number: int, line: str) -> None:
        del number, line
        raise psycopg.errors.DiskFull("could not extend file")


def test_a_journal_that_cannot_be_written_hides_no_error() -> None:
    first = _first()
    Journal([_FullDatabase()], SystemClock()).close("failed", "migrate", None, first)
    assert first.also == ["DiskFull: could not extend file"]


def test_an_error_of_another_kind_carries_what_came_second_as_its_note() -> None:
    first = ValueError("first")
    also(first, Broken())
    assert first.__notes__ == ["Broken"]
