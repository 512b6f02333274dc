"""The types of a value's fields, as its dataclass declares them."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from functools import cache
from importlib import import_module
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

__all__ = ["field_types"]


_IMPORT = re.compile(r"^ *from ([\w.]+) import (?:\(([^)]*)\)|([^\n(]+))", re.MULTILINE)
"""Found by its form: to parse a module takes a hundred times as long."""


class _Names(dict[str, Any]):
    """What annotations may name: modules import much of it for the type checker only."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(vars(module))
        self._homes = _homes(module)

    def __missing__(self, name: str) -> object:
        return getattr(import_module(self._homes[name]), name)


@cache
def _homes(module: ModuleType) -> Mapping[str, str]:
    """Return name to module of all that a module imports from others, at run time or not."""
    found = _IMPORT.findall(inspect.getsource(module))
    return {name: home for home, *lists in found for name in re.findall(r"\w+", "".join(lists))}


@cache
def field_types(shape: Any) -> Mapping[str, Any]:
    """Return name to type of every field of a dataclass or named tuple, in order.

    Raises:
        NameError: an annotation names what its module neither holds nor imports.
    """
    return typing.get_type_hints(shape, localns=_Names(sys.modules[shape.__module__]))
