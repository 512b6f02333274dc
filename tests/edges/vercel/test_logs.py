"""Following a deployment's runtime log on the stand-in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipway.edges.vercel.logs import LogTail
    from shipway.values.logs import LogRow
    from tests.fixtures.hosting_fixtures import Hosted


def taken(tail: LogTail, count: int, within_s: float = 10.0) -> list[LogRow]:
    rows: list[LogRow] = []
    deadline = time.monotonic() + within_s
    while len(rows) < count:
        assert time.monotonic() < deadline, f"only {len(rows)} rows came: {rows}"
        rows += tail.take(0.1)
    return rows


def test_rows_come_as_they_happen_and_the_past_does_not(hosted: Hosted) -> None:
    staged = hosted.staged()
    hosted.web.get(staged.url + "/")
    with hosted.logs.open(staged.deployment_id) as tail:
        assert tail.connected(5)
        hosted.web.get(staged.url + "/about")
        hosted.control.log_row(
            deployment=staged.deployment_id, level="error", message="boom", responseStatusCode=500
        )
        first, second = taken(tail, 2)
        assert (first.path, first.status, first.level) == ("/about", 200, "info")
        assert (second.message, second.status, second.level) == ("boom", 500, "error")
        assert second.at.year >= 2026
        assert tail.take(0.05) == []
        assert tail.unseen() == ""


def test_a_cut_stream_is_opened_again_and_what_was_dark_is_said(hosted: Hosted) -> None:
    staged = hosted.staged()
    hosted.control.fault("cut", on="runtime-logs", rows=1)
    with hosted.logs.open(staged.deployment_id) as tail:
        assert tail.connected(5)
        hosted.control.log_row(deployment=staged.deployment_id, message="one")
        assert [row.message for row in taken(tail, 1)] == ["one"]
        deadline = time.monotonic() + 10
        while hosted.calls("GET", "/runtime-logs") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        hosted.control.log_row(deployment=staged.deployment_id, message="two")
        assert [row.message for row in taken(tail, 1)] == ["two"]
        assert tail.unseen().startswith("the log stream broke off once; ")


def test_the_row_that_marks_the_streams_limit_is_no_error_of_the_app(hosted: Hosted) -> None:
    staged = hosted.staged()
    hosted.control.fault("delimiter", on="runtime-logs", rows=1)
    with hosted.logs.open(staged.deployment_id) as tail:
        assert tail.connected(5)
        hosted.control.log_row(deployment=staged.deployment_id, message="one")
        assert [row.message for row in taken(tail, 1)] == ["one"]
        deadline = time.monotonic() + 10
        while hosted.calls("GET", "/runtime-logs") < 2:
            assert time.monotonic() < deadline
            assert tail.take(0.02) == []


def test_a_row_that_is_sent_again_is_counted_once(hosted: Hosted) -> None:
    staged = hosted.staged()
    with hosted.logs.open(staged.deployment_id) as tail:
        assert tail.connected(5)
        for number in (1, 1, 2, 2, 3):
            hosted.control.log_row(deployment=staged.deployment_id, rowId=f"row_{number}")
        assert [row.row_id for row in taken(tail, 3)] == ["row_1", "row_2", "row_3"]
        assert tail.take(0.1) == []


def test_rows_of_an_unknown_form_do_no_harm(hosted: Hosted) -> None:
    staged = hosted.staged()
    with hosted.logs.open(staged.deployment_id) as tail:
        assert tail.connected(5)
        odd: dict[str, Any] = {
            "timestampInMs": 1e300,
            "level": None,
            "responseStatusCode": "x",
            "message": {},
        }
        hosted.control.log_row(deployment=staged.deployment_id, **odd)
        hosted.control.log_row(deployment=staged.deployment_id, level="silly", message="fine")
        first, second = taken(tail, 2)
        assert (first.level, first.status, first.message) == ("", None, "")
        assert second.level == "silly"


def test_a_log_that_may_not_be_read_is_said_and_not_asked_for_again(hosted: Hosted) -> None:
    with hosted.logs.open("dpl_unknown") as tail:
        assert not tail.connected(0.5)
        assert tail.unseen() == (
            "the log stream never opened: refused 404 not_found: Deployment not found"
        )
    assert hosted.calls("GET", "/runtime-logs") == 1


def test_closing_does_not_wait_for_a_quiet_stream(hosted: Hosted) -> None:
    staged = hosted.staged()
    tail = hosted.logs.open(staged.deployment_id)
    assert tail.connected(5)
    began = time.monotonic()
    tail.close()
    assert time.monotonic() - began < 3
    assert tail.unseen() == ""
