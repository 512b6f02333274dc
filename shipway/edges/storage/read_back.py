"""Where the pieces go of what is read back from a bucket, again after a broken connection."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Begin: TypeAlias = Callable[[], Callable[[bytes], object]]
    """Called before each try; what it returns takes that try's pieces."""

__all__ = ["digest_of", "write"]


def digest_of(read: Callable[[Begin], None]) -> str:
    """Return the SHA-256 of what is read, hexadecimal."""
    digests = []

    def begin() -> Callable[[bytes], object]:
        digests.append(hashlib.sha256())
        return digests[-1].update

    read(begin)
    return digests[-1].hexdigest()


def write(path: Path, read: Callable[[Begin], None]) -> None:
    """Write what is read to a file."""
    with path.open("wb") as file:

        def begin() -> Callable[[bytes], object]:
            file.seek(0)
            file.truncate()
            return file.write

        read(begin)
