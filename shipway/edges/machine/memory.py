"""Keeps on this machine what a target was like when it last passed verify."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shipway.formats.decoding import IllFormed, value_of
from shipway.formats.json_form import json_form
from shipway.values.inspection import Remembered

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
            return value_of(Remembered, json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, IllFormed):
            return None

    def keep(self, remembered: Remembered) -> None:
        """Keep it; a reader finds the old file or the new one, never half of one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps(json_form(remembered), indent=1) + "\n", encoding="utf-8")
        draft.replace(self._path)
