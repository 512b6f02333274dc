"""All listening sockets of the stand-ins, on loopback, served by one loop."""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import sys
import traceback
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from shipway.sandbox.wire import Conversation

if TYPE_CHECKING:
    from shipway.sandbox.wire import Site


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
        super().__init__(("127.0.0.1", port), Conversation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            traceback.print_exc()
