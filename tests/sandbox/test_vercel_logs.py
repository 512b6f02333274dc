"""The Vercel stand-in: the runtime logs that visitors of the deployed app leave."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sandbox.conftest import NO_TLS, visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.sandbox.control import Control
    from tests.sandbox.conftest import Releases, Standins


class Tail:
    """An open log stream and the rows that have come through it."""

    def __init__(self, client: httpx.Client, deployment_id: str) -> None:
        path = f"/v1/projects/sandbox-app/deployments/{deployment_id}/runtime-logs"
        self._asked = client.stream("GET", path)
        self._answer = self._asked.__enter__()
        assert self._answer.headers["content-type"] == "application/stream+json"
        self._lines = self._answer.iter_lines()

    def row(self) -> dict[str, Any]:
        """Return the next row; the stream's own end raises StopIteration."""
        row: dict[str, Any] = json.loads(next(self._lines))
        return row

    def close(self) -> None:
        self._asked.__exit__(None, None, None)


@pytest.fixture
def shown(releases: Releases) -> dict[str, Any]:
    return releases.deployed()


@pytest.fixture
def visitor(shown: dict[str, Any]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{shown['url']}", trust_env=False, verify=NO_TLS) as client:
        yield client


def test_each_visit_after_the_opening_makes_a_row_with_path_and_status(
    vercel: httpx.Client, shown: dict[str, Any], visitor: httpx.Client
) -> None:
    visitor.get("/before-the-stream-was-open")
    tail = Tail(vercel, shown["id"])
    for path in ("/", "/nothing"):
        visitor.get(path)
    rows = [tail.row(), tail.row()]
    tail.close()
    assert [(row["requestPath"], row["responseStatusCode"]) for row in rows] == [
        ("/", 200),
        ("/nothing", 404),
    ]
    assert {row["level"] for row in rows} == {"info"}
    assert len({row["rowId"] for row in rows}) == 2
    assert rows[0]["domain"] == shown["url"]


def test_visits_of_production_are_rows_of_the_deployment_behind_it(
    running: Standins, vercel: httpx.Client, releases: Releases, shown: dict[str, Any]
) -> None:
    releases.promoted(shown["id"])
    tail = Tail(vercel, shown["id"])
    visit(running.facts["production_url"])
    assert tail.row()["domain"] == running.facts["production_url"].removeprefix("http://")
    tail.close()


def test_a_build_can_serve_errors_and_every_error_is_a_row(
    vercel: httpx.Client, releases: Releases, vercel_control: Control
) -> None:
    vercel_control.fault(
        "serves_errors", on="build", status=500, paths=["/"], message="TypeError: x is undefined"
    )
    shown = releases.deployed()
    healthy = releases.deployed()
    tail = Tail(vercel, shown["id"])
    assert visit(f"http://{shown['url']}/").status_code == 500
    assert visit(f"http://{shown['url']}/index.html").status_code == 200
    assert visit(f"http://{healthy['url']}/").status_code == 200
    row = tail.row()
    tail.close()
    assert (row["level"], row["source"], row["responseStatusCode"]) == ("error", "serverless", 500)
    assert row["message"] == "TypeError: x is undefined"


def test_a_page_can_fail_for_some_visits(visitor: httpx.Client, vercel_control: Control) -> None:
    vercel_control.fault("status", on="serve", path="^/$", status=503, times=2, after=1)
    assert [visitor.get("/").status_code for _ in range(4)] == [200, 503, 503, 200]


def test_a_row_can_be_put_into_a_log(
    vercel: httpx.Client, shown: dict[str, Any], vercel_control: Control
) -> None:
    tail = Tail(vercel, shown["id"])
    vercel_control.log_row(deployment=shown["url"], level="fatal", message="out of memory")
    row = tail.row()
    tail.close()
    assert (row["level"], row["message"]) == ("fatal", "out of memory")


def test_the_stream_ends_with_a_delimiter_row_that_is_no_error_of_the_app(
    vercel: httpx.Client, shown: dict[str, Any], visitor: httpx.Client, vercel_control: Control
) -> None:
    vercel_control.fault("delimiter", on="runtime-logs", rows=1)
    tail = Tail(vercel, shown["id"])
    visitor.get("/")
    visitor.get("/unseen")
    assert tail.row()["requestPath"] == "/"
    last = tail.row()
    assert (last["rowId"], last["level"], last["source"]) == ("", "error", "delimiter")
    with pytest.raises(StopIteration):
        tail.row()
    tail.close()


def test_the_stream_can_be_cut(
    vercel: httpx.Client, shown: dict[str, Any], vercel_control: Control
) -> None:
    vercel_control.fault("cut", on="runtime-logs", rows=0)
    tail = Tail(vercel, shown["id"])
    with pytest.raises(httpx.RemoteProtocolError):
        tail.row()
    tail.close()


def test_many_visitors_at_once_lose_no_row(vercel: httpx.Client, shown: dict[str, Any]) -> None:
    tail = Tail(vercel, shown["id"])

    def visit(number: int) -> None:
        with httpx.Client(
            base_url=f"http://{shown['url']}", trust_env=False, verify=NO_TLS
        ) as client:
            for step in range(10):
                client.get(f"/{number}/{step}")

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    rows = [tail.row() for _ in range(40)]
    for thread in threads:
        thread.join()
    tail.close()
    assert {row["requestPath"] for row in rows} == {
        f"/{number}/{step}" for number in range(4) for step in range(10)
    }


def test_an_unknown_deployment_has_no_log(vercel: httpx.Client) -> None:
    path = "/v1/projects/sandbox-app/deployments/dpl_unknown/runtime-logs"
    assert vercel.get(path).status_code == 404


def test_history_is_answered_newest_first_and_in_pages(
    running: Standins, vercel: httpx.Client, shown: dict[str, Any], visitor: httpx.Client
) -> None:
    for number in range(3):
        visitor.get(f"/{number}")
    asked: dict[str, Any] = {
        "event": "vercel.log",
        "scope": {"ownerId": running.facts["vercel_team_id"]},
        "timeRange": {"start": shown["createdAt"], "end": shown["createdAt"] + 60_000},
        "order": "desc",
        "limit": 2,
    }
    first = vercel.post("/v1/observability/events", json=asked).json()
    assert [event["requestPath"] for event in first["events"]] == ["/2", "/1"]
    assert first["pagination"]["hasMore"] is True
    asked["cursor"] = first["pagination"]["nextCursor"]
    second = vercel.post("/v1/observability/events", json=asked).json()
    assert [event["requestPath"] for event in second["events"]] == ["/0"]
    assert second["pagination"]["hasMore"] is False


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", ["/c", "/b", "/a"]),
        ("level:error", ["/c"]),
        ("level:(error OR info)", ["/c", "/b", "/a"]),
        ('(environment:"production") AND (NOT requestPath:"/b")', ["/c", "/a"]),
        ('environment:"preview"', []),
        ("httpStatus >= 400", ["/c", "/b"]),
        ("httpStatus != 404", ["/c", "/a"]),
        ("requestPath:/* AND level:*", ["/c", "/b", "/a"]),
        ("undefined Type", ["/c"]),
    ],
)
def test_history_is_filtered_in_the_language_of_the_cli(
    vercel: httpx.Client,
    releases: Releases,
    vercel_control: Control,
    text: str,
    paths: list[str],
) -> None:
    shown = releases.deployed(files=[{"file": "a.html", "data": "a"}])
    message = "TypeError: x is undefined"
    vercel_control.fault("status", on="serve", path="/c", status=500, message=message)
    for path in ("/a", "/b", "/c"):
        visit(f"http://{shown['url']}{path}")
    asked = {
        "event": "vercel.log",
        "timeRange": {"start": "2026-01-01T00:00:00Z", "end": "2126-01-01T00:00:00Z"},
        "filter": text,
        "select": ["requestPath", "level"],
    }
    events = vercel.post("/v1/observability/events", json=asked).json()["events"]
    assert [event["requestPath"] for event in events] == paths
    assert all(set(event) == {"timestamp", "requestPath", "level"} for event in events)


@pytest.mark.parametrize("text", ["level:", "(level:error", "httpStatus >= many", "level:error)"])
def test_a_filter_that_cannot_be_read_is_refused(vercel: httpx.Client, text: str) -> None:
    asked = {"event": "vercel.log", "timeRange": {"start": 0, "end": 1}, "filter": text}
    answer = vercel.post("/v1/observability/events", json=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
