"""The errors in a Supabase project's logs, asked for again and again by a thread of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shipway.edges.web.answers import NoAnswer
from shipway.values.logs import LogRow

if TYPE_CHECKING:
    from shipway.edges.web.answers import ApiAnswer
    from shipway.edges.web.http import Api
    from shipway.values.basics import Clock

__all__ = ["DatabaseTail", "SupabaseLogs"]

_EVERY_S = 10.0
"""The limit is 30 queries a minute, 10 on some plans."""
_PAST = timedelta(hours=24)
"""The longest range of one query: what was normal before is learned from it."""
_OVERLAP = timedelta(minutes=3)
"""Rows become visible late: the last minutes are asked for again, and each row counts once."""
_LIMIT = 1000
_REMEMBERED_ROWS = 20_000
_LONGEST_MESSAGE_CHARS = 4096
_HOPELESS = {
    HTTPStatus.UNAUTHORIZED: "the token is not accepted",
    HTTPStatus.PAYMENT_REQUIRED: "the plan's allowance of log queries is used up",
    HTTPStatus.FORBIDDEN: "the token lacks the permission analytics_logs_read",
    HTTPStatus.NOT_FOUND: "the project is not known there",
    HTTPStatus.GONE: "the endpoint is gone",
}
# `count(*)` and `select *` are refused, and a LIMIT is wanted. The keys are Supabase's own.
_ERRORS = " ".join(
    (
        "select id, toUnixTimestamp64Milli(timestamp) as ts_ms, source, event_message,",
        "log_attributes from logs where (source = 'postgres_logs' and",
        "upper(log_attributes['parsed.error_severity']) in ('ERROR', 'FATAL', 'PANIC')) or",
        "(source = 'edge_logs' and",
        "toInt32OrZero(log_attributes['response.status_code']) >= 500)",
        f"order by ts_ms desc, id desc limit {_LIMIT}",
    )
)


class SupabaseLogs:
    """Where the errors of one project come from.

    Args:
        api: the Management API.
        project_ref: of the project.
        clock: for the range of each query.
        every_s: pause between two queries.
    """

    def __init__(
        self, api: Api, *, project_ref: str, clock: Clock, every_s: float = _EVERY_S
    ) -> None:
        self._api = api
        self._path = f"/v1/projects/{quote(project_ref, safe='')}/analytics/endpoints/logs"
        self._clock = clock
        self._every_s = every_s

    def open(self) -> DatabaseTail:
        """Begin to ask; the first answer holds the last 24 hours."""
        return DatabaseTail(self._api, self._path, clock=self._clock, every_s=self._every_s)


class DatabaseTail:
    """Errors of the database and of the API before it, each once, the older before the newer."""

    def __init__(self, api: Api, path: str, *, clock: Clock, every_s: float) -> None:
        self._api = api
        self._path = path
        self._clock = clock
        self._every_s = every_s
        self._rows: list[LogRow] = []
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._asked_up_to: datetime | None = None
        self._lock = threading.Lock()
        self._now_please = threading.Event()
        self._answered = threading.Event()
        self._stopped = False
        self._trouble = ""
        self._cut = False
        self._thread = threading.Thread(target=self._follow, name="database-log", daemon=True)
        self._thread.start()

    def take(self) -> list[LogRow]:
        """Return the rows that have come since the last call."""
        with self._lock:
            taken, self._rows = self._rows, []
        return taken

    def catch_up(self, wait_s: float) -> None:
        """Ask once more now, and wait for the answer, though no longer than `wait_s`."""
        self._answered.clear()
        self._now_please.set()
        self._answered.wait(wait_s)

    def unseen(self) -> str:
        """Return what of the database's log could not be seen; empty when nothing is known."""
        with self._lock:
            if self._asked_up_to is None:
                return f"the database's log: {self._trouble or 'no answer yet'}"
            if self._trouble:
                return f"the database's log after {self._asked_up_to:%H:%M:%S}: {self._trouble}"
            if self._cut:
                return f"the database's log in full: more than {_LIMIT} errors at once"
        return ""

    def close(self) -> None:
        """Ask no more."""
        self._stopped = True
        self._now_please.set()
        self._thread.join(1.0)

    def _follow(self) -> None:
        while not self._stopped:
            pause_s = self._ask()
            self._answered.set()
            if pause_s is None:
                return
            self._now_please.wait(pause_s)
            self._now_please.clear()

    def _ask(self) -> float | None:
        """Ask once; return the pause until the next time, None when there is no use in asking."""
        until = self._clock.now()
        begin = self._asked_up_to - _OVERLAP if self._asked_up_to else until - _PAST
        try:
            answer = self._api.get_once(
                self._path,
                sql=_ERRORS,
                iso_timestamp_start=_iso(begin),
                iso_timestamp_end=_iso(until),
            )
        except NoAnswer as lost:
            return self._not_answered(lost.what)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._not_answered("Supabase allows no more log queries in this minute (429)")
            return max(self._every_s, _seconds_left(answer))
        if not answer.ok:
            why = next((why for one, why in _HOPELESS.items() if one == answer.status), "")
            self._not_answered(f"{why} ({answer})" if why else f"Supabase answered {answer}")
            return None if why else self._every_s
        found = answer.object.get("result")
        if not isinstance(found, list):
            # An error comes inside the 200, as a text or as an object.
            return self._not_answered(f"Supabase's query failed: {_error(answer)}")
        self._take_in(found, until)
        return self._every_s

    def _not_answered(self, why: str) -> float:
        with self._lock:
            self._trouble = why
        return self._every_s

    def _take_in(self, found: list[Any], until: datetime) -> None:
        rows = [row for one in found if (row := _row(one)) is not None]
        with self._lock:
            for row in sorted(rows, key=lambda row: row.at):
                if row.row_id not in self._seen:
                    self._seen[row.row_id] = None
                    self._rows.append(row)
            while len(self._seen) > _REMEMBERED_ROWS:
                self._seen.popitem(last=False)
            # The past may be long; of the watch itself no row should be missing.
            self._cut = self._cut or (self._asked_up_to is not None and len(found) >= _LIMIT)
            self._asked_up_to = until
            self._trouble = ""


def _row(found: object) -> LogRow | None:
    """Read one row; None for what is none, and for what shipway itself has caused."""
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        return None
    given = found.get("log_attributes")
    attributes = given if isinstance(given, dict) else {}
    if str(attributes.get("parsed.application_name", "")).startswith("shipway"):
        return None
    moment = found.get("ts_ms")
    try:
        at = datetime.fromtimestamp(float(moment) / 1000, UTC) if moment is not None else None
    except (TypeError, ValueError, OverflowError, OSError):
        at = None
    if at is None:
        return None
    status = str(attributes.get("response.status_code", ""))
    path = attributes.get("request.path")
    return LogRow(
        row_id=found["id"],
        at=at,
        level="error",
        source=str(found.get("source", "")),
        message=str(found.get("event_message", ""))[:_LONGEST_MESSAGE_CHARS],
        path=path if isinstance(path, str) else None,
        status=int(status) if status.isdigit() else None,
        code=str(attributes.get("parsed.sql_state_code", "")),
    )


def _error(answer: ApiAnswer) -> str:
    error = answer.object.get("error")
    told = error.get("message") if isinstance(error, dict) else error
    return str(told or "no reason was given")[:200]


def _seconds_left(answer: ApiAnswer) -> float:
    # Seconds that are left, not a moment.
    left = answer.headers.get("x-ratelimit-reset", "")
    return float(left) if left.isdigit() else 0.0


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
