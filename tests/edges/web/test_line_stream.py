"""A log that never stops: every row is counted, and memory does not grow with it."""

from __future__ import annotations

import json
import resource
import socket
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.edges.vercel.logs import VercelLogs
from shipway.edges.web.http import Api
from shipway.steps.watch.counts import Measure, Tally
from shipway.values.basics import Secret
from shipway.values.logs import Baseline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shipway.values.logs import LogRow

ROWS = 100_000
GROWTH_KIB = 40 * 1024
"""Far below what so many rows take when they are kept: more than 100 MiB."""


def lines(first: int, count: int) -> bytes:
    rows = (
        {
            "rowId": f"row_{number:024}",
            "timestampInMs": 1_790_000_000_000 + number,
            "level": "error" if number % 1000 == 0 else "info",
            "source": "serverless",
            "message": f"request {number} took {number % 97} ms " + "x" * 120,
            "requestPath": "/orders",
            "responseStatusCode": 500 if number % 1000 == 0 else 200,
        }
        for number in range(first, first + count)
    )
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def served(pieces: Iterable[bytes]) -> Iterator[str]:
    """Serve one stream over HTTP/1.0, as fast as the reader takes it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def pour() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.0 200 OK\r\nContent-Type: application/stream+json\r\n\r\n"
                )
                with suppress(ConnectionError):  # the reader may leave first
                    for piece in pieces:
                        connection.sendall(piece)

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


@pytest.fixture
def firehose() -> Iterator[str]:
    yield from served(lines(first, 1000) for first in range(0, ROWS, 1000))


def long_row(number: int, size: int) -> bytes:
    (row,) = lines(number, 1).splitlines()
    return json.dumps(
        json.loads(row) | {"level": "error", "message": "boom " * (size // 5)}
    ).encode()


@pytest.fixture
def long_lines() -> Iterator[str]:
    """Three rows that are long, a line without an end that anybody would wait for, and one row."""
    rows = [long_row(number, size) + b"\n" for number, size in ((1, 300_000), (2, 4_000_000))]
    endless = (b"x" * 1_000_000 for _ in range(100))
    yield from served([*rows, long_row(3, 300_000) + b"\n", *endless, b"\n", lines(4, 1)])


def test_long_rows_are_counted_and_of_an_endless_line_no_more_is_kept_than_a_row_may_have(
    long_lines: str,
) -> None:
    clock = SystemClock()
    with Api(
        name="Vercel", base_url=long_lines, setting="S", token=Secret("tok"), clock=clock
    ) as api:
        logs = VercelLogs(api, project_id="prj_1", team_id=None, clock=clock)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows: list[LogRow] = []
        with logs.open("dpl_1") as tail:
            until = clock.monotonic() + 60
            while len(rows) < 4 and clock.monotonic() < until:
                rows += tail.take(1.0)
            unseen = tail.unseen()
    assert [row.row_id[-1] for row in rows] == ["1", "2", "3", "4"]
    assert all(len(row.message) < 5_000 for row in rows)
    assert "1 line too long to be read" in unseen
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 * GROWTH_KIB


def test_a_stream_of_many_rows_is_counted_whole_in_memory_that_does_not_grow(
    firehose: str,
) -> None:
    clock = SystemClock()
    tally = Tally(measure=Measure(baseline=Baseline(), min_requests=20, tolerance=0.02))
    with Api(
        name="Vercel", base_url=firehose, setting="S", token=Secret("tok"), clock=clock
    ) as api:
        logs = VercelLogs(api, project_id="prj_1", team_id=None, clock=clock)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        deadline = clock.monotonic() + 100
        with logs.open("dpl_1") as tail:
            while tally.requests < ROWS:
                assert clock.monotonic() < deadline, f"only {tally.requests} rows came"
                for row in tail.take(1.0):
                    tally.count(row)
    assert (tally.requests, tally.errors) == (ROWS, ROWS // 1000)
    assert len(tally.kinds) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
