"""Settings that a power cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shipway.errors import Misconfigured
from shipway.settings import where_to_get

if TYPE_CHECKING:
    from shipway.settings import Settings

__all__ = ["required"]

_T = TypeVar("_T")


def required(value: _T | None, name: str, settings: Settings, *, because: str = "") -> _T:
    """Return the setting.

    Args:
        value: what was given.
        name: as it is written in an .env file.
        settings: of the target that lacks it.
        because: what wants it, where it is not wanted in any case.

    Raises:
        Misconfigured: nothing was given; it tells where to get it.
    """
    if value is None:
        raise Misconfigured(
            f"{name} is not set{because and f': {because}'}.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step=f"Get it: {where_to_get(name)}. Then write {name}=… into "
            f"{settings.env_file}, or set it in the environment.",
        )
    return value
