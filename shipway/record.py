"""The record of a release: what was to be done, how each step ended, what stands now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shipway.errors import Interrupted, LogsBad
from shipway.values import Deployed, Verdict, Watched, WentBack

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shipway.course import StepRecord
    from shipway.errors import Stopped

__all__ = ["ReleaseEnd", "ReleaseRecord", "make_record"]


class ReleaseEnd(StrEnum):
    """How a release ended."""

    GOOD = "good"
    NOT_ENOUGH_EVIDENCE = "not enough evidence"
    BAD = "bad"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """One release, as its folder keeps it."""

    release_id: str
    target: str
    end: ReleaseEnd
    began_at: datetime
    ended_at: datetime
    steps: tuple[StepRecord, ...]
    live_url: str | None
    """Where the new version is live; None when this release put nothing live."""
    directory: Path
    error: str | None
    unchanged: str | None
    next_step: str | None
    exit_code: int


def make_record(  # noqa: PLR0913 - the facts of a release, all by name
    *,
    release_id: str,
    target: str,
    ended_at: datetime,
    steps: tuple[StepRecord, ...],
    directory: Path,
    error: Stopped | None,
) -> ReleaseRecord:
    """Return the record of a release that has ended; pure. It has at least one step."""
    proofs = [step.proof for step in steps]
    deployed = [proof for proof in proofs if isinstance(proof, Deployed)]
    if any(isinstance(proof, WentBack) for proof in proofs):
        deployed = []
    return ReleaseRecord(
        release_id=release_id,
        target=target,
        end=_end(proofs, error),
        began_at=steps[0].began_at,
        ended_at=ended_at,
        steps=steps,
        live_url=deployed[-1].production_url if deployed else None,
        directory=directory,
        error=error.what if error else None,
        unchanged=error.unchanged if error else None,
        next_step=error.next_step if error else None,
        exit_code=error.exit_code if error else 0,
    )


def _end(proofs: list[object], error: Stopped | None) -> ReleaseEnd:
    if isinstance(error, LogsBad):
        went_back = any(isinstance(proof, WentBack) for proof in proofs)
        return ReleaseEnd.ROLLED_BACK if went_back else ReleaseEnd.BAD
    if isinstance(error, Interrupted):
        return ReleaseEnd.INTERRUPTED
    if error is not None:
        return ReleaseEnd.FAILED
    verdicts = [proof.verdict for proof in proofs if isinstance(proof, Watched)]
    enough = verdicts and verdicts[-1] is Verdict.GOOD
    return ReleaseEnd.GOOD if enough else ReleaseEnd.NOT_ENOUGH_EVIDENCE
