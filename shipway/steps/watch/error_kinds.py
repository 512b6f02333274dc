"""Kinds of errors: how often each came, and which of the database's are new."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shipway.steps.watch.error_fingerprint import database_fingerprint

if TYPE_CHECKING:
    from datetime import datetime

    from shipway.values.logs import LogRow

__all__ = ["DatabaseTally", "Kind", "count_kind"]

_KEPT_KINDS = 500
"""Kinds of errors that are told apart; a log of nothing but new ones must not fill the memory."""
_FEWEST_MOMENTS = 2
_KEPT_ROWS = 10
_NOT_THE_CODES_FAULT = ("08", "28", "57P")
"""Classes of SQLSTATE that speak of connections, of strangers at the door, and of shutdowns
(PostgreSQL, Appendix A): they are counted, and never new errors of a version."""


@dataclass(slots=True)
class Kind:
    """One kind of error: how often, and in how many moments."""

    count: int = 0
    moments: int = 0
    last_moment: int = -1

    def add(self, moment: int) -> None:
        """Count one more; those of one moment belong together."""
        self.count += 1
        if moment != self.last_moment:
            self.moments += 1
            self.last_moment = moment

    def is_more_than_a_burst(self, least: float) -> bool:
        """Tell whether it came so often, and in more than one moment."""
        return self.count >= least and self.moments >= _FEWEST_MOMENTS


def count_kind(kinds: dict[str, Kind], name: str, moment: int) -> None:
    """Count one error of a kind, in memory that does not grow with their number."""
    if name in kinds or len(kinds) < _KEPT_KINDS:
        kinds.setdefault(name, Kind()).add(moment)


@dataclass(slots=True, kw_only=True)
class DatabaseTally:
    """What the database's own log has told: which errors there were before, and since."""

    since: datetime | None = None
    """The new version's first visitor; what the log tells from before is normal."""
    moment_s: float = 1.0
    errors: int = 0
    known: set[str] = field(default_factory=set)
    """From one query's past, whose length is limited."""
    kinds: dict[str, Kind] = field(default_factory=dict)
    worst: list[LogRow] = field(default_factory=list)

    def count(self, row: LogRow) -> None:
        """Count one error; those from before have to come first."""
        name = database_fingerprint(row)
        if self.since is None or row.at < self.since:
            self.known.add(name)
            return
        self.errors += 1
        if name in self.known or row.code.startswith(_NOT_THE_CODES_FAULT):
            return
        count_kind(self.kinds, name, int(row.at.timestamp() / self.moment_s))
        if len(self.worst) < _KEPT_ROWS:
            self.worst.append(row)

    def bad(self, *, least: float) -> str:
        """Return which new error came so often that it is bad; empty when none did."""
        for name, kind in self.kinds.items():
            if kind.is_more_than_a_burst(least):
                return (
                    f"The database tells an error {kind.count} times that it did not tell in the "
                    f"day before: {name.removeprefix('database ')}"
                )
        return ""

    @property
    def told(self) -> str:
        """The counts as a sentence; empty when there is nothing to tell."""
        if not self.errors:
            return ""
        new = f"new: {', '.join(self.kinds)}" if self.kinds else "of no new kind"
        return f" The database told {self.errors} errors, {new}."
