"""Approvals: a named person says that a plan's SQL may run, and no other plan's."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.formats.figures import count
from shipway.steps.gates.preflight import Found
from shipway.values.gates import GateState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.gates import Approval
    from shipway.values.migrations import MigrationPlan

__all__ = ["judge_approval", "may_approve", "plan_digest"]

_PERSON = re.compile(r"(?P<name>.*?)\s*<(?P<address>[^<>]*)>\Z")


def plan_digest(plan: MigrationPlan, *, target: str, project_ref: str | None) -> str:
    """Return what an approval is bound to: the SHA-256 of where and of all that would run.

    A file that is edited, added, taken away or renamed makes another plan, and so does a
    migration that somebody else has applied meanwhile.
    """
    content = {
        "target": target,
        "project": project_ref,
        "pending": [[one.label, one.sha256] for one in plan.pending],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def may_approve(person: str, approvers: Sequence[str]) -> bool:
    """Tell whether a person is named among the approvers, by name, by address or by both."""
    parts = _PERSON.match(person)
    known = {person, *(parts.groups() if parts else ())}
    return bool({one.casefold() for one in known if one} & {one.casefold() for one in approvers})


def judge_approval(
    plan: MigrationPlan, digest: str, approvals: Sequence[Approval], approvers: Sequence[str]
) -> Found:
    """Judge whether the pending SQL was approved by one of those who may.

    Args:
        plan: what is pending.
        digest: of that plan.
        approvals: all that are kept for this digest.
        approvers: who may approve; none means that nobody has to.

    Raises:
        Refused: nobody who may has approved this very plan.
    """
    if not approvers:
        return Found(detail="approvers is not set", state=GateState.NOT_ASKED)
    if not plan.pending:
        return Found(detail="nothing is pending", state=GateState.NOT_ASKED)
    valid = [one for one in approvals if may_approve(one.by, approvers)]
    what = f"{count(len(plan.pending), 'pending migration')} (plan {digest[:12]})"
    if not valid:
        raise Refused(
            f"{what}: not approved by {' or '.join(approvers)}.",
            unchanged="Nothing was changed.",
            next_step="Let one of them review the files and run: invoke release.approve",
        )
    newest = max(valid, key=lambda one: one.at)
    return Found(detail=f"{what}, approved by {newest.by} on {newest.at:%Y-%m-%d %H:%M} UTC")
