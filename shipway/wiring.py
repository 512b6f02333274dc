"""Plugs the real edges into the steps, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.clock import SystemClock

if TYPE_CHECKING:
    from shipway.settings import Settings
    from shipway.values import Clock, Say

__all__ = ["Wiring"]


class Wiring:
    """The powers of one command. Each is made when it is asked for: most commands need few.

    Args:
        settings: of the target.
        say: where steps tell what became true.
    """

    def __init__(self, settings: Settings, *, say: Say) -> None:
        self.settings = settings
        self.say = say
        self.clock: Clock = SystemClock()
