"""The folder of extensions for a server of ours: stand-ins for what it lacks."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipway.edges.extensions.library import stand_ins, write_stand_ins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.edges.servers.install import Install

__all__ = ["extensions_for"]

_NEVER_REAL: Final = frozenset(
    ("http", "pg_cron", "pg_net", "pg_tle", "pgaudit", "pgsodium", "supabase_vault")
)
"""They reach out of the server or act on their own, as no copy may, or do nothing without being
loaded when the server starts: a server that has them gets the stand-ins all the same."""


@contextmanager
def extensions_for(install: Install) -> Iterator[Path]:
    """Write what a server finds beside its own extensions; a `Cluster` reads it when it starts.

    Args:
        install: the server's.

    Yields:
        the folder; it is there for the block alone.
    """
    with tempfile.TemporaryDirectory(prefix="shipway-") as folder:
        write_stand_ins(Path(folder), stand_ins() - (install.extensions - _NEVER_REAL))
        yield Path(folder)
