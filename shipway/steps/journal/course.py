"""The course of a release: each step's intent before it, its proof or its failure after it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from shipway.errors import Stopped
from shipway.steps.gates.preflight import Diagnosis, Ready
from shipway.values.backup import Backup
from shipway.values.basics import Say, Unproven
from shipway.values.checks import Checks, Verified
from shipway.values.gates import Gated
from shipway.values.hosting import Deployed, Deployment, WentBack
from shipway.values.logs import Watched
from shipway.values.migrations import Migrated
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from shipway.steps.journal.journal import Journal
    from shipway.values.basics import Clock

__all__ = ["Course", "Found", "Screen", "StepEnd", "StepRecord"]

Found: TypeAlias = (
    Ready
    | Gated
    | Diagnosis
    | Backup
    | Seal
    | Unproven
    | Deployment
    | Migrated
    | Verified
    | Checks
    | Deployed
    | Watched
    | WentBack
)
"""How a step of a release can end."""

_Proof = TypeVar("_Proof", bound="Found | None")


class StepEnd(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step as it went."""

    name: str
    end: StepEnd
    began_at: datetime
    duration_s: float
    proof: Found | None
    """What the step proved, or what it had found out when it failed; None when neither."""
    error: str | None = None


class Screen(Say, Protocol):
    """Where a person follows the release."""

    def step(self, name: str) -> AbstractContextManager[Callable[[object, float], None]]:
        """Open a step; the function handed out closes it with its proof and its seconds."""


class Course:
    """Goes through the steps one at a time, on screen and, once there is one, in the journal.

    Args:
        screen: where a person follows it.
        clock: for times and durations.
        whole: keeps an interruption out of a block until the block is through.

    Attributes:
        steps: those that have ended, in order.
    """

    def __init__(
        self,
        *,
        screen: Screen,
        clock: Clock,
        whole: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._screen = screen
        self._clock = clock
        self._whole = whole
        self._journal: Journal | None = None
        self._step = "release"
        self.steps: list[StepRecord] = []

    def keep_in(self, journal: Journal) -> None:
        """Write the steps so far into the journal, and every further one as it goes."""
        self._journal = journal
        for step in self.steps:
            journal.write("result", step.name, step.proof)

    def before(self, effect: str) -> None:
        """Write down that something is about to be done to the world.

        Raises:
            LockLost: the target's lock is not held any more: it must not be done.
        """
        if self._journal is not None:
            self._journal.write("about", self._step, {"effect": effect})

    @contextmanager
    def piece(self, effect: str) -> Iterator[None]:
        """Do something that has to be done whole: announced before, not interrupted within."""
        self.before(effect)
        with self._whole():
            yield

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[_Proof], _Proof]]:
        """Run the block as a step; it hands its proof to the function and gets it back.

        The intent is in the journal before the block begins. A failure is recorded and goes on.
        """
        began_at, began = self._clock.now(), self._clock.monotonic()
        proofs: list[Found | None] = []

        def ended(end: StepEnd, error: str | None = None, found: object = None) -> StepRecord:
            record = StepRecord(
                name=name,
                end=end,
                began_at=began_at,
                duration_s=round(self._clock.monotonic() - began, 3),
                proof=proofs[-1] if proofs else found if isinstance(found, Found) else None,
                error=error,
            )
            self.steps.append(record)
            return record

        def proven(proof: _Proof) -> _Proof:
            proofs.append(proof)
            keep(proof)
            return proof

        journaled = self._journal.step(name) if self._journal else nullcontext(_nowhere)
        self._step = name
        with self._screen.step(name) as close:
            with journaled as keep:
                try:
                    yield proven
                except Stopped as error:
                    ended(StepEnd.FAILED, error.what, error.found)
                    raise
                except KeyboardInterrupt as error:
                    ended(StepEnd.INTERRUPTED, type(error).__name__)
                    raise
                except BaseException as error:
                    ended(StepEnd.FAILED, type(error).__name__)
                    raise
                record = ended(StepEnd.DONE)
            close(record.proof, record.duration_s)


def _nowhere(_proof: object) -> None:
    """Keep nothing: before the journal there is none to keep it in."""
