"""A TCP proxy that makes a near server a far one."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque

__all__ = ["far_port"]


def far_port(server_port: int, *, one_way_s: float) -> int:
    """Listen on a port behind which everything arrives later, both ways; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", server_port))
            for source, sink in ((client, server), (server, client)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Way(source, sink, one_way_s).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


class _Way:
    """One direction: every piece leaves so long after it came, without holding up the next."""

    def __init__(self, source: socket.socket, sink: socket.socket, one_way_s: float) -> None:
        self._source = source
        self._sink = sink
        self._one_way_s = one_way_s
        self._on_the_way: deque[tuple[float, bytes]] = deque()
        self._came = threading.Condition()

    def start(self) -> None:
        for work in (self._take, self._give):
            threading.Thread(target=work, daemon=True).start()

    def _take(self) -> None:
        piece = b"-"
        while piece:
            try:
                piece = self._source.recv(1 << 16)
            except OSError:
                piece = b""
            with self._came:
                self._on_the_way.append((time.monotonic() + self._one_way_s, piece))
                self._came.notify()

    def _give(self) -> None:
        while True:
            with self._came:
                self._came.wait_for(lambda: self._on_the_way)
                due, piece = self._on_the_way.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if piece:
                    self._sink.sendall(piece)
                else:
                    self._sink.shutdown(socket.SHUT_WR)
            except OSError:
                return
            if not piece:
                return
