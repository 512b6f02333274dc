"""Plugs the real edges into the steps, as the settings say.

Each side of the world has a module of its own, imported when a command first turns to that side:
`invoke db.status` should not wait until the HTTP libraries are loaded.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Self

from shipway.cleanup import also
from shipway.edges.machine.clock import SystemClock
from shipway.steps.watch.database_log import NotAsked

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from shipway.edges.supabase.management_api import Supabase
    from shipway.settings import Settings
    from shipway.steps.watch.database_log import DatabaseLogs
    from shipway.values.basics import Clock
    from shipway.wiring.backups import BackupWiring
    from shipway.wiring.database import DatabaseWiring
    from shipway.wiring.gates import GateWiring
    from shipway.wiring.hosting import HostingWiring
    from shipway.wiring.journals import JournalWiring

__all__ = ["Wiring"]


class Wiring:
    """The powers of one command. Each is made when it is asked for: most commands need few.

    Used as a context manager; at its end every connection that it opened is closed.

    Args:
        settings: of the target.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock: Clock = SystemClock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._open.__exit__(kind, error, trace)
        except BaseException as failed:
            if error is None:
                raise
            second: BaseException | None = failed
            while second is not None and second is not error:
                also(error, second)
                second = second.__context__

    @property
    def state(self) -> Path:
        """The folder that holds all that shipway keeps on this machine."""
        return self.settings.under_root(self.settings.state_dir)

    @property
    def releases_folder(self) -> Path:
        """Where the records of releases lie."""
        return self.state / "releases"

    @cached_property
    def database(self) -> DatabaseWiring:
        """The target's database: its ledger, its catalog, its lock."""
        from shipway.wiring.database import DatabaseWiring

        return DatabaseWiring(self)

    @cached_property
    def backups(self) -> BackupWiring:
        """Backups, where they are kept, and rehearsals on them."""
        from shipway.wiring.backups import BackupWiring

        return BackupWiring(self)

    @cached_property
    def hosting(self) -> HostingWiring:
        """The Vercel project, its logs and its pages."""
        from shipway.wiring.hosting import HostingWiring

        return HostingWiring(self)

    @cached_property
    def journals(self) -> JournalWiring:
        """What releases have written down, here and in the target."""
        from shipway.wiring.journals import JournalWiring

        return JournalWiring(self)

    @cached_property
    def gates(self) -> GateWiring:
        """What the gates of a release look at."""
        from shipway.wiring.gates import GateWiring

        return GateWiring(self)

    @cached_property
    def platform(self) -> Supabase | None:
        """Supabase's Management API; None without an access token."""
        token = self.settings.supabase_access_token
        if token is None:
            return None
        from shipway.wiring.platform import open_platform

        return open_platform(self, token)

    @property
    def database_logs(self) -> DatabaseLogs:
        """The errors in the project's own logs, or the reason why they are not looked at."""
        token = self.settings.supabase_access_token
        if token is None:
            return NotAsked("SUPABASE_ACCESS_TOKEN is not set")
        if self.settings.project_ref is None:
            return NotAsked("SUPABASE_PROJECT_REF is not set")
        from shipway.wiring.platform import open_logs

        return open_logs(self, token)

    def closing(self) -> ExitStack:
        """Return the stack of what is closed with this command."""
        return self._open
