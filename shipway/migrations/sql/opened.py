"""A migration's statements, opened for as long as they are run, and as they were planned."""

from __future__ import annotations

import mmap
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from shipway.errors import Refused
from shipway.migrations.names import display_name
from shipway.migrations.sql.script import Script
from shipway.migrations.sql.text import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.migrations import Migration

__all__ = ["open_script"]

_PIECE_BYTES: Final = 1 << 20
_IN_MEMORY_BYTES: Final = 64 * _PIECE_BYTES


@contextmanager
def open_script(migration: Migration, *, standard_strings: bool = True) -> Iterator[Script]:
    """Open a file's statements for as long as they are run.

    They are those that were planned: an editor may write to the file at any time, even while it
    runs.

    Raises:
        Refused: the file is gone, or another than the one that was planned.
        Misconfigured: the file cannot be cut into statements, or holds what cannot be run.
    """
    name = display_name(migration.path)
    with ExitStack() as stack:
        try:
            data = stack.enter_context(_own_copy(migration.path))
        except OSError as error:
            raise _no_longer(f"{name} cannot be read any more: {error.strerror}") from None
        if text_of(_in_pieces(data), migration.path).sha256 != migration.sha256:
            raise _no_longer(f"{name} was edited after it was planned")
        yield Script(data, name=name, standard_strings=standard_strings)


@contextmanager
def _own_copy(path: Path) -> Iterator[bytes | mmap.mmap]:
    """Hold what the file says now; on the disk where it is large."""
    if path.stat().st_size <= _IN_MEMORY_BYTES:
        yield path.read_bytes()
        return
    with tempfile.TemporaryFile() as copy:
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy, _PIECE_BYTES)
        copy.flush()
        with mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _in_pieces(data: bytes | mmap.mmap) -> Iterator[bytes]:
    for at in range(0, len(data), _PIECE_BYTES):
        yield data[at : at + _PIECE_BYTES]


def _no_longer(problem: str) -> Refused:
    return Refused(
        f"{problem}.",
        unchanged="Nothing of it was run; what the lines above report stands.",
        next_step="Run the command again: it makes its plan anew.",
    )
