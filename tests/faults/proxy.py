"""A TCP proxy before Postgres that can do something at an exact message, with all else held still.

It reads the protocol, so a point is a place in what shipway does and not a moment in time: the
client waits for an answer that does not come until the fault has been done.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from tests.fixtures.recording_proxy import pairs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["At", "Gate", "Proxy"]

_LINE = b"insert into shipway.journal"
_READY = b"Z"


class At(StrEnum):
    """When, seen from the server, the fault is done."""

    BEFORE = "before"
    """The message is here and does not go on to the server."""
    ANSWERED = "answered"
    """The server has done it and answered; the answer does not go on to the client."""
    MEANWHILE = "meanwhile"
    """The message waits until the fault is done, then everything goes on."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Where a fault is done: at the n-th journal line, or at the n-th exchange of any kind."""

    number: int
    at: At
    lines: bool
    """Journal lines are counted; otherwise everything that asks the server for an answer."""


class Proxy:
    """Passes everything on, counts, and acts once at the gate.

    Args:
        port: of the server, on this machine.
        gate: where to act; None only counts.
        act: what is done there; unless everything goes on, that connection is cut afterwards.

    Attributes:
        port: where clients connect; without TLS.
        lines: how many journal lines were sent.
        exchanges: how many messages that want an answer were sent.
        reached: whether the gate was reached.
    """

    def __init__(self, port: int, gate: Gate | None, act: Callable[[], None]) -> None:
        self._server_port = port
        self._gate = gate
        self._act = act
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lines = 0
        self.exchanges = 0
        self.reached = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        for client, server in pairs(self._listener, self._server_port):
            passing = _Passing(self, client, server)
            threading.Thread(target=passing.requests, daemon=True).start()
            threading.Thread(target=passing.answers, daemon=True).start()

    def stopping_at(self, kind: bytes, message: bytes) -> At | None:
        """Count a message and tell whether the fault belongs to it."""
        line = kind == b"P" and _LINE in message
        with self._lock:
            self.lines += line
            self.exchanges += kind in {b"Q", b"S"}
            gate = self._gate
            if gate is None or self.reached:
                return None
            counts = line if gate.lines else kind in {b"Q", b"S"}
            number = self.lines if gate.lines else self.exchanges
            if not counts or number != gate.number:
                return None
            self.reached = True
            return gate.at

    def act(self) -> None:
        """Do the fault."""
        self._act()


class _Passing:
    """One connection."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._withhold = False

    def requests(self) -> None:
        """Pass on what the client sends."""
        waiting, head = b"", 0
        try:
            while part := self._client.recv(1 << 16):
                waiting += part
                while size := _size(waiting, head):
                    message, waiting = waiting[:size], waiting[size:]
                    at = self._proxy.stopping_at(message[:head], message)
                    if at is At.BEFORE:
                        self._proxy.act()
                        return
                    if at is At.MEANWHILE:
                        self._proxy.act()
                    self._withhold |= at is At.ANSWERED
                    self._server.sendall(message)
                    head = 1
        except OSError:
            pass
        finally:
            if not self._withhold:
                self._cut()

    def answers(self) -> None:
        """Pass on what the server answers, unless it is withheld."""
        waiting = b""
        try:
            while part := self._server.recv(1 << 16):
                if not self._withhold:
                    self._client.sendall(part)
                    continue
                waiting += part
                while size := _size(waiting, 1):
                    message, waiting = waiting[:size], waiting[size:]
                    if message[:1] == _READY:
                        self._proxy.act()
                        return
        except OSError:
            pass
        finally:
            self._cut()

    def _cut(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _size(waiting: bytes, head: int) -> int:
    """Return the size of the first message, 0 while it is not complete."""
    if len(waiting) < head + 4:
        return 0
    size = head + int.from_bytes(waiting[head : head + 4], "big")
    return size if len(waiting) >= size else 0
