"""A Supabase branch with data as the place of a rehearsal; it is deleted in every outcome."""

from __future__ import annotations

import os
import secrets
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shipway.cleanup import also
from shipway.edges.copies.restored_copy import Copy
from shipway.edges.machine import process
from shipway.edges.restore.progress import untold
from shipway.edges.web.answers import NoAnswer
from shipway.errors import Failed, Stopped
from shipway.values.basics import Secret
from shipway.values.rehearsal import Restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shipway.edges.web.answers import ApiAnswer
    from shipway.edges.web.http import Api
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock

__all__ = ["BranchRoom"]

_PREFIX: Final = "shipway-rehearsal-"
_UP: Final = "ACTIVE_HEALTHY"
_HOPELESS: Final = ("INIT_FAILED", "RESTORE_FAILED", "PAUSE_FAILED", "REMOVED", "GOING_DOWN")
_POLL_S: Final = 2.0
_PERMISSIONS: Final = "branching_development_create and branching_production_create"
_UNCHANGED: Final = "The target was not touched."


class BranchRoom:
    """Makes branches of the project and takes them away again.

    A branch costs money by the hour. Its name is written down before it is asked for, so that the
    next rehearsal on this machine deletes what a killed one has left.

    Args:
        api: the Management API.
        project_ref: of the project that is branched.
        folder: where names are written down.
        clock: for waits.
        up_within_s: longest wait for a branch.
        poll_s: pause between two looks at it.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        api: Api,
        *,
        project_ref: str,
        folder: Path,
        clock: Clock,
        up_within_s: float,
        poll_s: float = _POLL_S,
    ) -> None:
        self._api = api
        self._branches = f"/v1/projects/{quote(project_ref, safe='')}/branches"
        self._folder = folder
        self._clock = clock
        self._up_within_s = up_within_s
        self._poll_s = poll_s

    @contextmanager
    def copy_of(self, _backup: Backup, _tell: Callable[[int], None] = untold) -> Iterator[Copy]:
        """Make a branch from the platform's newest physical backup, for the block alone.

        Raises:
            Failed: it did not come up, or could not be deleted: the error says that it costs.
        """
        self._sweep()
        name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        note = self._folder / f"{name}.branch"
        note.touch()
        try:
            with closing(self._made(name)) as copy:
                yield copy
        except BaseException as error:
            if left := self._deleted(name, note):
                also(error, left)
            raise
        else:
            if left := self._deleted(name, note):
                raise left

    def _made(self, name: str) -> Copy:
        began = self._clock.monotonic()
        asked = {"branch_name": name, "with_data": True}
        answer = self._asked("POST", self._branches, "make a branch", json_body=asked)
        ref = str(answer.object.get("project_ref") or "")
        while True:
            shown = self._asked("GET", f"/v1/branches/{quote(ref, safe='')}", "show the branch")
            status = str(shown.object.get("status"))
            took_s = self._clock.monotonic() - began
            if status == _UP:
                break
            if status in _HOPELESS or took_s > self._up_within_s:
                raise Failed(
                    f"The Supabase branch {name} did not come up: it is {status} after "
                    f"{took_s:.0f} s.",
                    unchanged=_UNCHANGED,
                    next_step="Look at https://status.supabase.com, or rehearse on a sample: "
                    "rehearse_large_on = 'sample'",
                )
            self._clock.sleep(self._poll_s)
        url = _url(shown)
        return Copy(
            admin=url,
            owner=url,
            restored=Restored(
                server_version=str(shown.object.get("postgres_version") or ""),
                tool="Supabase branch",
                duration_s=round(took_s, 3),
                left_out=(),
                errors=(),
                branch=name,
            ),
        )

    def _deleted(self, name: str, note: Path) -> Failed | None:
        """Delete the branch and see that it is gone; return what to say when it may not be."""
        try:
            refs = self._refs(name)
            for ref in refs:
                path = f"/v1/branches/{quote(ref, safe='')}?force=true"
                self._asked("DELETE", path, "delete the branch")
            if refs and self._refs(name):
                why = "it is still listed"
            else:
                note.unlink(missing_ok=True)
                return None
        except Stopped as error:
            why = error.what
        return Failed(
            f"The Supabase branch {name} may still be there, and it costs money by the hour: {why}",
            unchanged=_UNCHANGED,
            next_step="Delete it in the dashboard under Branches; the next rehearsal on this "
            "machine tries it too.",
        )

    def _refs(self, name: str) -> list[str]:
        """Return the refs of the branches of that name: also of one whose creation went silent."""
        listed = self._asked("GET", self._branches, "list the branches").json
        found = listed if isinstance(listed, list) else []
        return [
            str(one.get("project_ref"))
            for one in found
            if isinstance(one, dict) and one.get("name") == name
        ]

    def _sweep(self) -> None:
        """Delete the branches of rehearsals whose process was killed.

        Raises:
            Failed: one of them may still be there.
        """
        for note in self._folder.glob(f"{_PREFIX}*.branch"):
            pid = note.name.removeprefix(_PREFIX).partition("-")[0]
            if pid.isdigit() and process.alive(int(pid)):
                continue
            if left := self._deleted(note.stem, note):
                raise left

    def _asked(self, method: str, path: str, what: str, *, json_body: object = None) -> ApiAnswer:
        try:
            answer = self._api.request(method, path, json_body=json_body)
        except NoAnswer as lost:
            raise Failed(
                lost.what,
                unchanged=_UNCHANGED,
                next_step="Look at https://status.supabase.com, then run it again.",
            ) from None
        if not answer.ok or answer.json is None:
            raise Failed(
                f"Supabase would not {what}: {answer}",
                unchanged=_UNCHANGED,
                next_step=f"The token needs the permissions {_PERMISSIONS}, and the project a plan "
                "with branches. Or rehearse on a sample: rehearse_large_on = 'sample'",
            )
        return answer


def _url(shown: ApiAnswer) -> Secret:
    said = shown.object
    user = quote(str(said.get("db_user") or "postgres"), safe="")
    password = quote(str(said.get("db_pass") or ""), safe="")
    place = f"{said.get('db_host')}:{said.get('db_port') or 5432}"
    return Secret(f"postgresql://{user}:{password}@{place}/postgres")
