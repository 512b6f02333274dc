"""What a journal tells of its release: how far it came, what it proved, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from shipway.errors import Failed
from shipway.formats.decoding import UPDATE, IllFormed, NewerFormat, value_of
from shipway.steps.journal.journal import verify_chain
from shipway.values.logs import Verdict, Watched
from shipway.values.releases import Begun, KeptChecks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.steps.journal.journal import Entry

__all__ = ["ABANDONED", "Past", "Standing", "past_of"]

_Proof = TypeVar("_Proof")

ABANDONED = "abandoned"
_UNSETTLED = frozenset({"OutcomeUnknown", "LockLost", "Interrupted"})
"""Errors after which nobody has said yet what is true."""


class Standing(StrEnum):
    """Whether a release is over."""

    OPEN = "open"
    """It was cut off, interrupted, or does not know what became of its last effect."""
    FAILED = "failed"
    """It stopped and said what stands; it can be gone on with."""
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A release as its journal tells it."""

    release_id: str
    begun: Begun
    began_at: str
    entries: tuple[Entry, ...]

    @property
    def ended(self) -> Entry | None:
        """The line that ended it; none while it runs, or when it was cut off."""
        last = self.entries[-1]
        return last if last.event == "ended" else None

    @property
    def end(self) -> str:
        """How it ended, in the words of the record; empty while it has not."""
        return _tell(self.ended, "end")

    @property
    def standing(self) -> Standing:
        """Whether it is over."""
        if self.ended is None or _tell(self.ended, "error") in _UNSETTLED:
            return Standing.OPEN
        return Standing.FAILED if self.end == "failed" else Standing.OVER

    @property
    def last_step(self) -> str:
        """The step that it was in, or reached, last."""
        steps = [one.step for one in self.entries if one.event in {"intent", "result", "failed"}]
        return steps[-1] if steps else "release"

    @property
    def last_effect(self) -> str:
        """What it was about to do when it was cut off; empty when nothing was under way."""
        last = self.entries[-1]
        return _tell(last, "effect") if last.event == "about" else ""

    @property
    def asked_to_promote(self) -> bool:
        """Whether it came so far that production may have been moved."""
        effects = (_tell(one, "effect") for one in self.entries if one.event == "about")
        return any(effect.startswith("promote ") for effect in effects)

    @property
    def previous_id(self) -> str | None:
        """The deployment that served production, as it was seen when the release last set out.

        What was seen at the beginning may have been out of date; each way on looks again.
        """
        for entry in reversed(self.entries):
            if entry.event == "resumed" and isinstance(entry.data, dict):
                seen = entry.data.get("previous_id", self.begun.previous_id)
                return None if seen is None else str(seen)
        return self.begun.previous_id

    @property
    def last_at(self) -> str:
        """The time of its last line, by the clock of the machine that wrote it."""
        return self.entries[-1].at

    def proof(self, step: str, shape: type[_Proof]) -> _Proof | None:
        """Return what a step proved last, as a value; None when it never finished.

        A proof that this version of shipway cannot read counts as none: the step is done again.
        """
        for entry in reversed(self.entries):
            if entry.step == step and entry.event == "result":
                return _value(shape, entry.data)
        return None

    @property
    def kept(self) -> KeptChecks | None:
        """What its code needs of the database; None when the journal does not hold it."""
        found = [one.data for one in self.entries if one.event == "kept"]
        return _value(KeptChecks, found[-1]) if found else None

    def number_of(self, step: str) -> int | None:
        """Return the number of the line that says what a step proved last."""
        numbers = [one.number for one in self.entries if (one.event, one.step) == ("result", step)]
        return numbers[-1] if numbers else None

    def bad_logs(self) -> Watched | None:
        """Return the verdict after which nothing is put live any more."""
        for entry in reversed(self.entries):
            if entry.step == "logs" and entry.event == "failed" and isinstance(entry.data, dict):
                watched = _value(Watched, entry.data.get("proof"))
                if watched is not None and watched.verdict is Verdict.BAD:
                    return watched
        return None


def past_of(release_id: str, lines: Sequence[str]) -> Past:
    """Return what the lines of a journal tell.

    Raises:
        Failed: they are not intact, or another version of shipway wrote them.
    """
    entries, fault = verify_chain(lines)
    what = fault.what if fault is not None else ""
    if not what and (not entries or entries[0].event != "begun"):
        what = "its first line does not say what was begun"
    begun, cure = None, f"See what is wrong with it: invoke release.audit --release {release_id}"
    if not what:
        try:
            begun = value_of(Begun, entries[0].data)
        except NewerFormat as why:
            what, cure = f"it {why}", UPDATE
        except IllFormed as why:
            what = f"its first line {why}"
    if begun is None:
        raise Failed(
            f"The journal of release {release_id} cannot be trusted: {what}.",
            unchanged="Nothing was changed.",
            next_step=cure,
        )
    return Past(release_id=release_id, begun=begun, began_at=entries[0].at, entries=tuple(entries))


def _tell(entry: Entry | None, name: str) -> str:
    data = entry.data if entry is not None else None
    return str(data.get(name) or "") if isinstance(data, dict) else ""


def _value(shape: type[_Proof], form: object) -> _Proof | None:
    try:
        return value_of(shape, form)
    except IllFormed:
        return None
