"""Writes what was planned: new files are created, lines are put behind the end of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Failed
from shipway.values.starting import Fate

if TYPE_CHECKING:
    from shipway.values.basics import Say
    from shipway.values.starting import StarterPlan

__all__ = ["write_start"]


def write_start(plan: StarterPlan, *, say: Say) -> tuple[str, ...]:
    """Write the plan's files and return their paths; a file that has come since is left alone.

    Raises:
        Failed: a file cannot be written; those named before it stand.
    """
    written = []
    for file in plan.written:
        path = plan.found.root / file.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x" if file.fate is Fate.NEW else "a", encoding="utf-8") as stream:
                stream.write(file.text)
        except OSError as error:
            raise Failed(
                f"{path} cannot be written: {error.strerror}.",
                unchanged="The files that the lines above name are written; no other was touched.",
                next_step="Make that possible, then run it again: what is there is left alone.",
            ) from None
        say.note(f"wrote {file.path}")
        written.append(file.path)
    return tuple(written)
