"""How a person called a command, and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shipway.errors import Stopped

__all__ = ["Answer", "Asked"]

_CALLED: Final = re.compile(r"\binvoke ([a-z]+(?:\.[a-z]+)*)(?=((?:(?!\binvoke )[^\n;])*))")
"""A command's name, and ahead of it what may be its flags: up to the next command."""


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
    takers: frozenset[str] = frozenset()
    """The commands that know `--target`."""

    @property
    def again(self) -> str:
        """The words that call it again."""
        # Where a command works in any folder, there may be no tasks.py yet that invoke could read.
        program = "shipway" if self.here else "invoke"
        return f"{program} {self.command}" + (f" --target {self.target}" if self.target else "")

    def on_target(self, text: str) -> str:
        """Return words for a person, in which each command names the target of this one."""
        if not self.target:
            return text

        def name_it(called: re.Match[str]) -> str:
            named = called[1] not in self.takers or "--target" in called[2]
            return called[0] if named else f"{called[0]} --target {self.target}"

        return _CALLED.sub(name_it, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found or did; with an error when its value is bad news (a failed check)."""

    value: object = None
    error: Stopped | None = None
