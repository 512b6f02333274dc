"""What the Management API has noticed: the advisors' findings and the project's logs."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.supabase_management import failed
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document

_MOST_LINTS = 15
_LONGEST_RANGE = timedelta(hours=24)


class NoticeCalls:
    """Advisors of both versions, and the log query."""

    def __init__(self, *, document: Document, settings: Document) -> None:
        self._document = document
        self._settings = settings
        root = "/v1/projects/{ref}"
        logs = f"{root}/analytics/endpoints"
        self.routes: tuple[Route, ...] = (
            route("GET", f"{root}/advisors/security", self._security),
            route("GET", f"{root}/advisors/performance", self._performance),
            route("POST", "/v2/projects/{ref}/advisors/run", self._run_advisors),
            route("GET", f"{logs}/logs", self._logs),
            route("GET", f"{logs}/logs.all", self._old_logs),
        )

    # --- advisors ---

    def _lints(self, category: str) -> list[dict[str, Any]]:
        with self._settings.look() as settings:
            return [lint for lint in settings["lints"] if category in lint["categories"]]

    def _security(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response({"lints": self._lints("SECURITY")})

    def _performance(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response({"lints": self._lints("PERFORMANCE")})

    def _run_advisors(self, request: Request, ref: str) -> Response:
        del ref
        asked = request.json().get("data", {}).get("attributes", {}).get("lints", [])
        if not 1 <= len(asked) <= _MOST_LINTS:
            return failed(400, f"lints: between 1 and {_MOST_LINTS} names are needed")
        names = {one["name"] for one in asked}
        with self._settings.look() as settings:
            found = [lint for lint in settings["lints"] if lint["name"] in names]
        answer = {"type": "project_advisors", "attributes": {"lints": found}}
        return json_response({"data": answer})

    # --- logs ---

    def _old_logs(self, request: Request, ref: str) -> Response:
        del request, ref
        return failed(410, "This endpoint is gone. Use /analytics/endpoints/logs instead.")

    def _logs(self, request: Request, ref: str) -> Response:
        """Answer rows by time, source and LIMIT; the rest of the SQL is not executed."""
        del ref
        with self._settings.look() as settings:
            said = settings["logs_error"]
        if said is not None:
            return json_response({"error": said})
        sql = request.first("sql")
        if re.search(r"count\(\s*\*\s*\)|select\s+\*", sql, re.IGNORECASE):
            return json_response({"error": "Wildcards are not supported in this query"})
        now = datetime.now(UTC)
        start = _moment(request.first("iso_timestamp_start"), now - timedelta(minutes=1))
        end = _moment(request.first("iso_timestamp_end"), now)
        if end - start > _LONGEST_RANGE:
            return json_response({"error": "The time range may be at most 24 hours"})
        with self._document.look() as data:
            rows = list(data["logs"])
        _, _, condition = sql.partition(" where ")
        named = set(re.findall(r"'(\w+_logs)'", condition))
        wants_errors = re.search(r"ERROR|>=\s*500|'error'", condition) is not None
        found = [
            row
            for row in rows
            if start.timestamp() * 1000 <= row["ts_ms"] <= end.timestamp() * 1000
            and (not named or row["source"] in named)
            and (not wants_errors or row["level"] in {"error", "fatal"})
        ]
        found.sort(key=lambda row: (-row["ts_ms"], row["id"]))
        if re.search(r"\bcount\(\s*\)", sql, re.IGNORECASE):
            return json_response({"result": [{"count": len(found)}]})
        limit = re.search(r"\blimit\s+(\d+)", sql, re.IGNORECASE)
        return json_response({"result": found[: int(limit[1]) if limit else 1000]})

    def add_log(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keep one row of the project's logs; what is not given gets a plain value."""
        with self._document.change() as data:
            row = {
                "id": f"log-{len(data['logs']) + 1:08d}",
                "ts_ms": int(time.time() * 1000),
                "source": "postgres_logs",
                "severity_text": "INFO",
                "level": "info",
                "event_message": "",
                "log_attributes": {},
                **given,
            }
            data["logs"].append(row)
        return row


def _moment(text: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise
