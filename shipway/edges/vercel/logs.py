"""A deployment's runtime log, followed live by a thread of its own."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from shipway.edges.vercel.answers import log_row
from shipway.edges.web.http import LineStream, NoAnswer
from shipway.formats.figures import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.edges.web.http import Api
    from shipway.values.basics import Clock
    from shipway.values.logs import LogRow

__all__ = ["LogTail", "VercelLogs"]

_SILENCE_S = 120.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_REMEMBERED_ROWS = 50_000
_WAITING_ROWS = 20_000
"""When so many wait to be taken, the server has to wait too, and memory stays as it is."""
_HOPELESS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.GONE,
    }
)


class VercelLogs:
    """Where tails come from: one project's runtime logs."""

    def __init__(self, api: Api, *, project_id: str, team_id: str | None, clock: Clock) -> None:
        self._api = api
        self._project_id = project_id
        self._team_id = team_id if (team_id or "").startswith("team_") else None
        self._clock = clock

    def open(self, deployment_id: str) -> LogTail:
        """Begin to follow a deployment's rows from now on; there is no history."""
        path = (
            f"/v1/projects/{quote(self._project_id, safe='')}"
            f"/deployments/{quote(deployment_id, safe='')}/runtime-logs"
        )
        return LogTail(self._api, path, team_id=self._team_id, clock=self._clock)


class LogTail:
    """Rows as they come, each once; connects again when the stream ends.

    It is a live tail: what happened while it was not connected is not seen, and `unseen` says so.
    """

    def __init__(self, api: Api, path: str, *, team_id: str | None, clock: Clock) -> None:
        self._api = api
        self._path = path
        self._params = {"teamId": team_id}
        self._clock = clock
        self._rows: list[LogRow] = []
        self._moved = threading.Condition()
        """Rows came or were taken."""
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._connected = threading.Event()
        self._decided = threading.Event()
        """The stream was opened once, or never will be."""
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._stream: LineStream | None = None
        self._breaks = 0
        self._too_long = 0
        self._dark_s = 0.0
        self._dark_since: float | None = clock.monotonic()
        self._trouble = ""
        self.hopeless = False
        """The server refuses for good: no row will come."""
        self._thread = threading.Thread(target=self._follow, name="runtime-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connected(self, wait_s: float) -> bool:
        """Wait until the server has opened the stream; False when it has not by then."""
        self._decided.wait(wait_s)
        return self._connected.is_set()

    def take(self, wait_s: float) -> list[LogRow]:
        """Return the next rows, in the order in which they came; none when none came in time."""
        with self._moved:
            if not self._rows:
                self._moved.wait(max(0.0, wait_s))
            taken, self._rows = self._rows, []
            self._moved.notify_all()
        return taken

    def unseen(self) -> str:
        """Return what this tail could not see, as one phrase; empty when nothing was missed."""
        with self._lock:
            dark_s = self._dark_s
            if self._dark_since is not None:
                dark_s += self._clock.monotonic() - self._dark_since
            if not self._connected.is_set():
                return f"the log stream never opened: {self._trouble or 'no answer yet'}"
            too_long = self._too_long + (self._stream.dropped if self._stream else 0)
            dropped = f"{count(too_long, 'line')} too long to be read" if too_long else ""
            if not self._breaks:
                return dropped
            times = "once" if self._breaks == 1 else f"{self._breaks} times"
            why = f" ({self._trouble})" if self._trouble else ""
            broken = f"the log stream broke off {times}{why}; {dark_s:.1f} s were not seen"
            return "; ".join(text for text in (broken, dropped) if text)

    def close(self) -> None:
        """Stop following."""
        self._stopped.set()
        with self._lock:
            if self._stream is not None:
                self._stream.stop()
        # A reader that waits for room looks at `_stopped` there.
        self._thread.join(5.0)

    def _follow(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopped.is_set():
            if self._one_stream():
                pause_s = _FIRST_PAUSE_S
            if self.hopeless:
                self._decided.set()
                return
            self._stopped.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _one_stream(self) -> bool:
        """Follow one connection to its end; False when none came about."""
        try:
            opened = self._api.lines(self._path, params=self._params, silence_s=_SILENCE_S)
        except NoAnswer as lost:
            self._trouble = lost.what
            return False
        if not isinstance(opened, LineStream):
            self.hopeless = opened.status in _HOPELESS
            self._trouble = f"{'refused' if self.hopeless else 'answered'} {opened}"
            return False
        with self._lock:
            self._stream = opened
            if self._dark_since is not None and self._connected.is_set():
                self._dark_s += self._clock.monotonic() - self._dark_since
            self._dark_since = None
        self._connected.set()
        self._decided.set()
        try:
            for lines in opened.batches():
                self._hand_over(self._rows_of(lines))
                if self._stopped.is_set():
                    return True
        finally:
            opened.close()
            with self._lock:
                self._too_long += opened.dropped
                self._stream = None
                self._dark_since = self._clock.monotonic()
                self._breaks += 0 if self._stopped.is_set() else 1
        return True

    def _rows_of(self, lines: Iterable[bytes]) -> list[LogRow]:
        rows = []
        for line in lines:
            try:
                row = log_row(json.loads(line)) if line.strip() else None
            except (ValueError, RecursionError):
                continue
            if row is None or row.source == "delimiter":
                # Marks the limit of one stream; it is no error of the application.
                continue
            if row.row_id:
                if row.row_id in self._seen:
                    continue
                self._seen[row.row_id] = None
                if len(self._seen) > _REMEMBERED_ROWS:
                    self._seen.popitem(last=False)
            rows.append(row)
        return rows

    def _hand_over(self, rows: list[LogRow]) -> None:
        with self._moved:
            while len(self._rows) >= _WAITING_ROWS and not self._stopped.is_set():
                self._moved.wait(0.2)
            self._rows += rows
            self._moved.notify_all()
