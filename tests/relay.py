"""What a proxy of the tests stands between: each client with a connection to the server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def pairs(listener: socket.socket, port: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield each client that comes with its connection to the local port, until we are closed.

    While the server is away, clients are hung up on.
    """
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()
            continue
        yield client, server
