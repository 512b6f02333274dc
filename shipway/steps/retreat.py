"""When the logs are bad: go back to the old app by itself, but only where it fits the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, VerificationFailed
from shipway.steps.verify import Database, verify
from shipway.values import Unproven

if TYPE_CHECKING:
    from shipway.schema.expectations import Expectations
    from shipway.steps.smoke import SmokePage
    from shipway.values import Clock, Say

__all__ = ["OldCode", "misfit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCode:
    """The version that served before, and what is known of what it needs."""

    release_id: str
    expectations: Expectations
    """What that release promised of the database: the old code relies on it."""
    pages: tuple[SmokePage, ...]
    """What that release promised of its pages."""
    contracted: tuple[str, ...]
    """Contract migrations that were applied since it was released."""


def misfit(old: OldCode | Unproven, *, database: Database, clock: Clock, say: Say) -> str:
    """Return why the old code does not fit the database as it is; empty when it does.

    It fits when no contract migration has run since it was released, and its own release's
    checks still pass now.
    """
    if isinstance(old, Unproven):
        return old.missing
    if old.contracted:
        return (
            "a contract migration has run since it was released: "
            f"{', '.join(old.contracted)}. The old code may need what it took away."
        )
    say.note(f"checking whether the code of release {old.release_id} still fits the database")
    try:
        verify(old.expectations, database=database, clock=clock, say=say)
    except (VerificationFailed, Misconfigured) as error:
        return f"its checks do not pass on the database as it is now: {error.what}"
    return ""
