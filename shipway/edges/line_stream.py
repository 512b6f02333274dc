"""A body of lines that is read while the server writes it."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineStream"]

_MAX_LINE_BYTES = 1024 * 1024


class LineStream:
    """A body that is read line by line while the server writes it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def batches(self) -> Iterator[list[bytes]]:
        """Give the whole lines of each piece that arrives, until the stream ends or breaks.

        A line beyond 1 MiB is dropped; half a line at the end is too.
        """
        rest = b""
        with suppress(httpx.TransportError, httpx.DecodingError, httpx.StreamError, OSError):
            for piece in self._response.iter_bytes():
                *whole, rest = (rest + piece).split(b"\n")
                rest = rest if len(rest) <= _MAX_LINE_BYTES else b""
                yield whole

    def stop(self) -> None:
        """End the stream, also from another thread than the one that reads it."""
        network = self._response.extensions.get("network_stream")
        raw = network.get_extra_info("socket") if network is not None else None
        # Closing alone would not wake a thread that waits for the next piece.
        with suppress(OSError):
            if raw is not None:
                raw.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back; for the thread that reads."""
        self._response.close()
