"""The sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """What of the sandbox runs, and where."""

    directory: Path
    exists: bool
    database: str | None
    """host:port, when it runs."""
    postgres: str
    """The version of the embedded PostgreSQL."""
    supabase_api_url: str | None
    vercel_api_url: str | None
    production_url: str | None

    @property
    def running(self) -> bool:
        """Whether all of it runs."""
        return self.database is not None and self.vercel_api_url is not None
