"""What `init` finds in a project, and what it writes there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundHistory:
    """A folder of migrations that is there already."""

    folder: str
    """Relative to the project, with slashes."""
    tool: str
    """Whose layout it is; empty for numbered files that any tool may run."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProject:
    """What a look at a project's folder shows."""

    root: Path
    histories: tuple[FoundHistory, ...]
    """In the order in which one would guess; the first that holds files is taken."""
    older: bool
    """The history counts on what projects from before 30 October 2026 grant by themselves."""
    next_js: bool
    empty: bool
    """Nothing is there that could be an app or a history."""
    settings_in: str
    """The file that holds shipway's settings already; empty when none does."""
    tasks_file: str
    """What `invoke` reads, or will."""
    tasks_to_add: str
    """What is to be written into it, where it does not know shipway's tasks yet; else empty."""


class Fate(StrEnum):
    """What becomes of one file."""

    NEW = "new"
    ADDED = "lines added"
    SAME = "there already"
    KEPT = "yours, kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterFile:
    """One file that init looks after."""

    path: str
    """Relative to the project, with slashes."""
    fate: Fate
    text: str
    """What is written: the whole file when NEW, what is put behind its end when ADDED."""
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterPlan:
    """What init would write."""

    found: FoundProject
    files: tuple[StarterFile, ...]
    derived: tuple[str, ...] = ()
    """Files, as paths relative to the project, that are made from what the database is now."""

    @property
    def written(self) -> tuple[StarterFile, ...]:
        """The files that change."""
        return tuple(one for one in self.files if one.fate in {Fate.NEW, Fate.ADDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What init has done, and what is next."""

    written: tuple[str, ...]
    next_steps: tuple[str, ...]
