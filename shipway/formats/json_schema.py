"""The JSON Schema of a value's JSON form, made from its dataclass and the words in its source."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

from shipway.formats.field_types import field_types
from shipway.values.basics import Secret

__all__ = ["schema_of"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: dict[Any, dict[str, object]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    Path: {"type": "string"},
    Secret: {"const": "(hidden)"},
    object: {},
    Any: {},
}


def schema_of(shape: type) -> dict[str, object]:
    """Return the schema of what `json_form` makes of a dataclass.

    Raises:
        TypeError: a field is of a type that has no JSON form.
    """
    known: dict[str, object] = {}
    _of(shape, known)
    own = known.pop(shape.__name__)
    return {
        "$schema": _DIALECT,
        "title": shape.__name__,
        **typing.cast("dict[str, object]", own),
    } | ({"$defs": dict(sorted(known.items()))} if known else {})


def _of(hint: Any, known: dict[str, object]) -> dict[str, object]:
    """Return the schema of one type; what it refers to is added to `known`."""
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if hasattr(hint, "_fields"):
        hints = field_types(hint)
        return _row([_of(one, known) | {"title": name} for name, one in hints.items()])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if is_dataclass(hint):
        return _reference(typing.cast("type", hint), known)
    return _schema_of(hint, known)


def _schema_of(hint: Any, known: dict[str, object]) -> dict[str, object]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        return {"anyOf": [_of(one, known) for one in inner]}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(inner[1], known)}
    if origin is tuple and inner[-1] is Ellipsis:
        return {"type": "array", "items": _of(inner[0], known)}
    if origin is tuple:
        return _row([_of(one, known) for one in inner])
    raise TypeError(f"no JSON Schema for {hint}")


def _row(items: list[dict[str, object]]) -> dict[str, object]:
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _reference(shape: type, known: dict[str, object]) -> dict[str, object]:
    if shape.__name__ not in known:
        known[shape.__name__] = None  # What it holds may refer to it.
        hints = field_types(shape)
        words = _words(shape)
        properties = {
            one.name: _of(hints[one.name], known)
            | ({"description": words[one.name]} if one.name in words else {})
            for one in fields(shape)
        }
        known[shape.__name__] = {
            "description": inspect.cleandoc(shape.__doc__ or ""),
            "type": "object",
            "properties": properties,
            "required": list(properties),
        }
    return {"$ref": f"#/$defs/{shape.__name__}"}


def _words(shape: type) -> dict[str, str]:
    """Return the text that stands below each field in the source."""
    (cls,) = ast.parse(textwrap.dedent(inspect.getsource(shape))).body
    found = {}
    body = typing.cast("ast.ClassDef", cls).body
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found
