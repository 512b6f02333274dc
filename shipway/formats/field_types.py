"""The types of a value's fields, as its dataclass declares them."""

from __future__ import annotations

import sys
import typing
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from shipway import values

__all__ = ["field_types"]

_BESIDE_VALUES = {"Mapping": Mapping, "datetime": datetime, "Path": Path}


class _Names(dict[str, Any]):
    """What annotations may name: modules import much of it for the type checker only."""

    def __missing__(self, name: str) -> object:
        found = _BESIDE_VALUES.get(name) or getattr(values, name, None)
        if found is None:
            raise KeyError(name)
        return found


@cache
def field_types(shape: Any) -> Mapping[str, Any]:
    """Return name to type of every field of a dataclass or named tuple, in order.

    Raises:
        NameError: an annotation names what is neither in its module nor a value.
    """
    return typing.get_type_hints(shape, localns=_Names(vars(sys.modules[shape.__module__])))
