"""Keeps on this machine what a target was like when it last passed verify."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shipway.values.inspection import Access, Reach, Remembered, Tried

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VerifyMemory"]


class VerifyMemory:
    """One file per target.

    Args:
        path: of the file; its folder is made when it is first written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self) -> Remembered | None:
        """Return what was kept; None when there is nothing, or nothing that can be read."""
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            access = tuple(_access(row) for row in told["access"])
            advice = told["advice"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        keys = None if advice is None else tuple(str(key) for key in advice)
        return Remembered(access=access, advice=keys)

    def keep(self, remembered: Remembered) -> None:
        """Keep it; a reader finds the old file or the new one, never half of one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        told = {"access": remembered.access, "advice": remembered.advice}
        draft.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        draft.replace(self._path)


def _access(row: list[str]) -> Access:
    kind, name, role, command, columns, reach, tried = row
    return Access(kind, name, role, command, columns, Reach(reach), Tried(tried))
