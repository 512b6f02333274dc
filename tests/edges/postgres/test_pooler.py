"""Poolers: those that share sessions are recognised and refused, and nothing is left in them.

Each test runs on the stand-in of `tests/fixtures/pooling.py`; marked `cli`, on the real PgBouncer
too.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.dump.dump import PgDump
from shipway.edges.ledger.ledger import Ledger
from shipway.edges.postgres.advisory_lock import hold
from shipway.edges.postgres.connection import connect
from shipway.edges.postgres.pooler import connect_session
from shipway.errors import Refused
from shipway.values.basics import Secret
from tests.fixtures.migrating import ask
from tests.fixtures.pgbouncer import pgbouncer
from tests.fixtures.pooling import Pooler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REF = "abcdefghijklmnopqrst"
ADVISORY = "select count(*) from pg_locks where locktype = 'advisory'"


@contextmanager
def stand_in(
    url: Secret, *, mode: str, size: int = 20, wait_s: int = 120, round_robin: bool = False
) -> Iterator[Secret]:
    with Pooler(
        url,
        size=size,
        mode=mode,  # type: ignore[arg-type]
        round_robin=round_robin,
        wait_s=wait_s,
    ) as pooler:
        yield pooler.url


def real(
    url: Secret, *, mode: str, size: int = 20, wait_s: int = 120, round_robin: bool = False
) -> AbstractContextManager[Secret]:
    return pgbouncer(
        url,
        mode=mode,
        size=size,
        query_wait_timeout=wait_s,
        server_round_robin=int(round_robin),
    )


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.cli)])
def pooler(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[Secret]]:
    return stand_in if request.param == "stand-in" else real


@contextmanager
def busy(url: Secret, clients: int) -> Iterator[None]:
    """Keep some server sessions of a pooler known to it, as an app's traffic does."""
    with psycopg.connect(url.reveal(), autocommit=True) as first:
        others = [psycopg.connect(url.reveal(), autocommit=True) for _ in range(clients)]
        for one in others:
            one.execute("begin")
        for one in others:
            one.execute("commit")
        first.execute("select 1")
        yield
        for one in others:
            one.close()


@pytest.mark.parametrize("round_robin", [False, True])
@pytest.mark.parametrize("sessions", [0, 1, 4])
def test_a_transaction_pooler_is_recognised_whichever_session_it_gives_out(
    pooler: Callable[..., AbstractContextManager[Secret]],
    database_url: Secret,
    sessions: int,
    round_robin: bool,  # noqa: FBT001 - a column of the table
) -> None:
    with (
        pooler(database_url, mode="transaction", round_robin=round_robin) as url,
        busy(url, sessions),
        pytest.raises(Refused, match="a transaction pooler is between") as stopped,
    ):
        connect_session(url, purpose="test", timeout_s=5)
    assert "pool_mode = session" in stopped.value.next_step


def test_a_transaction_pooler_of_one_session_is_recognised(
    pooler: Callable[..., AbstractContextManager[Secret]], database_url: Secret
) -> None:
    with (
        pooler(database_url, mode="transaction", size=1) as url,
        pytest.raises(Refused, match="a transaction pooler is between"),
    ):
        connect_session(url, purpose="test", timeout_s=5)


def test_a_statement_pooler_is_refused_by_every_connection(
    pooler: Callable[..., AbstractContextManager[Secret]], database_url: Secret
) -> None:
    with (
        pooler(database_url, mode="statement") as url,
        pytest.raises(Refused, match="hands out its sessions for single statements"),
    ):
        connect(url, purpose="test", timeout_s=5)


@pytest.mark.parametrize("sessions", [0, 4])
def test_a_session_pooler_is_welcome(
    pooler: Callable[..., AbstractContextManager[Secret]], database_url: Secret, sessions: int
) -> None:
    with pooler(database_url, mode="session") as url, busy(url, sessions):
        for _ in range(3):
            connect_session(url, purpose="test", timeout_s=5).close()


def test_a_session_pooler_that_has_but_one_session_is_welcome_too(
    pooler: Callable[..., AbstractContextManager[Secret]], database_url: Secret
) -> None:
    with pooler(database_url, mode="session", size=1) as url:
        began = time.monotonic()
        connect_session(url, purpose="test", timeout_s=5).close()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("wait_s", [1, 120])
def test_a_pool_that_is_used_up_is_told_within_seconds_with_its_size(
    pooler: Callable[..., AbstractContextManager[Secret]], database_url: Secret, wait_s: int
) -> None:
    with (
        pooler(database_url, mode="session", size=1, wait_s=wait_s) as url,
        connect_session(url, purpose="test", timeout_s=5),
    ):
        began = time.monotonic()
        with pytest.raises(Refused, match="has no connection left") as stopped:
            connect(url, purpose="test", timeout_s=2)
    assert time.monotonic() - began < 5
    assert "default_pool_size" in stopped.value.next_step


def _lock(url: Secret) -> None:
    with hold(url, owner="test", timeout_s=5):
        raise AssertionError("held through a transaction pooler")


def _ledger(url: Secret) -> None:
    Ledger(url, connect_timeout_s=5)


def _dump(url: Secret) -> None:
    from pathlib import Path  # noqa: PLC0415 - for this one

    PgDump(url=url, connect_timeout_s=5).dump(Path("nowhere"), progress=print)


@pytest.mark.parametrize("begin", [_lock, _ledger, _dump])
def test_nothing_is_left_in_the_sessions_of_a_pooler_that_was_refused(
    pooler: Callable[..., AbstractContextManager[Secret]],
    database_url: Secret,
    begin: Callable[[Secret], None],
) -> None:
    # DateStyle and the like follow the client; these do not.
    settings = "select name, setting from pg_settings where source = 'session' order by 1"
    with pooler(database_url, mode="transaction", size=1) as url:
        with pytest.raises(Refused, match="a transaction pooler is between"):
            begin(url)
        with psycopg.connect(url.reveal(), autocommit=True, prepare_threshold=None) as app:
            assert app.execute(ADVISORY).fetchone() == (0,)
            names = {name for name, _ in app.execute(settings)}
            assert names <= {"application_name", "client_encoding", "DateStyle", "TimeZone"}


def test_nothing_is_left_in_a_session_that_is_handed_on_uncleaned(database_url: Secret) -> None:
    with Pooler(database_url, size=2, mode="session", reset=False) as pooler:
        with hold(pooler.url, owner="test", timeout_s=5) as lock:
            lock.sign("test")
        with Ledger(pooler.url, connect_timeout_s=5) as ledger:
            assert ledger.take_run_lock() is None
        assert ask(database_url, ADVISORY) == [(0,)]
        with psycopg.connect(pooler.url.reveal(), autocommit=True) as app:
            assert app.execute("show client_connection_check_interval").fetchone() == ("0",)


def test_a_server_of_ones_own_on_port_6543_is_no_pooler_by_its_number() -> None:
    with pytest.raises(Refused, match=r"(refused the connection|no password)"):
        connect_session(Secret("postgresql://u:p@127.0.0.1:6543/d"), purpose="test", timeout_s=2)


@pytest.mark.parametrize(
    "host",
    [f"db.{REF}.supabase.co", "aws-0-eu.pooler.supabase.com", "AWS-0-EU.pooler.Supabase.com"],
)
def test_the_transaction_port_of_supabase_is_refused_before_it_is_asked(host: str) -> None:
    url = Secret(f"postgresql://postgres.{REF}:x@{host}:6543/postgres")
    with pytest.raises(Refused, match="port 6543 is Supabase's transaction pooler") as caught:
        connect_session(url, purpose="test", timeout_s=1)
    assert f"db.{REF}.supabase.co:5432" in caught.value.next_step


@pytest.mark.cli
@pytest.mark.parametrize("auth", ["scram-sha-256", "md5", "plain"])
def test_a_wrong_password_at_the_real_pooler_is_a_refused_password(
    database_url: Secret, auth: str
) -> None:
    with pgbouncer(database_url, mode="session", auth_type=auth) as url:
        wrong = Secret(url.reveal().replace("one%20test", "another"))
        assert wrong != url
        with pytest.raises(Refused, match="refused the password") as stopped:
            connect(wrong, purpose="test", timeout_s=5)
    assert "tried once" in stopped.value.next_step


@pytest.mark.cli
def test_a_pooler_that_lets_nobody_else_in_is_not_taken_for_one_of_sessions(
    database_url: Secret,
) -> None:
    with (
        pgbouncer(database_url, mode="transaction", max_client_conn=1) as url,
        pytest.raises(Refused, match="has no connection left"),
    ):
        connect_session(url, purpose="test", timeout_s=5)


def test_a_busy_pool_of_one_shared_session_is_not_taken_for_one_of_sessions(
    pooler: Callable[..., AbstractContextManager[Secret]], database_url: Secret
) -> None:
    with pooler(database_url, mode="transaction", size=1) as url:
        taken, over = threading.Event(), threading.Event()

        def app() -> None:
            with psycopg.connect(url.reveal(), autocommit=True, prepare_threshold=None) as busy_one:
                while not over.is_set():
                    busy_one.execute("begin; select pg_sleep(2.5); commit")
                    taken.set()

        thread = threading.Thread(target=app)
        thread.start()
        try:
            taken.wait(10)
            with pytest.raises(Refused, match=r"a transaction pooler|no connection left"):
                connect_session(url, purpose="test", timeout_s=5)
        finally:
            over.set()
            thread.join()
