"""The gates between rehearsal and migration: the last look before the first effect.

Those that need a proof are judged here for the first time; those that time may have shut are
looked at once more. Nothing in the target was changed until here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.formats.figures import count, duration
from shipway.steps.gates.preflight import Found, Precondition, examine, tell
from shipway.values.backup import Grade
from shipway.values.basics import Unproven
from shipway.values.gates import Gated, GateState
from shipway.values.lint import Severity
from shipway.values.rehearsal import Reversal, Seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say
    from shipway.values.gates import Delivery, GateTerms
    from shipway.values.lint import LintFinding
    from shipway.values.migrations import MigrationPlan
    from shipway.values.rehearsal import Finding

__all__ = ["LATER", "PROVEN_LATER", "GatePowers", "judge_notices", "pass_gates"]

PROVEN_LATER = ("backup", "rehearsed", "review", "rollback")
LATER = "judged in the release, between rehearsal and migration"
_NOTHING = "Nothing was changed in the target."
_GRAVITY = (Severity.NOTE, Severity.WARNING, Severity.SERIOUS)
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePowers:
    """What the gates are looked at with."""

    again: Sequence[Precondition] = ()
    """Those of preflight that time may have shut."""
    clock: Clock
    say: Say


def pass_gates(
    plan: MigrationPlan,
    backup: Backup,
    seal: Seal | Unproven,
    terms: GateTerms,
    powers: GatePowers,
) -> Gated:
    """Return the proof that every gate is open or waived.

    Args:
        plan: the pending migrations.
        backup: taken by this release.
        seal: what the rehearsal proved; `Unproven` when it was left out.
        terms: what the gates hold to.
        powers: what they are looked at with; told of warnings and waivers.

    Raises:
        Refused: with every gate that is shut, and its cure.
    """
    proofs = _Proofs(plan, backup, seal, terms, powers.clock.now())
    gates = [
        Precondition(name="backup", look=proofs.backup),
        Precondition(name="rehearsed", look=proofs.rehearsed),
        Precondition(name="review", look=proofs.review),
        Precondition(name="rollback", look=proofs.rollback),
        *powers.again,
    ]
    diagnosis = examine(gates, clock=powers.clock, waivers=terms.waivers)
    tell(diagnosis.gates, say=powers.say)
    refusal = diagnosis.refusal()
    if refusal is not None:
        raise refusal
    return Gated(at=powers.clock.now(), gates=diagnosis.gates)


class _Proofs:
    """One method for each gate that needs a proof."""

    def __init__(
        self,
        plan: MigrationPlan,
        backup: Backup,
        seal: Seal | Unproven,
        terms: GateTerms,
        now: datetime,
    ) -> None:
        self._plan = plan
        self._backup = backup
        self._seal = seal
        self._terms = terms
        self._now = now

    def backup(self) -> Found:
        """Fresh, and proven by bringing it back."""
        made = self._backup.manifest
        age_s = (self._now - (made.snapshot_at or made.taken_at)).total_seconds()
        # The dump of a large database and its rehearsal take hours that nobody can save.
        work_s = made.duration_s
        if isinstance(self._seal, Seal):
            work_s += self._seal.duration_s
        if age_s - work_s > self._terms.backup_max_age_s:
            raise Refused(
                f"{made.backup_id} shows the data of {duration(age_s)} ago.",
                unchanged=_NOTHING,
                next_step="Release again: it takes a fresh one.",
            )
        grade = self._seal.grade if isinstance(self._seal, Seal) else self._backup.grade
        detail = f"{made.backup_id}, {duration(max(age_s, 0))} old, grade L{grade.value}"
        if grade < Grade.RESTORES:
            return Found(
                detail=f"{detail}: it was never brought back",
                state=GateState.WARNED,
                cure="Only a rehearsal or invoke db.restore proves that it can be.",
            )
        return Found(detail=detail)

    def rehearsed(self) -> Found:
        """These very files ran on a copy of that backup."""
        if isinstance(self._seal, Unproven):
            raise Refused(
                f"Not proven: {self._seal.missing}.",
                unchanged=_NOTHING,
                next_step="Release without --without-rehearsal.",
            )
        seen = {(one.label, one.sha256) for one in self._seal.migrations}
        missing = [one.label for one in self._plan.pending if (one.label, one.sha256) not in seen]
        if missing:
            raise Refused(
                f"Not rehearsed as they are now: {', '.join(missing)}.",
                unchanged=_NOTHING,
                next_step="Release again: all that is pending is rehearsed then.",
            )
        detail = f"{len(seen)} of {len(seen)} on a copy of {self._seal.backup_id}"
        if self._seal.restored.partly:
            return Found(
                detail=f"{detail}; not proven, for {self._seal.restored.partly}",
                state=GateState.WARNED,
                cure="Raise rehearse_whole_up_to_bytes for a release that hangs on it.",
            )
        return Found(detail=detail)

    def review(self) -> Found:
        """Nothing in the SQL, as it was read and as it ran, is graver than the project allows."""
        if isinstance(self._seal, Unproven):
            return _waits_for_rehearsal()
        found: list[Finding | LintFinding] = [*self._seal.findings, *self._seal.lint.standing]
        stops_at = self._terms.stops_at
        told = ", ".join(
            count(len(some), one.value, one.value if one is Severity.SERIOUS else "")
            for one in reversed(_GRAVITY)
            if (some := [finding for finding in found if finding.severity is one])
        )
        told = f"{told or 'nothing found'} by {' and '.join(('the run', *self._seal.lint.tools))}"
        grave = [] if stops_at is None else [one for one in found if _as_grave(one, stops_at)]
        if not grave:
            return Found(detail=told)
        shown = [f"{one.migration or 'the pending set'}: {one.what}" for one in grave[:_SHOWN]]
        more = f" and {len(grave) - _SHOWN} more" if len(grave) > _SHOWN else ""
        raise Refused(
            f"{told}: {'; '.join(shown)}{more}",
            unchanged=_NOTHING,
            next_step=grave[0].cure,
        )

    def rollback(self) -> Found:
        """What the way back is, and how long it takes."""
        if isinstance(self._seal, Unproven):
            return _waits_for_rehearsal()
        restore = f"a restore took {duration(self._seal.restored.duration_s)}"
        classes = [one.reversal for one in self._seal.migrations]
        one_way = [one.label for one in self._seal.migrations if one.reversal not in _BY_SCRIPT]
        told = ", ".join(f"{classes.count(one)} {one}" for one in Reversal if one in classes)
        if one_way:
            return Found(
                detail=f"{told}: back from {', '.join(one_way[:_SHOWN])} by restoring the backup "
                f"only ({restore})",
                state=GateState.WARNED,
                cure="What is written after the backup would be lost.",
            )
        return Found(detail=f"{told or 'nothing is pending'}; {restore}")


_BY_SCRIPT = (Reversal.REVERSIBLE, Reversal.LOSSY)


def judge_notices(deliveries: Sequence[Delivery]) -> Found:
    """Judge whether the team knows that the release begins; a notice that failed is a warning."""
    if not deliveries:
        return Found(detail="no way to tell the team is set", state=GateState.NOT_ASKED)
    failed = [one for one in deliveries if one.error]
    arrived = [one.channel for one in deliveries if not one.error]
    detail = "; ".join([*([f"told by {', '.join(arrived)}"] if arrived else []), *_errors(failed)])
    if failed:
        return Found(detail=detail, state=GateState.WARNED, cure="Tell them yourself.")
    return Found(detail=detail)


def _errors(failed: Iterable[Delivery]) -> list[str]:
    return [one.error.rstrip(".") for one in failed]


def _waits_for_rehearsal() -> Found:
    return Found(detail="waits for: rehearsed", state=GateState.NOT_CHECKED)


def _as_grave(finding: Finding | LintFinding, stops_at: Severity) -> bool:
    return _GRAVITY.index(finding.severity) >= _GRAVITY.index(stops_at)
