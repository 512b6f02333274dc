"""The record of a release: what was to be done, how each step ended, what stands now."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from shipway.errors import Interrupted, LogsBad, LogsSilent
from shipway.formats.decoding import FORMAT, IllFormed, value_of
from shipway.steps.gates.preflight import Ready
from shipway.steps.journal.course import StepRecord
from shipway.values.gates import Gated
from shipway.values.hosting import Deployed, WentBack
from shipway.values.logs import Verdict, Watched
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from shipway.errors import Stopped

__all__ = [
    "RECORD",
    "FailedAt",
    "PlannedMigration",
    "PlannedRelease",
    "Records",
    "ReleaseEnd",
    "ReleaseRecord",
    "below",
    "list_records",
    "make_record",
    "read_record",
]

RECORD = "release.json"
"""The record's file, in the release's folder."""


class ReleaseEnd(StrEnum):
    """How a release ended."""

    GOOD = "good"
    NOT_ENOUGH_EVIDENCE = "not enough evidence"
    BAD = "bad"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    """The contract phase, which puts nothing live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMigration:
    """A migration that was pending when the release began."""

    label: str
    phase: Phase
    file: str
    """Its path below the project's root, with slashes."""
    sha256: str
    size_bytes: int
    reversible_by: str | None
    """The name of its down script."""
    sql: str
    """Its text without rows and passwords: values that it writes stand as `?`."""
    sql_cut: bool
    """The end of a long file is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRelease:
    """What was to be done, as far as the steps do not tell it."""

    migrations: tuple[PlannedMigration, ...]
    held_back: tuple[str, ...]
    """Contract migrations that wait for a later release."""
    project: str
    """The Vercel project's name."""
    source: str = ""
    """What the app is made from, in words: `41 files, 1.2 MB`."""
    commit: str | None
    serving_id: str | None
    """The deployment that served production when the release was planned."""
    without_rehearsal: str
    """Why the migrations were not rehearsed; empty: they were to be."""
    watch_window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAt:
    """Where in the project's files the cause of a failure stands."""

    file: str
    """Below the project's root, with slashes."""
    line: int
    column: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """One release, as its folder keeps it."""

    release_id: str
    target: str
    end: ReleaseEnd
    began_at: datetime
    ended_at: datetime
    planned: PlannedRelease
    steps: tuple[StepRecord, ...]
    live_url: str | None
    """Where the new version is live; None when this release put nothing live."""
    directory: Path
    """The folder in which the record lies; read back, the one in which it was found."""
    error: str | None
    unchanged: str | None
    next_step: str | None
    exit_code: int
    failed_at: FailedAt | None = None
    format: int = 1
    """Of the record: which versions of shipway read it."""

    @property
    def took_s(self) -> float:
        """Seconds of its steps: without those in which a person read the plan."""
        return sum(step.duration_s for step in self.steps)


def make_record(  # noqa: PLR0913 - the facts of a release, all by name
    *,
    release_id: str,
    target: str,
    ended_at: datetime,
    planned: PlannedRelease,
    steps: tuple[StepRecord, ...],
    directory: Path,
    root: Path,
    error: Stopped | None,
    shows_rows: bool = False,
) -> ReleaseRecord:
    """Return the record of a release that has ended; pure. It has at least one step.

    Args:
        release_id: its name.
        target: the environment.
        ended_at: when it ended.
        planned: what was to be done.
        steps: those that have ended.
        directory: the release's folder.
        root: the project's; files are named from there.
        error: what it stopped with; None when it ended well.
        shows_rows: whether what the database quoted of rows may stand in it.
    """
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
        planned=planned,
        steps=steps,
        live_url=deployed[-1].production_url if deployed else None,
        directory=directory,
        error="\n".join((error.what, *(error.rows if shows_rows else ()))) if error else None,
        unchanged=error.unchanged if error else None,
        next_step=error.next_step if error else None,
        exit_code=error.exit_code if error else 0,
        failed_at=_failure_of(error, root),
        format=FORMAT,
    )


def _failure_of(error: Stopped | None, root: Path) -> FailedAt | None:
    if error is None or error.place is None:
        return None
    place = error.place
    return FailedAt(
        file=below(root, place.file), line=place.line, column=place.column, what=place.what
    )


def below(root: Path, path: Path) -> str:
    """Return a path as it is written from the project's root; whole when it lies elsewhere."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _end(proofs: Sequence[object], error: Stopped | None) -> ReleaseEnd:
    if isinstance(error, LogsBad):
        went_back = any(isinstance(proof, WentBack) for proof in proofs)
        return ReleaseEnd.ROLLED_BACK if went_back else ReleaseEnd.BAD
    if isinstance(error, LogsSilent):
        return ReleaseEnd.NOT_ENOUGH_EVIDENCE
    if isinstance(error, Interrupted):
        return ReleaseEnd.INTERRUPTED
    if error is not None:
        return ReleaseEnd.FAILED
    verdicts = [proof.verdict for proof in proofs if isinstance(proof, Watched)]
    if not verdicts:
        return ReleaseEnd.FINISHED
    enough = verdicts[-1] is Verdict.GOOD
    return ReleaseEnd.GOOD if enough else ReleaseEnd.NOT_ENOUGH_EVIDENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The releases whose records lie in a folder."""

    records: tuple[ReleaseRecord, ...]
    """Newest first."""
    unreadable: tuple[str, ...]
    """Names of the folders whose record cannot be read."""


def list_records(folder: Path) -> Records:
    """Return the records of a folder of releases; a folder without one has not ended yet."""
    records, unreadable = [], []
    found = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    for directory in found:
        if not (directory / RECORD).is_file():
            continue
        try:
            records.append(read_record(directory))
        except IllFormed:
            unreadable.append(directory.name)
    return Records(records=tuple(records), unreadable=tuple(unreadable))


def read_record(directory: Path) -> ReleaseRecord:
    """Return the record that lies in a release's folder.

    Raises:
        IllFormed: there is none, or it is damaged; its text goes on after the file's name.
        NewerFormat: this version does not read it yet.
    """
    try:
        form = json.loads((directory / RECORD).read_bytes())
    except OSError as error:
        raise IllFormed(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise IllFormed("is not JSON: it was cut off or overwritten") from None
    record = value_of(ReleaseRecord, form)
    return replace(
        record, directory=directory, steps=tuple(_own_proof(one) for one in record.steps)
    )


def _own_proof(step: StepRecord) -> StepRecord:
    """Return a step with its own kind of proof: those of preflight and gates hold the same."""
    if step.name == "gates" and isinstance(step.proof, Ready):
        return replace(step, proof=Gated(at=step.proof.at, gates=step.proof.gates))
    return step
