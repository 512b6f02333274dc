"""GitHub Actions, when shipway runs there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What the runner told in the environment."""

    workspace: Path | None
    """The repository's root: annotations name files from there."""
    summary: Path | None
    """The file whose Markdown is shown on the run's page."""
