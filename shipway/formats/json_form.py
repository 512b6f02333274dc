"""The JSON form of every value: what records, journals and `--format json` hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Json", "hide_secrets", "json_form"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def json_form(value: object) -> Json:
    """Return `value` as JSON types.

    Dataclasses and mappings become objects, tuples become arrays, times become ISO 8601 in UTC,
    enums their value (a number for a grade), paths their text. A secret becomes "(hidden)".

    Raises:
        TypeError: for anything else: a type that nobody has thought about is not written.
    """
    if value is None or (
        isinstance(value, bool | int | float | str) and not isinstance(value, Enum)
    ):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Path | Secret):
        return str(value)
    return _compound(value)


def _compound(value: object) -> Json:
    if isinstance(value, Enum):
        return json_form(value.value)
    if isinstance(value, Mapping):
        return {str(key): json_form(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_form(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: json_form(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"no JSON form for {type(value).__name__}")


def hide_secrets(form: Json, hide: Callable[[str], str]) -> Json:
    """Return a JSON form without secrets in its texts; before escapes could disguise them."""
    if isinstance(form, str):
        return hide(form)
    if isinstance(form, list):
        return [hide_secrets(one, hide) for one in form]
    if isinstance(form, dict):
        return {name: hide_secrets(one, hide) for name, one in form.items()}
    return form
