"""The runtime logs of the deployed apps: written by every request, read as a live stream."""

from __future__ import annotations

import json
import shutil
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shipway.sandbox.vercel.log_filter import BadFilter, log_filter
from shipway.sandbox.vercel.views import error, not_found
from shipway.sandbox.vercel.world import new_id, now_ms
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.sandbox.vercel.world import World

_PULSE_S = 0.25
_MAX_EVENTS = 1000


class LogBook:
    """Rows by deployment, kept in memory and appended to one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._news = threading.Condition()
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.jsonl"):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            # A killed process can leave half a line at the end.
            self._rows[path.stem] = [json.loads(one) for one in lines if one.endswith("\n")]

    def add(self, deployment_id: str, **given: Any) -> dict[str, Any]:
        """Keep one row of the wire's form; what is not given gets a plain value."""
        row = {
            "rowId": new_id("row", 20),
            "timestampInMs": now_ms(),
            "level": "info",
            "source": "serverless",
            "message": "",
            "messageTruncated": False,
            "domain": "",
            "requestMethod": "GET",
            "requestPath": "/",
            "responseStatusCode": 200,
            **given,
        }
        with self._news:
            self._rows.setdefault(deployment_id, []).append(row)
            with (self._folder / f"{deployment_id}.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")
            self._news.notify_all()
        return row

    def rows(self, deployment_id: str) -> list[dict[str, Any]]:
        """Return all rows of a deployment, oldest first."""
        with self._news:
            return list(self._rows.get(deployment_id, ()))

    def wait(self, deployment_id: str, seen: int) -> list[dict[str, Any]]:
        """Return the rows after the first `seen`, waiting a moment for one to come."""
        with self._news:
            if len(self._rows.get(deployment_id, ())) <= seen:
                self._news.wait(_PULSE_S)
            return self._rows.get(deployment_id, [])[seen:]

    def reset(self) -> None:
        """Forget every row."""
        with self._news:
            self._rows.clear()
            shutil.rmtree(self._folder)
            self._folder.mkdir()


class LogCalls:
    """The two calls that read runtime logs."""

    def __init__(self, world: World, book: LogBook) -> None:
        self._world = world
        self._book = book

    def stream(self, request: Request, project: str, deployment: str) -> Response:
        """Follow a deployment's rows from now on: a live tail, no history."""
        del request
        with self._world.look() as data:
            one = self._world.find(data, deployment)
        if one is None or project not in (
            self._world.account.project_id,
            self._world.account.project_name,
        ):
            return not_found("Deployment")
        fault = self._world.faults.take("runtime-logs", path=deployment)
        seen = len(self._book.rows(one["id"]))
        return Response(
            headers={"content-type": "application/stream+json"},
            stream=self._lines(one["id"], seen, fault),
        )

    def _lines(self, deployment: str, seen: int, fault: dict[str, Any] | None) -> Iterator[bytes]:
        ends = time.monotonic() + self._world.setting("log_stream_s")
        left = fault["details"].get("rows", 0) if fault else None
        while time.monotonic() < ends:
            if left == 0:
                break
            rows = self._book.wait(deployment, seen)[:left]
            seen += len(rows)
            left = None if left is None else left - len(rows)
            yield b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        if fault and fault["what"] == "cut":
            raise ConnectionAbortedError
        yield json.dumps(_delimiter()).encode() + b"\n"

    def events(self, request: Request) -> Response:
        """Answer the undocumented call that the CLI's `logs` makes, for runtime rows."""
        asked = request.json()
        if asked.get("event") not in {"vercel.log", "vercel.proxy_response"}:
            return error(400, "bad_request", "Unknown event")
        start, end = (_as_ms(asked.get("timeRange", {}).get(name)) for name in ("start", "end"))
        with self._world.look() as data:
            known = {one["id"]: one["target"] or "preview" for one in data["deployments"].values()}
        try:
            fits = log_filter(asked.get("filter") or "")
        except BadFilter as problem:
            return error(400, "bad_request", f"The filter cannot be read: {problem}")
        found = [
            event
            for name, environment in known.items()
            for row in self._book.rows(name)
            if (asked["event"] == "vercel.log" or row["responseStatusCode"] > 0)
            and start <= row["timestampInMs"] <= end
            and fits(event := _event(name, environment, row))
        ]
        found.sort(key=lambda event: int(event["timestamp"]))
        if asked.get("order") != "asc":
            # Not sort(reverse=True), which would leave rows of one millisecond oldest first.
            found.reverse()
        limit = min(int(asked.get("limit", _MAX_EVENTS)), _MAX_EVENTS)
        skip = int(asked.get("cursor") or 0)
        wanted = asked.get("select")
        page = [
            {name: event[name] for name in ("timestamp", *wanted) if name in event}
            if wanted
            else event
            for event in found[skip : skip + limit]
        ]
        more = len(found) > skip + limit
        following = {"hasMore": more, "nextCursor": str(skip + limit) if more else None}
        return json_response({"events": page, "pagination": following})


def _delimiter() -> dict[str, Any]:
    """Return the row that marks the stream's limit; it is no error of the application."""
    return {
        "rowId": "",
        "timestampInMs": now_ms(),
        "level": "error",
        "source": "delimiter",
        "message": "Exceeded the query duration limit",
        "messageTruncated": False,
        "domain": "",
        "requestMethod": "",
        "requestPath": "",
        "responseStatusCode": 0,
    }


def _as_ms(moment: Any) -> int:
    if isinstance(moment, int | float):
        return int(moment)
    return int(datetime.fromisoformat(str(moment)).timestamp() * 1000)


def _event(deployment: str, environment: str, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "timestamp": row["timestampInMs"],
        "level": row["level"],
        "message": row["message"],
        "deploymentId": deployment,
        "requestPath": row["requestPath"],
        "requestMethod": row["requestMethod"],
        "source": row["source"],
        "requestId": row["rowId"],
        "httpStatus": row["responseStatusCode"],
        "environment": environment,
    }
