"""The append-only record of a release: what was about to happen, and what happened.

One JSON object a line. Each line carries the SHA-256 of the line before it, so that a changed,
removed or inserted line is found by `read`.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Failed, Stopped
from shipway.json_form import Json, json_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shipway.values import Clock

__all__ = ["Entry", "Journal", "read"]

_FIRST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a journal."""

    number: int
    """From 1, without a gap."""
    at: str
    """ISO 8601, UTC."""
    event: str
    """`intent`, `result` or `failed`; `begun` and `ended` for the release as a whole."""
    step: str
    data: Json
    previous: str
    """Digest of the line before; 64 zeros for the first."""

    def line(self) -> str:
        """Return the entry as its line, without the line end."""
        return json.dumps(json_form(self), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """Return the SHA-256 of the line, hexadecimal."""
        return hashlib.sha256(self.line().encode()).hexdigest()


class Journal:
    """Writes the journal of one release; a line is on the disk when the call returns.

    Args:
        path: the file; it may exist, then the chain goes on from its last line.
        clock: gives the time of each line.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        if path.exists():
            _drop_torn_line(path)
        entries = read(path) if path.exists() else []
        self._number = len(entries)
        self._previous = entries[-1].digest() if entries else _FIRST

    def write(self, event: str, step: str, data: object = None) -> None:
        """Append one line and wait until the disk has it."""
        entry = Entry(
            number=self._number + 1,
            at=str(json_form(self._clock.now())),
            event=event,
            step=step,
            data=json_form(data),
            previous=self._previous,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(entry.line() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._number, self._previous = entry.number, entry.digest()

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[object], None]]:
        """Write the intent, then the proof that the block hands over, or why it failed."""
        self.write("intent", name)
        proof: list[object] = []
        try:
            yield proof.append
        except Stopped as error:
            self.write("failed", name, {"error": type(error).__name__, "what": error.what})
            raise
        except BaseException as error:
            self.write("failed", name, {"error": type(error).__name__})
            raise
        self.write("result", name, proof[-1] if proof else None)


def _drop_torn_line(path: Path) -> None:
    """Cut off a last line that a crash left without its end, so that the chain can go on."""
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.truncate(path, whole)


def read(path: Path) -> list[Entry]:
    """Return the entries of a journal.

    A last line that was cut off by a crash is left out: its effect was never announced as begun.

    Raises:
        Failed: a line was changed, removed or inserted; its number is named.
    """
    entries: list[Entry] = []
    previous = _FIRST
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], start=1):
        entry = _entry(line)
        if entry is None or entry.number != number or entry.previous != previous:
            raise Failed(
                f"The journal {path.name} is not intact: line {number} does not follow the one "
                "before it.",
                unchanged="Nothing was written.",
                next_step=f"Compare {path} with your backup of it; a line was edited or removed.",
            )
        entries.append(entry)
        previous = entry.digest()
    return entries


def _entry(line: str) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None
