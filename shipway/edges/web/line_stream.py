"""A body of lines that is read while the server writes it."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineStream"]

_MAX_LINE_BYTES = 16 * 1024 * 1024


class LineStream:
    """A body that is read line by line while the server writes it.

    Attributes:
        dropped: how many lines were too long to be read.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.dropped = 0

    def batches(self) -> Iterator[list[bytes]]:
        """Give the whole lines of each piece that arrives, until the stream ends or breaks.

        A line beyond 16 MiB is dropped and counted, and no more than that of it is ever kept; half
        a line at the end is dropped too.
        """
        begun = _Line()
        with suppress(httpx.TransportError, httpx.DecodingError, httpx.StreamError, OSError):
            for piece in self._response.iter_bytes():
                *ends, rest = piece.split(b"\n")
                whole = []
                for end in ends:
                    begun.add(end)
                    if begun.too_long:
                        self.dropped += 1
                    else:
                        whole.append(begun.text())
                    begun = _Line()
                begun.add(rest)
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


class _Line:
    """A line in the pieces in which it arrives: to join them one by one is quadratic."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def too_long(self) -> bool:
        return self._size > _MAX_LINE_BYTES

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        self._pieces.append(piece)
        if self.too_long:
            self._pieces.clear()

    def text(self) -> bytes:
        return b"".join(self._pieces)
