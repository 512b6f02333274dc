"""The file that a dump is written to: it is there as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from shipway.cleanup import afterwards, also
from shipway.errors import Failed
from shipway.values.backup import DumpedSoFar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shipway.edges.machine.process import Running

__all__ = ["UNCHANGED", "DumpFile", "whole_or_not"]

UNCHANGED = "The database was not changed, and no file was kept that looks like a whole dump."
_PROGRESS_EVERY_S = 0.25
_BEGINS = b"pg_dump: dumping contents of table "


@contextmanager
def whole_or_not(into: Path) -> Iterator[Path]:
    """Hand out the name to write under; rename it when all went well, else delete it."""
    partial = into.with_name(into.name + ".partial")
    with afterwards(lambda: partial.unlink(missing_ok=True)):
        try:
            yield partial
            partial.replace(into)
        except OSError as error:
            raise Failed(
                f"The dump could not be written to {partial.parent}: {error.strerror}.",
                unchanged=UNCHANGED,
                next_step="Make room there, or set SHIPWAY_STATE_DIR to a folder with more of it.",
            ) from None


class DumpFile:
    """The file that is written, its digest, and how far the dump is."""

    def __init__(self, path: Path, *, tables: int, tell: Callable[[DumpedSoFar], None]) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb")
        self._digest = hashlib.sha256()
        self._tables = tables
        self._tell = tell
        self._told = time.monotonic()
        self._running: Running | None = None
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            with self._file:
                if error is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
        except OSError as second:
            # What is left in the buffer is written by the closing, onto a full disk perhaps.
            if error is None:
                raise
            also(error, second)

    def listen(self, running: Running) -> None:
        """Take what the program says of its tables into what is told."""
        self._running = running

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> int:
        """Write, and a few times a second tell how far it is."""
        self._digest.update(chunk)
        self._file.write(chunk)
        self.size_bytes += len(chunk)
        if self._running and time.monotonic() - self._told >= _PROGRESS_EVERY_S:
            self._told = time.monotonic()
            begun = self._running.complaints().count(_BEGINS)
            self._tell(
                DumpedSoFar(written_bytes=self.size_bytes, tables_begun=begun, tables=self._tables)
            )
        return len(chunk)

    def flush(self) -> None:
        """Do nothing: the end of the block does it."""
