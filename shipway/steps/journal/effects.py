"""Effects that a step announces before it has them, and has whole or not at all."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["Piece", "unannounced"]


class Piece(Protocol):
    """Where an effect is announced."""

    def __call__(self, effect: str, /) -> AbstractContextManager[None]:
        """Return the block that the effect happens in; raises where it may not happen.

        An operator's interruption waits until the block is through.
        """


def unannounced(effect: str, /) -> AbstractContextManager[None]:
    """Announce it to nobody: for a step that is run alone."""
    del effect
    return nullcontext()
