"""All listening sockets of the stand-ins, on loopback, served by one loop."""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import sys
import threading
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
        self._wake_out.settimeout(0)
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
        self._wake()
        return port

    def close(self, port: int) -> None:
        """Stop listening on a port that `open` returned; nobody gets through afterwards.

        Called while `run` runs, and not from within it.
        """
        listener = self._listeners.pop(port)
        self._old.put(listener)
        self._wake()
        listener.closed.wait()

    def run(self) -> None:
        """Accept connections until `stop`, then close every listening socket."""
        while self._running:
            ready = [key for key, _ in self._selector.select()]
            for key in ready:
                if key.fileobj is not self._wake_in:
                    key.data.handle_request()
            # Afterwards, so that no listener is closed while it stands in the list above.
            if any(key.fileobj is self._wake_in for key in ready):
                self._wake_in.recv(1024)
                self._take_changes()
        for listener in self._listeners.values():
            listener.server_close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def stop(self) -> None:
        """End `run`; safe to call from a signal handler."""
        self._running = False
        self._wake()

    def _wake(self) -> None:
        # A full pipe is as good as one more byte, and after its end the loop needs none.
        with contextlib.suppress(OSError):
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
                listener.closed.set()


class _Listener(ThreadingTCPServer):
    # Not HTTPServer: that one asks DNS for the host's name before it listens.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    timeout = 0

    def __init__(self, port: int, site: Site) -> None:
        self.site = site
        self.closed = threading.Event()
        super().__init__(("127.0.0.1", port), Conversation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            traceback.print_exc()
