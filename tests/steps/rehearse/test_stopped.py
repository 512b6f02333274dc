"""A rehearsal that is stopped, or that loses its copy, says nothing of the copy to an operator."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Final

import psycopg
import pytest

from shipway.errors import Interrupted, MigrationFailed, OutcomeUnknown, Stopped
from tests.edges.copies.test_own_server import room_on
from tests.fixtures.migrating import labels, run, write
from tests.fixtures.own_server import Own, own_server
from tests.steps.rehearse.test_rehearse import FIRST, Stand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shipway.values.basics import Secret

LONG: Final = "select pg_sleep(30);"
IN_PARTS: Final = "vacuum public.people;\nselect pg_sleep(30);"
UNTIL_ONE_IS_GONE: Final = (
    "select pg_sleep(30) from (select count(*) n from public.people) p where n < 1000;"
)
"""It sleeps when it is run again, for its down script has lost a row."""
_WAIT_S: Final = 60.0


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    with own_server(tmp_path_factory.mktemp("own")) as running:
        yield running


@pytest.fixture
def stand(own: Own, database_url: Secret, tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(url=database_url, tmp=tmp_path, room=room_on(own.url(), tmp_path, database_url))
    run(database_url, write(stand.folder, FIRST))
    with stand.opened:
        yield stand


def stop_it(_pid: int, _connection: psycopg.Connection[tuple[int]]) -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def end_it(pid: int, connection: psycopg.Connection[tuple[int]]) -> None:
    connection.execute("select pg_terminate_backend(%s)", [pid])


def once_it_sleeps(own: Own, act: Callable[[int, psycopg.Connection[tuple[int]]], None]) -> None:
    """Act when a file has come to its long statement on the copy."""
    sleeping = "select pid from pg_stat_activity where wait_event = 'PgSleep'"
    late = time.monotonic() + _WAIT_S
    with psycopg.connect(own.url().reveal(), autocommit=True) as connection:
        while time.monotonic() < late:
            for (pid,) in connection.execute(sleeping).fetchall():
                act(pid, connection)
                return
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("act", "kind"), [(stop_it, Interrupted), (end_it, (MigrationFailed, OutcomeUnknown))]
)
@pytest.mark.parametrize(
    "files",
    [
        {"002_long.sql": LONG},
        {"002_long.sql": IN_PARTS},
        {"002_fast.sql": "select 1;", "003_long.sql": LONG},
    ],
)
def test_what_ends_a_file_on_the_copy_is_told_of_the_target_and_leads_to_another_rehearsal(
    stand: Stand,
    own: Own,
    act: Callable[[int, psycopg.Connection[tuple[int]]], None],
    kind: type[Stopped] | tuple[type[Stopped], ...],
    files: dict[str, str],
) -> None:
    actor = threading.Thread(target=once_it_sleeps, args=(own, act))
    actor.start()
    with pytest.raises(kind) as caught:
        stand.rehearse(files)
    actor.join()
    stopped = caught.value
    assert stopped.what.startswith("The rehearsal ")
    assert stopped.unchanged.startswith("The target was not touched")
    assert "invoke db.rehearse" in stopped.next_step
    assert "db.migrate" not in stopped.next_step
    assert "db.status" not in stopped.next_step
    assert "too" not in stopped.next_step
    assert labels(stand.url) == ["001_people"]


@pytest.mark.parametrize(
    "files",
    [
        {"002_f.sql": "select 1;", "002_f.down.sql": LONG},
        {
            "002_f.sql": UNTIL_ONE_IS_GONE,
            "002_f.down.sql": "delete from public.people where id = 1000;",
        },
    ],
)
def test_who_stops_it_while_files_are_undone_has_not_shown_that_they_cannot_be(
    stand: Stand, own: Own, files: dict[str, str]
) -> None:
    actor = threading.Thread(target=once_it_sleeps, args=(own, stop_it))
    actor.start()
    with pytest.raises(Interrupted) as caught:
        stand.rehearse(files)
    actor.join()
    assert caught.value.unchanged.startswith("The target was not touched")
    assert caught.value.next_step == "Rehearse again: invoke db.rehearse"
