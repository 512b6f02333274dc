"""Logs: how many rows a second a watch takes in."""

from __future__ import annotations

import resource
import socket
import threading
import time
from typing import TYPE_CHECKING

from shipway.edges.machine.clock import SystemClock
from shipway.edges.vercel.logs import VercelLogs
from shipway.edges.web.http import Api
from shipway.steps.watch.counts import Measure, Tally
from shipway.values.basics import Secret
from shipway.values.logs import Baseline
from tests.edges.web import test_line_stream as firehose

if TYPE_CHECKING:
    from bench.run import Run

__all__ = ["measure"]


def measure(run: Run) -> None:
    """Pour the rows through an HTTP connection, count them and say the figures."""
    total = 100_000 if run.quick else 1_000_000
    block = [firehose.lines(first, 1000) for first in range(0, 100_000, 1000)]
    server = socket.create_server(("127.0.0.1", 0))

    def pour() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/stream+json\r\n\r\n")
            for number in range(total // 1000):
                # Other ids in every round, else rows would count as sent again.
                connection.sendall(block[number % 100].replace(b'"row_0', b'"row_%d' % number))

    threading.Thread(target=pour, daemon=True).start()
    clock = SystemClock()
    tally = Tally(measure=Measure(baseline=Baseline(), min_requests=20, tolerance=0.02))
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with Api(name="Vercel", base_url=url, setting="S", token=Secret("tok"), clock=clock) as api:
        logs = VercelLogs(api, project_id="prj_1", team_id=None, clock=clock)
        with logs.open("dpl_1") as tail:
            while tally.requests < total:
                for row in tail.take(1.0):
                    tally.count(row)
    took = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    run.say("\n## Logs\n")
    run.say(
        f"{total} rows in {took:.1f} s: {total / took:,.0f} rows/s, {grown:.0f} MiB more memory."
    )
