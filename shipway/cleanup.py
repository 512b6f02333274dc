"""Cleaning up: made in every outcome, and what fails in it never hides the first error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.errors import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["afterwards", "also"]


def also(first: BaseException, second: BaseException) -> None:
    """Keep what failed while cleaning up after an error, which stays the one that is told.

    What an exception of Python's own carries so, its notes, is told with it.
    """
    if isinstance(second, Stopped):
        told = [f"{second.what} {second.next_step}".strip(), *second.also]
    else:
        said = str(second).strip().partition("\n")[0]
        told = [f"{type(second).__name__}: {said}" if said else type(second).__name__]
    for one in told:
        if isinstance(first, Stopped):
            first.add(one)
        else:
            first.add_note(one)


@contextmanager
def afterwards(*clean: Callable[[], object]) -> Iterator[None]:
    """Run the block and then clean up, whatever came of it: every call is made, in this order.

    What fails in it is added to the block's own error and never takes its place.
    """
    first: BaseException | None = None
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - it is raised again below
        first = error
    for one in clean:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - as above
            if first is None:
                first = error
            else:
                also(first, error)
    if first is not None:
        raise first
