"""What watching, and looking back, are handed to act with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipway.steps.deploy.smoke import Web
    from shipway.steps.watch.database_log import DatabaseLogs
    from shipway.values.basics import Clock, Say

__all__ = ["WatchPowers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPowers:
    """What a deployment's behaviour is seen by, beside its own log."""

    database: DatabaseLogs
    web: Web
    """A visitor."""
    clock: Clock
    say: Say
