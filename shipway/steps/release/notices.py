"""Tells the team when a release begins, ends or fails, on every way that is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.errors import Refused, Stopped
from shipway.values.gates import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shipway.values.basics import Say
    from shipway.values.gates import Notice

__all__ = ["Channel", "demand_delivery", "tell_team"]


class Channel(Protocol):
    """One way to the team."""

    @property
    def name(self) -> str:
        """As a person calls it; no secret."""

    def send(self, notice: Notice) -> None:
        """Send a notice, or raise Stopped."""


def tell_team(channels: Iterable[Channel], notice: Notice, *, say: Say) -> tuple[Delivery, ...]:
    """Send a notice on every channel and return how each fared; none stops the others."""
    deliveries = []
    for one in channels:
        try:
            one.send(notice)
        except Stopped as error:
            say.warn(f"the team: {error.what} {error.next_step}")
            deliveries.append(Delivery(channel=one.name, error=error.what))
        else:
            deliveries.append(Delivery(channel=one.name, error=""))
    return tuple(deliveries)


def demand_delivery(deliveries: Sequence[Delivery]) -> None:
    """Return when the notice arrived on every channel, of which there is one at least.

    Raises:
        Refused: it did not.
    """
    lost = [one.error for one in deliveries if one.error]
    if lost or not deliveries:
        raise Refused(
            "The team could not be told that the release begins, and notify_required is set: "
            + (" ".join(lost) or "no way to tell it is set."),
            unchanged="Nothing was changed: not the database, not the deployment.",
            next_step="Mend the way to the team, or unset notify_required.",
        )
