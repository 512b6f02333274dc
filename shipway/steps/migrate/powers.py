"""What running migration files takes: the target's connection, limits, a clock, and who is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.values.basics import Clock, Say
    from shipway.values.exchange import Answer, MigrationLimits, Session
    from shipway.values.migrations import LedgerState

__all__ = ["Database", "MigratePowers"]


class Database(Protocol):
    """One connection to the target that migrations can run on."""

    def look(self) -> LedgerState:
        """Return what the target says about its migrations."""

    def take_run_lock(self) -> tuple[Session, ...] | None:
        """Become the only runner; return None when we are, else who is."""

    def exchange(
        self,
        message: bytes,
        *,
        copies: Sequence[bytes] = (),
        tick_s: float = 1.0,
        on_tick: Callable[[], None] | None = None,
        on_commit: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send one message of statements and wait for all answers.

        Of a message that commits several times `on_commit` is told each time, as soon as it is
        known.
        """

    def blockers(self) -> tuple[Session, ...]:
        """Return who holds the lock that the connection waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratePowers:
    """What the running of a file works with."""

    database: Database
    limits: MigrationLimits
    clock: Clock
    say: Say
