"""Values decoded from their JSON form, also when another version of shipway wrote it.

What lies on a disk or in a target (manifests, seals, proofs, journals, records of releases)
outlives the version that wrote it. One rule holds for all of it:

- A field that is added to such a value has a default, which says what is true of a record that does
  not tell. So a newer shipway reads what an older one wrote.
- A field that is not known here is passed over. So an older shipway reads what a newer one wrote,
  as far as it goes; a signature is over the whole, also over what is passed over. A word or a kind
  of proof that is not known here is an error that names its place.
- Where passing over would be wrong (a field changed its meaning, or must not be overlooked), FORMAT
  is raised; a record of a higher format is refused as a newer shipway's. One that tells no format
  has the first.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from shipway.formats.field_types import field_types

__all__ = ["FORMAT", "UPDATE", "IllFormed", "NewerFormat", "refuse_newer", "value_of"]

FORMAT: Final = 1
"""Of all that this version writes down; it reads this one and those before it."""
UPDATE: Final = "Use that version here: pip install --upgrade shipway"
_T = TypeVar("_T")


class IllFormed(Exception):  # noqa: N818 - says what the record is
    """A record that cannot be trusted; its text goes on after the record's name: "is not JSON"."""


class NewerFormat(IllFormed):
    """A record that a newer shipway wrote, and of which this one would overlook too much."""


def refuse_newer(form: Mapping[str, object]) -> None:
    """Return when this version may read a record.

    Args:
        form: the record as a JSON object; its `format` counts.

    Raises:
        IllFormed: its format is no number.
        NewerFormat: it is higher than FORMAT.
    """
    told = form.get("format", 1)
    if not isinstance(told, int):
        raise IllFormed(f"has the format {told!r}, which no shipway writes")
    if told > FORMAT:
        raise NewerFormat(
            f"was written by a newer shipway: it has the format {told}, "
            f"and this one reads up to {FORMAT}"
        )


def value_of(shape: type[_T], form: object) -> _T:
    """Return the dataclass that `json_form` made `form` of.

    Raises:
        IllFormed: something is missing that has no default, or of another type; its name is said.
        NewerFormat: it tells a format that is higher than FORMAT.
    """
    if isinstance(form, dict):
        refuse_newer(form)
    return typing.cast("_T", _dataclass(shape, form, ""))


def _dataclass(shape: Any, form: object, where: str) -> object:
    if not isinstance(form, dict):
        raise IllFormed(f"holds no object at '{where or 'body'}'")
    missing = ", ".join(f"'{where}{name}'" for name in _required(shape) if name not in form)
    if missing:
        raise IllFormed(f"does not hold {missing}")
    known = {name: hint for name, hint in field_types(shape).items() if name in form}
    return shape(
        **{name: _item(hint, form[name], f"{where}{name}") for name, hint in known.items()}
    )


@cache
def _required(shape: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass that have no default."""
    return tuple(one.name for one in fields(shape) if one.default is one.default_factory is MISSING)


def _item(hint: Any, form: object, where: str) -> object:
    """Return one part of a value, of the type that the dataclass declares."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        if form is None and type(None) in arguments:
            return None
        return _item(_union_member(arguments, form, where), form, where)
    if origin is tuple and isinstance(form, list):
        of = arguments[:1] * len(form) if arguments[-1] is Ellipsis else arguments
        return tuple(_items(of, form, where))
    if origin is Mapping and isinstance(form, dict):
        return {key: _item(arguments[1], one, f"{where}.{key}") for key, one in form.items()}
    if hasattr(hint, "_fields") and isinstance(form, list):
        return _named_tuple(hint, form, where)
    return _dataclass(hint, form, f"{where}.") if is_dataclass(hint) else _plain(hint, form, where)


def _union_member(arguments: tuple[Any, ...], form: object, where: str) -> Any:
    """Return which type of a union is meant: of several dataclasses, the one that fits best.

    It has all that it needs; of several, the one that knows most of what is told, and lacks least.
    """
    inner = [one for one in arguments if one is not type(None)]
    if len(inner) == 1:
        return inner[0]
    given = set(form) if isinstance(form, dict) else set()
    able = [one for one in inner if given.issuperset(_required(one))]
    if not able:
        raise IllFormed(f"holds nothing that is known at '{where}'")

    def misfit(shape: Any) -> tuple[int, int]:
        known = field_types(shape).keys()
        return len(given - known), len(known - given)

    return min(able, key=misfit)


def _named_tuple(shape: Any, form: list[object], where: str) -> object:
    """Return a named tuple; as with fields, what stands at the end may be newer or older."""
    hints = tuple(field_types(shape).values())
    told = max(min(len(form), len(hints)), len(hints) - len(shape._field_defaults))
    return shape(*_items(hints[:told], form[:told], where))


def _items(hints: tuple[Any, ...], forms: list[object], where: str) -> list[object]:
    if len(hints) != len(forms):
        raise IllFormed(f"holds {len(forms)} parts instead of {len(hints)} at '{where}'")
    pairs = enumerate(zip(hints, forms, strict=True))
    return [_item(hint, form, f"{where}[{at}]") for at, (hint, form) in pairs]


def _plain(hint: Any, form: object, where: str) -> object:
    if hint is float and isinstance(form, int) and not isinstance(form, bool):
        return float(form)
    if hint in {str, int, float, bool} and type(form) is hint:
        return form
    try:
        if hint is datetime and isinstance(form, str):
            moment = datetime.fromisoformat(form)
            if moment.tzinfo is not None:
                return moment
        if hint is Path and isinstance(form, str):
            return Path(form)
    except ValueError:
        pass
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(form)
        except ValueError:
            raise IllFormed(f"holds a {hint.__name__} that is not known at '{where}'") from None
    raise IllFormed(f"holds no {getattr(hint, '__name__', 'value')} at '{where}'")
