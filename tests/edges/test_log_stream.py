"""A log that never stops: every row is counted, and memory does not grow with it."""

from __future__ import annotations

import json
import resource
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from shipway.edges.clock import SystemClock
from shipway.edges.http import Api
from shipway.edges.vercel_logs import VercelLogs
from shipway.steps.tally import Measure, Tally
from shipway.values import Baseline, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture
def firehose() -> Iterator[str]:
    """Serve one endless-looking stream over HTTP/1.0, as fast as the reader takes it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def pour() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.0 200 OK\r\nContent-Type: application/stream+json\r\n\r\n"
                )
                for first in range(0, ROWS, 1000):
                    connection.sendall(lines(first, 1000))

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


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
