"""The journals of releases: in the target's database and in their folders on this machine."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING

from shipway.edges.ledger.journals import Logbook
from shipway.edges.postgres import connection as postgres
from shipway.errors import Refused, Stopped
from shipway.steps.journal.entries import past_of
from shipway.steps.journal.journal import FileCopy, Journal
from shipway.steps.release.serving_promises import bring_back, promises_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.edges.postgres.advisory_lock import Lock
    from shipway.steps.journal.entries import Past
    from shipway.steps.release.serving_promises import Kept
    from shipway.wiring import Wiring

__all__ = ["IN_DATABASE", "JournalWiring"]

IN_DATABASE = "the target's database"
_FILE = "journal.jsonl"
_RELEASE_ID = re.compile(r"[0-9A-Za-z-]+")


class JournalWiring:
    """What commands ask of the journals."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    @cached_property
    def book(self) -> Logbook:
        """What the target's database knows of its releases."""
        connection = postgres.connect(
            self._wiring.settings.database_url,
            purpose="journal",
            timeout_s=self._wiring.settings.connect_timeout_s,
        )
        return Logbook(self._wiring.closing().enter_context(connection))

    def folder(self, release_id: str) -> Path:
        """Return where the record of a release lies on this machine.

        Raises:
            Refused: no release can be called so.
        """
        if not _RELEASE_ID.fullmatch(release_id):
            raise Refused(
                f"'{release_id}' is not the id of a release.",
                unchanged="Nothing was changed.",
                next_step="See which there are: invoke release.history",
            )
        return self._wiring.releases_folder / release_id

    def file(self, release_id: str) -> FileCopy:
        """Return the copy on this machine."""
        return FileCopy(self.folder(release_id) / _FILE)

    def here(self) -> tuple[str, ...]:
        """Return the releases that this machine has a journal of."""
        found = self._wiring.releases_folder.glob(f"*/{_FILE}")
        return tuple(sorted(path.parent.name for path in found))

    def open(
        self,
        release_id: str,
        lock: Lock,
        *,
        hide: Callable[[str], str],
        whole: Callable[[], AbstractContextManager[None]],
    ) -> Journal:
        """Open the journal of a release to go on with it.

        Raises:
            Failed: it is not intact.
            LockLost: the lock is not held any more.
        """
        return Journal(
            [_InTarget(release_id, lock), self.file(release_id)],
            self._wiring.clock,
            hide=hide,
            whole=whole,
        )

    def past(self, release_id: str) -> Past:
        """Return what the journal of a release tells; of the database's copy, else of ours.

        Raises:
            Refused: nobody knows of it.
            Failed: it is not intact.
        """
        lines = self.book.lines(release_id)
        # A target that was put back to an earlier state knows less than we do.
        ours = self.file(release_id).lines()
        if len(ours) > len(lines) and tuple(ours[: len(lines)]) == lines:
            lines = tuple(ours)
        if not lines:
            raise Refused(
                f"No release {release_id} is known to the target, nor to this machine.",
                unchanged="Nothing was changed.",
                next_step="See which there are: invoke release.history",
            )
        return past_of(release_id, lines)

    def kept(self, release_id: str) -> Kept | None:
        """Return what the code of a release needs; from this machine, else from its journal."""
        here = promises_of(self._wiring.releases_folder, release_id)
        if here is not None:
            return here
        try:
            checks = self.past(release_id).kept
        except Stopped:
            return None
        if checks is None:
            return None
        folder = self._wiring.state / "kept"
        bring_back(checks, folder, release_id)
        return promises_of(folder, release_id)

    def latest(self) -> Past | None:
        """Return the target's latest release; None before the first."""
        releases = self.book.releases()
        return self.past(releases[-1]) if releases else None


class _InTarget:
    """A journal's lines in the target's database, written by the session that holds the lock."""

    def __init__(self, release_id: str, lock: Lock) -> None:
        self._release_id = release_id
        self._lock = lock

    @property
    def name(self) -> str:
        return IN_DATABASE

    def lines(self) -> list[str]:
        return self._lock.lines(self._release_id)

    def append(self, number: int, line: str) -> None:
        step = str(json.loads(line)["step"])
        self._lock.append(self._release_id, number, line, step=step)
