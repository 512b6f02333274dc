"""HTTP/1.1 on loopback for the stand-ins: requests, responses, and one loop for many ports."""

from __future__ import annotations

import contextlib
import json
import mmap
import queue
import select
import selectors
import socket
import struct
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SPOOL_ABOVE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 18
_NO_BODY = frozenset({204, 304})


class Fate(StrEnum):
    """What becomes of an answer on its way to the client."""

    WHOLE = "whole"
    TRUNCATED = "truncated"
    """The length is announced, half of the body is sent, the connection ends."""
    RESET = "reset"
    """Nothing is sent; the client sees a TCP reset."""
    HANG_UP = "hang up"
    """Nothing is sent; the connection is closed in order."""


class BadJson(Exception):  # noqa: N818 - it names what was received
    """A body that had to be JSON is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, fully received. Header names are in lower case, the path is decoded."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes | mmap.mmap = b""

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty body is an empty object.

        Raises:
            BadJson: it is something else.
        """
        if not len(self.body):
            return {}
        try:
            value = json.loads(self.body[:])
        except ValueError:
            raise BadJson from None
        if not isinstance(value, dict):
            raise BadJson
        return value

    def bearer(self) -> str | None:
        """Return the token of the Authorization header, if there is one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. At most one of `body`, `file` and `stream` is given."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: Path | None = None
    stream: Iterator[bytes] | None = None
    """Sent as it comes; an empty block sends nothing and only asks whether the client is there."""
    fate: Fate = Fate.WHOLE


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `value` as an answer of type application/json."""
    all_headers = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    return Response(status=status, headers=all_headers, body=json.dumps(value).encode())


class Site(Protocol):
    """Whoever answers on a port."""

    def answer(self, request: Request) -> Response:
        """Answer one request; called from many threads at once."""


class Ports:
    """All listening sockets of the process, on 127.0.0.1 only."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._new: queue.SimpleQueue[_Listener] = queue.SimpleQueue()
        self._old: queue.SimpleQueue[_Listener] = queue.SimpleQueue()
        self._listeners: dict[int, _Listener] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._running = True

    def open(self, site: Site, wanted: int = 0) -> int:
        """Listen for `site` and return the port: `wanted` if it is free, else any other."""
        try:
            listener = _Listener(wanted, site)
        except OSError:
            listener = _Listener(0, site)
        port = int(listener.server_address[1])
        self._listeners[port] = listener
        self._new.put(listener)
        self._wake_out.send(b".")
        return port

    def close(self, port: int) -> None:
        """Stop listening on a port that `open` returned."""
        self._old.put(self._listeners.pop(port))
        self._wake_out.send(b".")

    def run(self) -> None:
        """Accept connections until `stop`, then close every listening socket."""
        while self._running:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_in:
                    self._wake_in.recv(1024)
                    self._take_changes()
                else:
                    key.data.handle_request()
        for listener in self._listeners.values():
            listener.server_close()

    def stop(self) -> None:
        """End `run`; safe to call from a signal handler."""
        self._running = False
        self._wake_out.send(b".")

    def _take_changes(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                listener = self._new.get_nowait()
                self._selector.register(listener, selectors.EVENT_READ, listener)
        with contextlib.suppress(queue.Empty):
            while True:
                listener = self._old.get_nowait()
                self._selector.unregister(listener)
                listener.server_close()


class _Listener(ThreadingTCPServer):
    # Not HTTPServer: that one asks DNS for the host's name before it listens.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    timeout = 0

    def __init__(self, port: int, site: Site) -> None:
        self.site = site
        super().__init__(("127.0.0.1", port), _Conversation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            traceback.print_exc()


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it, Nagle's algorithm and delayed ACKs cost 40 ms a request.
    disable_nagle_algorithm = True
    timeout = 120
    server: _Listener

    def _exchange(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._received(),
        )
        try:
            response = self.server.site.answer(request)
        except Exception:  # noqa: BLE001 - one failed answer must not end the stand-in
            traceback.print_exc()
            response = json_response({"message": "the stand-in failed; see its log"}, 500)
        self._send(response)

    def __getattr__(self, name: str) -> Any:
        # The base class looks for do_GET, do_POST and so on: all are the same here.
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: the stand-ins record their requests themselves."""

    def _received(self) -> bytes | mmap.mmap:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            blocks = self._chunks()
        else:
            blocks = self._counted(int(self.headers.get("Content-Length") or 0))
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_ABOVE_BYTES) as spool:
            size = sum(spool.write(block) for block in blocks)
            if size <= _SPOOL_ABOVE_BYTES:
                spool.seek(0)
                return spool.read()
            spool.flush()
            # The map outlives the (already unlinked) file, so nothing is left to clean up.
            return mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)

    def _counted(self, left: int) -> Iterator[bytes]:
        while left:
            block = self.rfile.read(min(left, _BLOCK_BYTES))
            if not block:
                raise ConnectionResetError
            left -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._counted(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _send(self, response: Response) -> None:
        if response.fate in {Fate.RESET, Fate.HANG_UP}:
            self._leave(reset=response.fate is Fate.RESET)
            return
        self.send_response_only(response.status)
        self.send_header("date", self.date_time_string())
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is not None:
            self._send_stream(response.stream)
            return
        size = response.file.stat().st_size if response.file else len(response.body)
        if response.status not in _NO_BODY and "content-length" not in response.headers:
            self.send_header("content-length", str(size))
        self.end_headers()
        if self.command == "HEAD" or response.status in _NO_BODY:
            return
        if response.fate is Fate.TRUNCATED:
            self.wfile.write(response.body[: size // 2])
            self._leave(reset=False)
        elif response.file:
            with response.file.open("rb") as source:
                while block := source.read(_BLOCK_BYTES):
                    self.wfile.write(block)
        else:
            self.wfile.write(response.body)

    def _send_stream(self, blocks: Iterator[bytes]) -> None:
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for block in blocks:
            if block:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            elif self._client_has_left():
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def _client_has_left(self) -> bool:
        ready, _, _ = select.select([self.connection], [], [], 0)
        return bool(ready) and not self.connection.recv(1, socket.MSG_PEEK)

    def _leave(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # A zero linger time turns the close into a reset.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
