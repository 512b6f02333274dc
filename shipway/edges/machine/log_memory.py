"""What the logs of earlier versions were like, kept on this machine for the next release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shipway.values.logs import Baseline

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.logs import Watched

__all__ = ["LogMemory"]

_KEPT_WINDOWS = 20
_KEPT_KINDS = 500


class LogMemory:
    """One file a target: the counts of the last windows, and the errors that were ever seen.

    A file that is missing or damaged is an empty memory: it only makes the next verdict more
    cautious.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Baseline:
        """Return what is remembered."""
        found = self._found()
        windows = [one for one in found.get("windows", []) if _is_window(one)]
        kinds = [one for one in found.get("fingerprints", []) if isinstance(one, str)]
        return Baseline(
            requests=sum(one["requests"] for one in windows),
            errors=sum(one["errors"] for one in windows),
            fingerprints=tuple(kinds),
        )

    def learn(self, watched: Watched) -> None:
        """Remember a window that was not bad."""
        found = self._found()
        windows = [one for one in found.get("windows", []) if _is_window(one)]
        windows.append({"requests": watched.requests, "errors": watched.errors})
        known = [one for one in found.get("fingerprints", []) if isinstance(one, str)]
        kinds = list(dict.fromkeys((*known, *watched.fingerprints)))
        text = json.dumps(
            {"windows": windows[-_KEPT_WINDOWS:], "fingerprints": kinds[-_KEPT_KINDS:]}, indent=1
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(self._path)

    def _found(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _is_window(found: object) -> bool:
    return isinstance(found, dict) and all(
        isinstance(found.get(name), int) and found[name] >= 0 for name in ("requests", "errors")
    )
