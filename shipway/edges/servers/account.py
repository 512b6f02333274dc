"""The account that our servers run as, and where what they touch lies for root.

PostgreSQL refuses to run as root. For root there is one rule: **everything that the server
touches lies under /var/lib/shipway and belongs to nobody**, because a checkout often lies in a
folder that nobody may enter. For everyone else servers run as themselves.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["FOR_ROOT", "server_account"]

FOR_ROOT: Final = Path("/var/lib/shipway")


def server_account() -> str | None:
    """Return the account to start servers as; None for our own."""
    return "nobody" if os.geteuid() == 0 else None
