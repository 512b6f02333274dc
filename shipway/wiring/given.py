"""Settings that a power cannot do without."""

from __future__ import annotations

from typing import TypeVar

from shipway.errors import Misconfigured

__all__ = ["wanted"]

_T = TypeVar("_T")


def wanted(value: _T | None, name: str, where: str) -> _T:
    """Return the setting.

    Args:
        value: what was given.
        name: as it is written in an .env file.
        where: how to get it, a sentence.

    Raises:
        Misconfigured: nothing was given.
    """
    if value is None:
        raise Misconfigured(
            f"{name} is not set.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step=f"Set {name}. {where}",
        )
    return value
