"""The append-only record of a release: what was about to happen, and what happened.

One JSON object a line. Each line carries the SHA-256 of the line before it, so that a changed,
removed or inserted line is found. The same lines are kept in more places than one: the first is
written first and counts; another one may be behind it, and is brought up to date when the journal
is opened again, but it may never say anything else.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.cleanup import also
from shipway.errors import Failed, Stopped
from shipway.formats.json_form import Json, hide_secrets, json_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.values.basics import Clock

__all__ = ["Entry", "Fault", "FileCopy", "Journal", "Keeper", "read", "verify_chain"]

_FIRST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a journal."""

    number: int
    """From 1, without a gap."""
    at: str
    """ISO 8601, UTC."""
    event: str
    """Of a step `intent`, `result` or `failed`; `about` before each effect within it; of the
    release `begun`, `kept` (what its code needs of the database), `resumed` and `ended`."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Where a chain breaks, and how it looks there."""

    line: int
    what: str


class Keeper(Protocol):
    """One place that keeps the lines."""

    @property
    def name(self) -> str:
        """The place, for messages."""

    def lines(self) -> list[str]:
        """Return the whole lines so far, in order."""

    def append(self, number: int, line: str) -> None:
        """Keep one more line; it is there for good when the call returns.

        Raises:
            Stopped: it is not, or nobody knows; nothing may be done on the strength of it.
        """


class FileCopy:
    """A journal's lines in a file of their own, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def lines(self) -> list[str]:
        """Return the lines; one that a crash left without its end is none: it was never kept."""
        try:
            return self._path.read_text(encoding="utf-8").split("\n")[:-1]
        except FileNotFoundError:
            return []

    def append(self, number: int, line: str) -> None:
        """Append a line and wait until the disk has it."""
        try:
            if number == 1:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            elif not self._path.exists():
                raise FileNotFoundError(2, "it is gone")
            self._drop_torn_line()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Failed(
                f"The journal {self._path} could not be written: {error.strerror}.",
                unchanged="What was about to be done next was not begun.",
                next_step="Make its folder writable with room in it; then go on with --resume.",
            ) from None

    def _drop_torn_line(self) -> None:
        if not self._path.exists():
            return
        text = self._path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(self._path, whole)


class Journal:
    """Writes the journal of one release; a line is kept everywhere when the call returns.

    Args:
        keepers: where it is kept; the first is written first and is the one that counts.
        clock: gives the time of each line.
        hide: takes the secrets out of a text.
        whole: keeps an interruption out of the writing of a line.

    Raises:
        Failed: what is kept already is not intact, or the places contradict each other.
    """

    def __init__(
        self,
        keepers: Sequence[Keeper],
        clock: Clock,
        *,
        hide: Callable[[str], str] = str,
        whole: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._keepers = list(keepers)
        self._clock = clock
        self._hide = hide
        self._whole = whole
        entries = self._brought_together()
        self._number = len(entries)
        self._previous = entries[-1].digest() if entries else _FIRST

    def _brought_together(self) -> list[Entry]:
        """Return the entries so far, after every place has been given what it lacks."""
        kept = [keeper.lines() for keeper in self._keepers]
        longest = max(kept, key=len)
        entries = read(longest, self._keepers[kept.index(longest)].name)
        for keeper, lines in zip(self._keepers, kept, strict=True):
            if lines != longest[: len(lines)]:
                number = _first_difference(lines, longest)
                raise Failed(
                    f"The journal in {keeper.name} contradicts its other copy from line {number}.",
                    unchanged="Nothing was written.",
                    next_step="See which one was changed: invoke release.audit",
                )
            for number in range(len(lines), len(longest)):
                keeper.append(number + 1, longest[number])
        return entries

    def write(self, event: str, step: str, data: object = None) -> None:
        """Append one line and wait until every place has it.

        Raises:
            Stopped: one has it not. Where it is not the first place, that one is left alone from
                then on: it stays behind until the journal is opened again.
        """
        with self._whole():
            self._write(event, step, data)

    def _write(self, event: str, step: str, data: object) -> None:
        entry = Entry(
            number=self._number + 1,
            at=str(json_form(self._clock.now())),
            event=event,
            step=step,
            data=hide_secrets(json_form(data), self._hide),
            previous=self._previous,
        )
        first, *others = self._keepers
        first.append(entry.number, entry.line())
        self._number, self._previous = entry.number, entry.digest()
        for other in others:
            try:
                other.append(entry.number, entry.line())
            except Stopped:
                self._keepers.remove(other)
                raise

    def close(self, event: str, step: str, data: object, error: BaseException | None) -> None:
        """Append a line about something that has ended; that it cannot be must not hide `error`."""
        try:
            self.write(event, step, data)
        except Exception as second:  # noqa: BLE001 - whatever it is, it is the second
            if error is not None:
                also(error, second)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[object], None]]:
        """Write the intent, then the proof that the block hands over, or why it failed."""
        self.write("intent", name)
        proof: list[object] = []

        def last() -> object:
            return proof[-1] if proof else None

        try:
            yield proof.append
        except BaseException as error:
            what = error.what if isinstance(error, Stopped) else ""
            told = {"error": type(error).__name__, "what": what, "proof": last()}
            self.close("failed", name, told, error)
            raise
        self.write("result", name, last())


def read(lines: Sequence[str], name: str) -> list[Entry]:
    """Return the entries of a journal.

    Args:
        lines: as they are kept.
        name: the place, for messages.

    Raises:
        Failed: a line was changed, removed or inserted; its number is named.
    """
    entries, fault = verify_chain(lines)
    if fault is not None:
        raise Failed(
            f"The journal in {name} is not intact: {fault.what}.",
            unchanged="Nothing was written.",
            next_step="Compare it with its other copy: invoke release.audit",
        )
    return entries


def verify_chain(lines: Sequence[str]) -> tuple[list[Entry], Fault | None]:
    """Return the entries as far as each follows from the one before, and where that ends."""
    entries: list[Entry] = []
    previous = _FIRST
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        what = ""
        if entry is None or entry.line() != line:
            what = f"line {number} is not as shipway wrote it"
        elif entry.number != number:
            what = f"line {number} calls itself number {entry.number}: lines were removed or added"
        elif entry.previous != previous:
            what = f"line {number} does not follow the one before it: one of the two was changed"
        if entry is None or what:
            return entries, Fault(line=number, what=what)
        entries.append(entry)
        previous = entry.digest()
    return entries, None


def _entry(line: str) -> Entry | None:
    with suppress(ValueError, TypeError, RecursionError):
        return Entry(**json.loads(line))
    return None


def _first_difference(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False), start=1)
    return next((number for number, (a, b) in pairs if a != b), min(len(one), len(other)) + 1)
