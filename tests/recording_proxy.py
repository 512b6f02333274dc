"""A TCP proxy that knows where one message to Postgres ends: it can act after any of them."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

from tests.relay import pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["RecordingProxy"]


class RecordingProxy:
    """Passes everything on and counts the messages that clients send.

    Args:
        port: of the server, on this machine.
        act_after: the number of the message after which `act` is called; it is the last one that
            reaches the server.
        act: what happens then.

    Attributes:
        port: where clients connect; without TLS.
        messages: how many came by.
        waits: how many of them ask for all that is to be answered by then, and the client waits:
            the round trips after the handshake.
    """

    def __init__(
        self,
        port: int,
        *,
        act_after: int = 0,
        act: Callable[[], None] | None = None,
    ) -> None:
        self._server_port = port
        self._act_after = act_after
        self._act = act
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.messages = 0
        self.waits = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        for client, server in pairs(self._listener, self._server_port):
            self._start(self._pass_answers, server, client)
            self._start(self._pass_messages, client, server)

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        with client, server:
            try:
                while part := server.recv(1 << 16):
                    client.sendall(part)
            except OSError:
                return
            finally:
                _shut(client)

    def _pass_messages(self, client: socket.socket, server: socket.socket) -> None:
        try:
            started = False
            waiting = b""
            while part := client.recv(1 << 16):
                waiting += part
                while size := _message_bytes(waiting, started=started):
                    self.waits += started and waiting[:1] in (b"Q", b"S")
                    server.sendall(waiting[:size])
                    waiting = waiting[size:]
                    started = True
                    if self._counted():
                        return
        except OSError:
            return
        finally:
            _shut(server)

    def _counted(self) -> bool:
        """Count a message; act when it is the one, and tell so."""
        with self._lock:
            self.messages += 1
            reached = self.messages == self._act_after
        if reached and self._act is not None:
            self._act()
        return reached


def _message_bytes(waiting: bytes, *, started: bool) -> int:
    """Return the size of the first message, 0 while it is not complete."""
    head = 1 if started else 0
    if len(waiting) < head + 4:
        return 0
    size = head + int.from_bytes(waiting[head : head + 4], "big")
    return size if len(waiting) >= size else 0


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
