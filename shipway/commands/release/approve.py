"""The command by which a named person approves the pending SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.errors import Refused
from shipway.report.words import show
from shipway.steps.gates.approval import may_approve

if TYPE_CHECKING:
    from shipway.commands.session import Session

__all__ = ["approve"]

_NOTHING = "Nothing was approved."


def approve(session: Session) -> Answer:
    """Show what is pending, ask, and keep the approval in the target's database.

    Raises:
        Refused: there is nothing to approve, or the person is none of the approvers.
    """
    gates, settings = session.wiring.gates, session.settings
    plan = session.wiring.database.plan()
    digest = gates.digest(plan)
    if not plan.pending:
        raise Refused(
            "Nothing is pending, so there is nothing to approve.",
            unchanged=_NOTHING,
            next_step="Release: no approval is asked for.",
        )
    if settings.approvers and not may_approve(gates.person, settings.approvers):
        raise Refused(
            f"{gates.person} is none of the approvers: {', '.join(settings.approvers)}.",
            unchanged=_NOTHING,
            next_step="Let one of them run it, or correct the setting approvers.",
        )
    show(plan, session.terminal)
    files = ", ".join(str(one.path.relative_to(settings.root)) for one in plan.pending)
    session.terminal.note(f"to be read: {files}")
    session.terminal.note(f"plan {digest}")
    if session.asked.dry:
        return Answer(value=plan)
    session.wiring.database.demand(writes=True)
    session.confirm(f"Approve this SQL for {settings.target} as {gates.person}?")
    return Answer(value=gates.approve(digest))
