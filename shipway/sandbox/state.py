"""What the stand-ins remember: JSON documents and blobs below one folder, safe against kill -9."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class AlreadyRunning(Exception):  # noqa: N818 - it names the finding
    """Another process serves this state folder."""


def hold(folder: Path) -> int:
    """Take the folder for this process until it ends, and return the lock's descriptor.

    Raises:
        AlreadyRunning: another living process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "standins.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning from None
    return descriptor


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Replace the file in one motion; it is readable by its owner alone.

    No fsync: a killed process loses nothing without it, and a sandbox need not outlive a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    Path(name).replace(path)


class Document:
    """One JSON object on disk, read at the start and rewritten after every change."""

    def __init__(self, path: Path, fresh: dict[str, Any]) -> None:
        self._path = path
        self._fresh = fresh
        self._lock = threading.RLock()
        self._data: dict[str, Any] = copy.deepcopy(fresh)
        if path.is_file():
            self._data |= json.loads(path.read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def look(self) -> Iterator[dict[str, Any]]:
        """Give the data for reading, with no change by others meanwhile."""
        with self._lock:
            yield self._data

    @contextlib.contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """Give the data for changing; it is on disk when the block ends without an error."""
        with self._lock:
            yield self._data
            write_whole(self._path, json.dumps(self._data).encode())

    def reset(self) -> None:
        """Return to the state before the first change."""
        with self.change() as data:
            data.clear()
            data.update(copy.deepcopy(self._fresh))


class Blobs:
    """Contents that are too big for a document, each under a name that its owner chose."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where the blob lies, whether it is there or not."""
        return self._folder / name

    def has(self, name: str) -> bool:
        """Tell whether the blob is there."""
        return self.path(name).is_file()

    def put(self, name: str, content: bytes | memoryview) -> None:
        """Keep a content, replacing an older one."""
        write_whole(self.path(name), content)

    def drop(self, name: str) -> None:
        """Forget a content; one that is not there is no error."""
        self.path(name).unlink(missing_ok=True)

    def reset(self) -> None:
        """Forget every content."""
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)
