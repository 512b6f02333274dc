"""The project's logs, as the Management API answers queries of them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.supabase.management import failure
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document

_LONGEST_RANGE = timedelta(hours=24)
_MINUTE_S = 60
_MOST_ROWS = 1000
_SEVERITY = "parsed.error_severity"
_STATUS = "response.status_code"
_SERVER_ERROR = 500


class LogCalls:
    """The log query, which executes no SQL: it looks for what clients are known to ask."""

    def __init__(self, *, document: Document, settings: Document) -> None:
        self._document = document
        self._settings = settings
        self._minute = self._used = 0
        root = "/v1/projects/{ref}/analytics/endpoints"
        self.routes: tuple[Route, ...] = (
            route("GET", f"{root}/logs", self._logs),
            route("GET", f"{root}/logs.all", self._old_logs),
        )

    def _old_logs(self, request: Request, ref: str) -> Response:
        del request, ref
        return failure(410, "This endpoint is gone. Use /analytics/endpoints/logs instead.")

    def _logs(self, request: Request, ref: str) -> Response:
        """Answer rows by time, source, level and LIMIT. Most errors come inside a 200."""
        del ref
        with self._settings.look() as settings:
            said, late_s = settings["logs_error"], settings["logs_late_s"]
            limit = settings["logs_rate_limit"]
        if self._one_too_many(limit):
            return failure(429, "ThrottlerException: Too Many Requests")
        if said is not None:
            return json_response({"error": said})
        sql = request.first("sql")
        now = datetime.now(UTC)
        start = _moment(request.first("iso_timestamp_start"), now - timedelta(minutes=1))
        end = _moment(request.first("iso_timestamp_end"), now)
        problem = _problem(sql, start, end)
        if problem:
            return json_response({"error": problem})
        with self._document.look() as data:
            rows = [_row(row) for row in data["logs"]]
        # The range is rounded to whole minutes, so that older rows come along.
        first = start.timestamp() // _MINUTE_S * _MINUTE_S * 1000
        last = min((end.timestamp() // _MINUTE_S + 1) * _MINUTE_S, now.timestamp() - late_s) * 1000
        found = [row for row in rows if first <= row["ts_ms"] <= last and _is_asked_for(row, sql)]
        found.sort(key=lambda row: (row["ts_ms"], row["id"]), reverse=True)
        if re.search(r"\bcount\(\s*\)", sql, re.IGNORECASE):
            return json_response({"result": [{"count": len(found)}]})
        wanted = re.search(r"\blimit\s+(\d+)", sql, re.IGNORECASE)
        return json_response({"result": found[: int(wanted[1]) if wanted else _MOST_ROWS]})

    def _one_too_many(self, limit: int) -> bool:
        minute = int(time.time() // _MINUTE_S)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += 1
        return self._used > limit

    def add(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keep one row; what is not given gets a plain value."""
        with self._document.change() as data:
            row = {
                "id": f"log-{len(data['logs']) + 1:08d}",
                "ts_ms": int(time.time() * 1000),
                "source": "postgres_logs",
                "severity_text": "INFO",
                "event_message": "",
                "log_attributes": {},
                **given,
            }
            data["logs"].append(row)
        return row


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its level, which follows from its attributes unless it was given."""
    return {"level": _level(row["source"], row["log_attributes"]), **row}


def _level(source: str, attributes: dict[str, str]) -> str:
    severity, status = attributes.get(_SEVERITY, "").upper(), attributes.get(_STATUS, "0")
    if source == "postgres_logs":
        return "error" if severity in {"ERROR", "FATAL", "PANIC"} else severity.lower() or "info"
    failed_request = status.isdigit() and int(status) >= _SERVER_ERROR
    return "error" if failed_request else attributes.get("level", "info")


def _problem(sql: str, start: datetime, end: datetime) -> str:
    if re.search(r"count\(\s*\*\s*\)|select\s+\*", sql, re.IGNORECASE):
        return "Wildcards are not supported in this query"
    if end - start > _LONGEST_RANGE:
        return "The time range may be at most 24 hours"
    return ""


def _is_asked_for(row: dict[str, Any], sql: str) -> bool:
    _, _, condition = sql.partition(" where ")
    named = set(re.findall(r"'(\w+_logs)'", condition))
    wants_errors = re.search(r"ERROR|>=\s*500|'error'", condition) is not None
    return (not named or row["source"] in named) and (
        not wants_errors or row["level"] in {"error", "fatal"}
    )


def _moment(text: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise
