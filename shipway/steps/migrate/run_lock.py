"""One run of migrations at a time: the wait for another one, and who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.errors import Locked

if TYPE_CHECKING:
    from shipway.steps.migrate.powers import MigratePowers

__all__ = ["become_the_only_runner"]

_FIRST_POLL_S: Final = 0.05
_LONGEST_POLL_S: Final = 0.5


def become_the_only_runner(powers: MigratePowers, command: str) -> None:
    """Take the lock of a run; it lasts as long as the connection.

    Args:
        powers: the target and the longest wait.
        command: what an operator types to try again.

    Raises:
        Locked: another run held the lock for all of `limits.run_lock_wait_s`.
    """
    clock, say = powers.clock, powers.say
    deadline = clock.monotonic() + powers.limits.run_lock_wait_s
    poll_s = _FIRST_POLL_S
    told = False
    while (holders := powers.database.take_run_lock()) is not None:
        who = ", ".join(one.told for one in holders)
        if clock.monotonic() >= deadline:
            ways_out = [one.way_out for one in holders]
            raise Locked(
                f"Another run of migrations holds this database ({who or 'it just ended'}).",
                unchanged="This run changed nothing.",
                next_step="\n".join([f"Wait until it has ended, then run: {command}", *ways_out]),
            )
        if not told:
            say.note(f"another run of migrations is at work ({who}): waiting for it")
            told = True
        clock.sleep(poll_s)
        poll_s = min(_LONGEST_POLL_S, poll_s * 2)
