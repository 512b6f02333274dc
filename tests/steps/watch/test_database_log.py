"""The database's side of a watch, asked of Supabase's stand-in as its own API asks it to be."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.edges.supabase.logs import SupabaseLogs
from shipway.edges.web.http import Api
from shipway.sandbox.control import Control
from shipway.steps.watch.error_fingerprint import database_fingerprint
from shipway.steps.watch.watch import watch
from shipway.values.basics import Secret
from shipway.values.logs import LogRow, Verdict
from tests.steps.watch.test_watch import planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.edges.supabase.logs import DatabaseTail
    from shipway.values.logs import Watched
    from tests.fixtures.hosting_fixtures import Hosted

TOLD_WITHIN_S = 10.0


class Project:
    """The project's logs, and the hand that writes them."""

    def __init__(self, control: Control, logs: SupabaseLogs) -> None:
        self.control = control
        self.logs = logs

    def error(self, message: str, code: str = "42P01", *, ago_s: float = 0.0, **more: str) -> None:
        self.control.log_row(
            event_message=message,
            ts_ms=int((time.time() - ago_s) * 1000),
            log_attributes={
                "parsed.error_severity": "ERROR",
                "parsed.sql_state_code": code,
                **more,
            },
        )

    def asked(self) -> int:
        return sum("endpoints/logs" in one.path for one in self.control.requests())


@pytest.fixture
def supabase(hosted: Hosted) -> Iterator[Project]:
    facts = hosted.facts
    with (
        closing(Control(facts["supabase_api_url"], facts["control_token"])) as control,
        Api(
            name="Supabase",
            base_url=facts["supabase_api_url"],
            setting="SUPABASE_API_URL",
            token=Secret(facts["supabase_access_token"]),
            clock=SystemClock(),
        ) as api,
    ):
        control.reset()
        control.forget_requests()
        control.settings(logs_rate_limit=10_000)
        ref = facts["project_ref"]
        yield Project(
            control, SupabaseLogs(api, project_ref=ref, clock=SystemClock(), every_s=0.05)
        )


def watched(hosted: Hosted, supabase: Project, **changes: Any) -> Watched:
    return watch(
        planned(hosted, hosted.promoted(), **changes),
        hosted.logs,
        hosted.watch_powers(supabase.logs),
    )


def rows_of(tail: DatabaseTail, count: int) -> list[LogRow]:
    """Wait until so many rows have come."""
    rows: list[LogRow] = []
    deadline = time.monotonic() + TOLD_WITHIN_S
    while len(rows) < count:
        assert time.monotonic() < deadline, rows
        rows += tail.take()
        time.sleep(0.01)
    return rows


def test_an_error_that_the_database_did_not_tell_before_is_bad_and_its_lines_are_kept(
    hosted: Hosted, supabase: Project
) -> None:
    supabase.error('relation "old_ones" does not exist', ago_s=3600)
    for number in range(4):
        ago_s = 10.0 * number
        supabase.error('relation "old_ones" does not exist', ago_s=ago_s)
        supabase.error('password authentication failed for user "x"', "28P01", ago_s=ago_s)
        own = {"parsed.application_name": "shipway verify"}
        supabase.error("permission denied for table users", "42501", ago_s=ago_s, **own)
        supabase.error('relation "new_ones" does not exist', ago_s=ago_s)
    since = datetime.now(UTC) - timedelta(seconds=60)

    found = watched(hosted, supabase, database_since=since, window_s=20.0)

    assert found.verdict is Verdict.BAD
    assert 'did not tell in the day before: 42P01 relation "new_ones" does not exist' in (
        found.reason
    )
    assert found.window_s < 20
    assert found.errors == 0
    assert {row.code for row in found.worst} == {"42P01"}
    assert found.new_errors == ('database 42P01 relation "new_ones" does not exist',)


def test_errors_that_are_normal_are_counted_and_not_bad(hosted: Hosted, supabase: Project) -> None:
    for ago_s in (7200, 3600, 0.5, 0.3, 0.1):
        supabase.error(f"duplicate key value: ({int(ago_s * 10)})", "23505", ago_s=ago_s)
    since = datetime.now(UTC) - timedelta(seconds=60)
    found = watched(hosted, supabase, database_since=since)
    assert found.verdict is Verdict.GOOD
    assert found.database_errors == 3
    assert "The database told 3 errors, of no new kind." in found.reason
    assert not found.unseen


def test_each_row_counts_once_however_often_it_is_told_and_late_ones_count_too(
    supabase: Project,
) -> None:
    supabase.control.settings(logs_late_s=0.5)
    supabase.error("first", ago_s=1.0)
    with closing(supabase.logs.open()) as tail:
        assert [row.message for row in rows_of(tail, 1)] == ["first"]
        supabase.error("second")
        assert [row.message for row in rows_of(tail, 1)] == ["second"]
        before = supabase.asked()
        while supabase.asked() < before + 3:
            time.sleep(0.01)
        assert tail.take() == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"logs_rate_limit": 0}, "no more log queries in this minute (429)"),
        ({"logs_error": "the warehouse is away"}, "query failed: the warehouse is away"),
        (
            {"logs_error": {"code": 400, "message": "no such column", "status": "INVALID"}},
            "query failed: no such column",
        ),
    ],
)
def test_what_could_not_be_seen_is_said_beside_the_verdict(
    hosted: Hosted, supabase: Project, settings: dict[str, Any], words: str
) -> None:
    supabase.control.settings(**settings)
    found = watched(hosted, supabase, window_s=0.6)
    assert found.verdict is Verdict.GOOD
    assert words in found.unseen
    assert "Not everything was seen: the database's log" in found.reason


def test_a_token_that_may_not_read_logs_is_told_and_not_tried_again(supabase: Project) -> None:
    supabase.control.fault("status", path="/endpoints/logs", status=403, times=None, body={})
    with closing(supabase.logs.open()) as tail:
        tail.catch_up(TOLD_WITHIN_S)
        assert "lacks the permission analytics_logs_read" in tail.unseen()
    assert supabase.asked() == 1


def test_a_later_answer_mends_an_earlier_trouble(supabase: Project) -> None:
    supabase.control.fault("status", path="/endpoints/logs", status=500, times=2, body={})
    supabase.error("told after all")
    with closing(supabase.logs.open()) as tail:
        assert [row.message for row in rows_of(tail, 1)] == ["told after all"]
        assert tail.unseen() == ""


def test_messages_about_names_are_told_apart_by_them_and_others_by_what_is_no_data() -> None:
    def named(message: str, code: str) -> str:
        return database_fingerprint(
            LogRow(
                row_id="",
                at=datetime(2026, 11, 22, tzinfo=UTC),
                level="error",
                source="postgres_logs",
                message=message,
                path=None,
                status=None,
                code=code,
            )
        )

    assert named('relation "a" does not exist', "42P01") != (
        named('relation "b" does not exist', "42P01")
    )
    assert named('invalid input syntax for type integer: "a7"', "22P02") == (
        named('invalid input syntax for type integer: "b8"', "22P02")
    )
