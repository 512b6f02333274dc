"""The log of a build, kept in the folder of its release."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shipway.values.basics import Secret
    from shipway.values.hosting import BuildLine

__all__ = ["BuildLogFile"]


class BuildLogFile:
    """One text file, a line of the build on each line; made with the first of them.

    Args:
        path: of the file; an earlier build of the same release stands above.
        secrets: taken out, should the build print one.
    """

    def __init__(self, path: Path, *, secrets: Sequence[Secret]) -> None:
        self._path = path
        self._secrets = secrets

    def add(self, line: BuildLine) -> None:
        """Keep one line; it is in the file when the call returns."""
        text = line.text
        for secret in self._secrets:
            if secret:
                text = text.replace(secret.reveal(), str(secret))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
