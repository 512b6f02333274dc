"""A build's log: told line by line while the build goes on, kept, and read for what failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.values.basics import Say
    from shipway.values.hosting import BuildLine

__all__ = ["BuildLog", "BuildReader", "Told", "failing_lines"]

_SHOWN_LINES = 10
_TELLS_OF_ERROR = re.compile(
    r"\b(error|failed|fatal|cannot|exception|exited with)\b", re.IGNORECASE
)


class BuildLog(Protocol):
    """Where the lines of a build are kept."""

    def add(self, line: BuildLine) -> None:
        """Keep one line."""


class BuildReader(Protocol):
    """The power to read what a build has said."""

    def build_log(self, deployment_id: str, *, since_ms: int = 0) -> tuple[BuildLine, ...]:
        """Return the build log so far, from a moment on where Vercel obeys that."""


class Told:
    """The build log as far as it was told: each line once, shown and kept.

    Args:
        deployment_id: whose.
        vercel: reads it.
        build_log: keeps it.
        say: told each line.

    Attributes:
        latest: the last line that was told.
    """

    def __init__(
        self, deployment_id: str, *, vercel: BuildReader, build_log: BuildLog, say: Say
    ) -> None:
        self._deployment_id = deployment_id
        self._vercel = vercel
        self._build_log = build_log
        self._say = say
        self._known: set[str] = set()
        self._latest_ms = 0
        self.latest = ""

    def more(self) -> None:
        """Tell what has been written since."""
        self._tell(self._vercel.build_log(self._deployment_id, since_ms=self._latest_ms))

    def rest(self) -> tuple[BuildLine, ...]:
        """Tell what is left at the build's end, and return the whole log."""
        whole = self._vercel.build_log(self._deployment_id)
        self._tell(whole)
        return whole

    def _tell(self, lines: Iterable[BuildLine]) -> None:
        for line in lines:
            name = line.serial or f"{line.at_ms} {line.text}"
            if name not in self._known:
                self._known.add(name)
                self._latest_ms = max(self._latest_ms, line.at_ms)
                self._build_log.add(line)
                self._say.note(f"build | {line.text}")
                self.latest = line.text


def failing_lines(log: Iterable[BuildLine]) -> tuple[str, ...]:
    """Return the first lines of a build log that tell of a failure, else its last lines."""
    lines = tuple(log)
    telling = [one.text for one in lines if _TELLS_OF_ERROR.search(one.text)]
    marked = [one.text for one in lines if one.error]
    chosen = telling or marked
    return tuple(chosen[:_SHOWN_LINES] if chosen else [one.text for one in lines[-_SHOWN_LINES:]])
