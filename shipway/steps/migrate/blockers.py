"""Who holds the lock that a file waits for: told once each, while the wait lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.literals import without_literals

if TYPE_CHECKING:
    from shipway.steps.migrate.powers import MigratePowers
    from shipway.values.exchange import Session

__all__ = ["InTheWay"]

_FIRST_LOOK_S: Final = 1.0
_QUERY_CHARS: Final = 120


class InTheWay:
    """The sessions that block ours.

    Attributes:
        look_after_s: how long the server may be silent before it is looked for them: less than
            our own wait for a lock.
    """

    def __init__(self, powers: MigratePowers) -> None:
        self._powers = powers
        self._told: set[int] = set()
        lock_timeout_s = powers.limits.lock_timeout_s
        self.look_after_s = (
            min(_FIRST_LOOK_S, lock_timeout_s / 2) if lock_timeout_s else _FIRST_LOOK_S
        )

    def tell(self, label: str) -> None:
        """Look, and say who makes a file wait that was not named before."""
        for session in self._powers.database.blockers():
            if session.pid not in self._told:
                self._told.add(session.pid)
                self._powers.say.warn(f"{label} waits for {_describe(session)}")


def _describe(session: Session) -> str:
    query = " ".join(without_literals(session.query).split())
    shown = query if len(query) <= _QUERY_CHARS else query[:_QUERY_CHARS] + "…"
    return (
        f"pid {session.pid} (role {session.role}, {session.application or 'no application name'}, "
        f"for {session.age_s:.0f} s): {shown}"
    )
