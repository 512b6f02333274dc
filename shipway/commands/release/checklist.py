"""The checklist that teams used to tick by hand before a release, looked at instead."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shipway.errors import Refused, Stopped
from shipway.steps.gates.approval import judge_approval
from shipway.steps.gates.gates import LATER, PROVEN_LATER
from shipway.steps.gates.preflight import Found, Precondition
from shipway.steps.gates.readiness import (
    calm,
    connectable,
    green,
    judge_wraparound,
    on_branch,
    roomy,
)
from shipway.steps.gates.windows import in_window
from shipway.values.gates import GateState

if TYPE_CHECKING:
    from shipway.values.gates import Disk, Load
    from shipway.wiring import Wiring

__all__ = ["checklist", "still_open"]

_OWN_MACHINE = "the target is on this machine"


def checklist(wiring: Wiring, *, copies: int) -> list[Precondition]:
    """Return the gates that can be judged before anything was done.

    Those that need a proof are named too, so that the list is whole.
    """
    look = _Look(wiring, copies)
    database, history = ("database",), ("history",)
    return [
        Precondition(name="window", look=look.window, needs=database),
        Precondition(name="git", look=look.git, needs=database),
        Precondition(name="ci", look=look.ci, needs=database),
        Precondition(name="approval", look=look.approval, needs=history),
        Precondition(name="team", look=look.team, needs=database),
        Precondition(name="activity", look=look.activity, needs=history),
        Precondition(name="connections", look=look.connections, needs=database),
        Precondition(name="wraparound", look=look.wraparound, needs=database),
        Precondition(name="disk", look=look.disk, needs=database),
        *(Precondition(name=name, look=_later) for name in PROVEN_LATER),
    ]


def still_open(wiring: Wiring) -> list[Precondition]:
    """Return those that time may have shut since preflight."""
    look = _Look(wiring, copies=0)
    return [
        Precondition(name="window", look=look.window),
        Precondition(name="activity", look=look.activity),
        Precondition(name="connections", look=look.connections),
    ]


def _later() -> Found:
    return Found(detail=LATER, state=GateState.NOT_CHECKED)


def _not_asked(why: str) -> Found:
    return Found(detail=why, state=GateState.NOT_ASKED)


class _Look:
    """One method for each gate: returns what was found or raises what is wrong."""

    def __init__(self, wiring: Wiring, copies: int) -> None:
        self._gates = wiring.gates
        self._wiring = wiring
        self._settings = wiring.settings
        self._copies = copies

    @cached_property
    def _load(self) -> Load:
        return self._gates.load()

    def window(self) -> Found:
        settings = self._settings
        if not settings.release_windows:
            return _not_asked("release_windows is not set")
        if not self._gates.asked:
            return _not_asked(_OWN_MACHINE)
        return in_window(
            settings.release_windows,
            zone=settings.release_time_zone,
            now=self._wiring.clock.now(),
        )

    def git(self) -> Found:
        branch = self._settings.release_branch
        if branch is None:
            return _not_asked("release_branch is not set")
        if not self._gates.asked:
            return _not_asked(_OWN_MACHINE)
        return on_branch(self._gates.tree(branch), branch)

    def ci(self) -> Found:
        wanted = self._settings.ci_checks
        if self._settings.github_token is None and not wanted:
            return _not_asked("neither GITHUB_TOKEN nor ci_checks is set")
        if not self._gates.asked:
            return _not_asked(_OWN_MACHINE)
        github = self._gates.github
        if github is None:
            raise Refused(
                f"ci_checks asks for {', '.join(wanted)}, and without GITHUB_TOKEN nobody tells "
                "how they stand.",
                unchanged="Nothing was changed.",
                next_step="Set GITHUB_TOKEN, with the permission 'checks: read'.",
            )
        commit = self._gates.commit()
        return green(github.checks(commit), wanted, commit=commit)

    def approval(self) -> Found:
        approvers = self._settings.approvers
        if approvers and not self._gates.asked:
            return _not_asked(_OWN_MACHINE)
        plan = self._wiring.database.plan()
        digest = self._gates.digest(plan)
        found = self._gates.approvals(digest) if approvers else ()
        return judge_approval(plan, digest, found, approvers)

    def team(self) -> Found:
        channels = self._gates.channels
        if not channels:
            return _not_asked(
                "no way to tell the team is set" if self._gates.asked else _OWN_MACHINE
            )
        return Found(detail=f"will be told by {', '.join(one.name for one in channels)}")

    def activity(self) -> Found:
        if not self._wiring.database.plan().pending:
            return _not_asked("nothing is pending")
        return calm(self._load, max_age_s=self._settings.max_transaction_age_s)

    def connections(self) -> Found:
        return connectable(self._load)

    def wraparound(self) -> Found:
        return judge_wraparound(self._load)

    def disk(self) -> Found:
        there: Disk | None = None
        untold = ""
        if self._wiring.platform is not None:
            try:
                there = self._wiring.platform.disk()
            except Stopped as error:
                untold = f"{error.what} {error.next_step}"
        found = roomy(
            self._gates.disk(),
            there,
            database_bytes=self._load.database_bytes,
            copies=self._copies,
        )
        if untold:
            return Found(
                detail=f"{found.detail}; the project's disk is not known",
                state=GateState.WARNED,
                cure=untold,
            )
        return found
