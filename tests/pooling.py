"""A connection pooler for tests: it hands server sessions out by transaction or by session."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shipway.values import Secret

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Pooler"]

_READY_IDLE = b"Z\0\0\0\5I"
_SSL_REQUEST = (80877103).to_bytes(4, "big")
_GREETING = (
    b"R\0\0\0\x08\0\0\0\0"  # authentication is not asked for
    b"S\0\0\0\x19client_encoding\0UTF8\0"
    b"S\0\0\0\x23standard_conforming_strings\0on\0"
    b"S\0\0\0\x18server_version\x0016.0\0"
    b"K\0\0\0\x0c\x3e\0\0\x01\0\0\0\x01" + _READY_IDLE  # a session number of its own invention
)


class Pooler:
    """Listens on a free port; each server session is opened when it is first needed.

    Args:
        url: the server behind.
        size: how many server sessions there are.
        by_session: a client keeps its session to its end, instead of for a transaction.

    Attributes:
        url: where clients connect.
    """

    def __init__(self, url: Secret, *, size: int, by_session: bool = False) -> None:
        self._server = url
        self._by_session = by_session
        self._free: list[psycopg.Connection[tuple[object, ...]]] = []
        self._slots = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        given = conninfo_to_dict(url.reveal())
        port = self._listener.getsockname()[1]
        self.url = Secret(f"postgresql://{given['user']}@127.0.0.1:{port}/{given['dbname']}")

    def __enter__(self) -> Self:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        for session in self._free:
            session.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if client.recv(8)[4:8] == _SSL_REQUEST:
                client.sendall(b"N")
                client.recv(8)
            client.recv(65536)
            client.sendall(_GREETING)
            session = None
            while message := client.recv(1 << 16):
                if message[:1] == b"X":
                    break
                session = session or self._take()
                idle = self._pass_on(client, session, message)
                if idle and not self._by_session:
                    self._give_back(session)
                    session = None
            if session is not None:
                session.rollback()
                self._give_back(session)

    def _pass_on(
        self,
        client: socket.socket,
        session: psycopg.Connection[tuple[object, ...]],
        message: bytes,
    ) -> bool:
        """Send on and return the answer; tell whether the session is outside transactions."""
        server = socket.socket(fileno=session.fileno())
        try:
            server.setblocking(True)  # noqa: FBT003 - socket's own signature
            server.sendall(message)
            answer = b""
            while True:
                readable, _, _ = select.select([server, client], [], [])
                if client in readable:
                    more = client.recv(1 << 16)
                    if not more:
                        return False
                    server.sendall(more)
                if server in readable:
                    part = server.recv(1 << 16)
                    client.sendall(part)
                    answer = (answer + part)[-6:]
                    if answer[:5] == _READY_IDLE[:5]:
                        return answer == _READY_IDLE
        finally:
            server.setblocking(False)  # noqa: FBT003 - socket's own signature
            server.detach()

    def _take(self) -> psycopg.Connection[tuple[object, ...]]:
        self._slots.acquire()
        with self._lock:
            if self._free:
                return self._free.pop()
        return psycopg.connect(self._server.reveal(), autocommit=True)

    def _give_back(self, session: psycopg.Connection[tuple[object, ...]]) -> None:
        with self._lock:
            self._free.append(session)
        self._slots.release()
