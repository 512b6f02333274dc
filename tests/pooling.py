"""A connection pooler for tests that does what PgBouncer does, in each of its three modes.

`tests/edges/test_pooler.py` holds it against the real one.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shipway.values import Secret

if TYPE_CHECKING:
    from types import TracebackType

    Session = psycopg.Connection[tuple[object, ...]]

__all__ = ["Pooler"]

_READY: Final = b"Z\0\0\0\5"
_READY_IDLE: Final = _READY + b"I"
_SSL_REQUEST: Final = (80877103).to_bytes(4, "big")
_CANCEL: Final = (80877102).to_bytes(4, "big")
_REPORTED: Final = ("server_version", "client_encoding", "standard_conforming_strings", "DateStyle")
# Start-up parameters that it takes; of those the server sessions follow their client.
_TRACKED: Final = {"application_name", "client_encoding", "datestyle", "timezone"}
_KNOWN: Final = {*_TRACKED, "user", "database", "standard_conforming_strings", ""}


class Pooler:
    """Listens on a free port; each server session is opened when it is first needed.

    Args:
        url: the server behind.
        size: how many server sessions there are.
        mode: for how long a client keeps the one that it is given.
        round_robin: gives out the session that rested longest, not the one that came back last.
        wait_s: the longest wait for a session (`query_wait_timeout`).
        reset: cleans a session that its client is done with, in session mode
            (`server_reset_query`).

    Attributes:
        url: where clients connect.
        most: how many clients there were at most at one time.
    """

    def __init__(  # noqa: PLR0913 - settings of the real one
        self,
        url: Secret,
        *,
        size: int = 20,
        mode: Literal["session", "transaction", "statement"] = "transaction",
        round_robin: bool = False,
        wait_s: float = 120.0,
        reset: bool = True,
    ) -> None:
        self._server = url
        self._mode = mode
        self._round_robin = round_robin
        self._wait_s = wait_s
        self._reset = reset
        self._free: deque[Session] = deque()
        self._slots = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._clients = 0
        self.most = 0
        given = conninfo_to_dict(url.reveal())
        port = self._listener.getsockname()[1]
        self.url = Secret(f"postgresql://{given['user']}@127.0.0.1:{port}/{given['dbname']}")

    def __enter__(self) -> Self:
        accepting = threading.Thread(target=self._accept, daemon=True)
        self._threads.append(accepting)
        accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing alone does not wake the thread that waits for a client.
        self._listener.shutdown(socket.SHUT_RDWR)
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
            given = _start_up(client)
            if given is None:
                return
            self._count(1)
            unknown = [name for name in given if name.lower() not in _KNOWN]
            if unknown:
                client.sendall(_fatal("08P01", f"unsupported startup parameter: {unknown[0]}"))
            else:
                client.sendall(self._greeting())
                self._talk(client, given)
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._clients += more
            self.most = max(self.most, self._clients)

    def _greeting(self) -> bytes:
        with psycopg.connect(self._server.reveal()) as one:
            told = {name: one.info.parameter_status(name) for name in _REPORTED}
        reported = b"".join(
            _message(b"S", f"{name}\0{value}\0".encode()) for name, value in told.items()
        )
        # Authentication is not asked for; the session's number is of its own invention.
        return _message(b"R", bytes(4)) + reported + _message(b"K", b"\x3e\0\0\1" * 2) + _READY_IDLE

    def _talk(self, client: socket.socket, given: dict[str, str]) -> None:
        session, state = None, b"I"
        while (message := _received(client)) and message[:1] != b"X":
            session = session or self._take(client, given)
            if session is None:
                with suppress(OSError):
                    client.sendall(_fatal("08P01", "query_wait_timeout"))
                return
            state = _pass_on(client, session, message, whole=self._mode != "statement")
            if self._mode == "statement" and state == b"T":
                said = "transaction blocks not allowed in statement pooling mode"
                client.sendall(_fatal("08P01", said))
                break
            if state == b"I" and self._mode != "session":
                self._give_back(session)
                session = None
        if session is not None:
            if state != b"I":  # a client that goes in a transaction takes its session along
                session.close()
            elif self._reset:
                with suppress(psycopg.OperationalError):  # the server may be gone by now
                    session.execute("discard all")
            self._give_back(session)

    def _take(self, client: socket.socket, given: dict[str, str]) -> Session | None:
        ends = time.monotonic() + self._wait_s
        while not self._slots.acquire(timeout=0.05):
            if _is_gone(client) or time.monotonic() >= ends:
                return None
        with self._lock:
            free = self._free
            session = (free.popleft() if self._round_robin else free.pop()) if free else None
        if session is None:
            session = psycopg.connect(
                self._server.reveal(), autocommit=True, prepare_threshold=None
            )
        for name, value in given.items():
            if name in _TRACKED:
                session.execute("select set_config(%s, %s, false)", (name, value))
        return session

    def _give_back(self, session: Session) -> None:
        if not session.closed:
            with self._lock:
                self._free.append(session)
        self._slots.release()


def _start_up(client: socket.socket) -> dict[str, str] | None:
    """Return the parameters that a client begins with, after saying that there is no TLS.

    None: it only asks for a query to be cancelled, which is not passed on.
    """
    head = client.recv(8)
    if head[4:8] == _SSL_REQUEST:
        client.sendall(b"N")
        head = client.recv(8)
    if head[4:8] == _CANCEL:
        return None
    body = client.recv(int.from_bytes(head[:4], "big") - 8)
    words = body.decode().split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def _fatal(sqlstate: str, text: str) -> bytes:
    return _message(b"E", f"SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0".encode())


def _is_gone(client: socket.socket) -> bool:
    """Tell whether a client has left that waits for a session."""
    readable, _, _ = select.select([client], [], [], 0)
    with suppress(OSError):
        return bool(readable) and client.recv(1, socket.MSG_PEEK) in {b"", b"X"}
    return True


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(1 << 16)
    except OSError:
        return b""


def _pass_on(client: socket.socket, session: Session, message: bytes, *, whole: bool) -> bytes:
    """Send on, return the answer, and tell the transaction's state: I, T or E.

    Args:
        client: who asks.
        session: of the server.
        message: what the client sent.
        whole: the answer may be passed on before the state is known.
    """
    server = socket.socket(fileno=session.fileno())
    try:
        server.setblocking(True)  # noqa: FBT003 - socket's own signature
        server.sendall(message)
        kept = answer = b""
        while True:
            readable, _, _ = select.select([server, client], [], [])
            if client in readable:
                more = _received(client)
                if not more:
                    return b"T"
                server.sendall(more)
            if server in readable:
                part = server.recv(1 << 16)
                kept += part
                answer = (answer + part)[-6:]
                ready = answer[:5] == _READY
                if whole or (ready and answer[5:] != b"T"):
                    client.sendall(kept)
                    kept = b""
                if ready:
                    return answer[5:]
    finally:
        server.setblocking(False)  # noqa: FBT003 - socket's own signature
        server.detach()
