"""How a person called a command, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipway.errors import Stopped

__all__ = ["Answer", "Asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a person called a command."""

    command: str
    target: str | None = ""
    """Empty for the default target, None for a command that works on none."""
    format: str = "text"
    dry: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: bool = False
    here: bool = False
    """It works in the current folder, whatever project lies around it."""

    @property
    def again(self) -> str:
        """The words that call it again."""
        # Where a command works in any folder, there may be no tasks.py yet that invoke could read.
        program = "shipway" if self.here else "invoke"
        return f"{program} {self.command}" + (f" --target {self.target}" if self.target else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found or did; with an error when its value is bad news (a failed check)."""

    value: object = None
    error: Stopped | None = None
