"""HTTP/1.1 for the stand-ins: requests and responses as values, and how they travel."""

from __future__ import annotations

import io
import json
import mmap
import select
import socket
import struct
import tempfile
import traceback
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
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


class Conversation(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the site, sends the answers."""

    protocol_version = "HTTP/1.1"
    # Without it, Nagle's algorithm and delayed ACKs cost 40 ms a request.
    disable_nagle_algorithm = True
    timeout = 120
    server: Any  # a listener, which knows its site

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
            site: Site = self.server.site
            response = site.answer(request)
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
        truncated = response.fate is Fate.TRUNCATED
        left = size // 2 if truncated else size
        with response.file.open("rb") if response.file else io.BytesIO(response.body) as source:
            while left and (block := source.read(min(left, _BLOCK_BYTES))):
                self.wfile.write(block)
                left -= len(block)
        if truncated:
            self._leave(reset=False)

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
