"""Papers: values that lie on the disk as JSON, with a digest and, where there is a key, signed.

A paper is one JSON object: `{"shipway": <kind>, "format": 1, "body": {...}, "sha256": "...",
"hmac_sha256": "..." or null}`. Both digests are taken of kind and body in canonical form (keys
sorted, no spaces): the first finds damage, the second finds a change by someone without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from shipway.formats.field_types import field_types
from shipway.formats.json_form import Json, json_form

if typing.TYPE_CHECKING:
    from shipway.values import Secret

__all__ = [
    "IllFormed",
    "digest_of_file",
    "paper_of",
    "read_paper",
    "signature_of",
    "value_in",
    "value_of",
    "write_paper",
]

_FORMAT = 1
_T = TypeVar("_T")


class IllFormed(Exception):  # noqa: N818 - says what the paper is
    """A paper that cannot be trusted; its text goes on after the paper's name: "is not JSON"."""


def write_paper(path: Path, kind: str, value: object, *, key: Secret | None = None) -> None:
    """Write a value so that a reader finds it whole or not at all; readable by the owner only.

    Args:
        path: the file; replaced when it exists.
        kind: what it is, one word; a reader that wants another kind refuses it.
        value: a dataclass of `shipway.values` or of a step.
        key: signs it with HMAC-SHA256.
    """
    paper = _paper(kind, value, key)
    draft = path.with_name(path.name + ".partial")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(paper, indent=2, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def paper_of(kind: str, value: object, *, key: Secret | None = None) -> bytes:
    """Return a value as a paper that is kept elsewhere than in a file, on one line."""
    return json.dumps(_paper(kind, value, key), separators=(",", ":"), sort_keys=True).encode()


def _paper(kind: str, value: object, key: Secret | None) -> dict[str, Json]:
    body = json_form(value)
    return {
        "shipway": kind,
        "format": _FORMAT,
        "body": body,
        "sha256": hashlib.sha256(_canonical(kind, body)).hexdigest(),
        "hmac_sha256": _signature(key, kind, body) if key else None,
    }


def read_paper(path: Path, kind: str, shape: type[_T], *, key: Secret | None = None) -> _T:
    """Return the value of a paper.

    Args:
        path: the file.
        kind: what it must be.
        shape: the dataclass to return.
        key: when given, the paper must be signed with it.

    Raises:
        IllFormed: missing, damaged, of another kind, or not signed with the key.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise IllFormed(f"cannot be read: {error.strerror}") from None
    return value_in(text, kind, shape, key=key)


def value_in(text: bytes, kind: str, shape: type[_T], *, key: Secret | None = None) -> _T:
    """Return the value of a paper that was read already; see `read_paper`."""
    try:
        paper = json.loads(text)
    except (ValueError, RecursionError):
        raise IllFormed("is not JSON: it was cut off or overwritten") from None
    if not isinstance(paper, dict) or paper.get("shipway") != kind:
        raise IllFormed(f"is no {kind} of shipway")
    if paper.get("format") != _FORMAT:
        raise IllFormed(f"has the format {paper.get('format')!r}, and this shipway reads {_FORMAT}")
    body = paper.get("body")
    if hashlib.sha256(_canonical(kind, body)).hexdigest() != paper.get("sha256"):
        raise IllFormed("was changed after it was written: its digest is another")
    if key is not None:
        signed = paper.get("hmac_sha256")
        if not isinstance(signed, str):
            raise IllFormed("is not signed, and a signing key is set")
        if not hmac.compare_digest(signed, _signature(key, kind, body)):
            raise IllFormed("is not signed with the key that is set")
    return value_of(shape, body)


def signature_of(kind: str, value: object, key: Secret) -> str:
    """Return the signature of a value that is kept elsewhere than in a paper."""
    return _signature(key, kind, json_form(value))


def _canonical(kind: str, body: Json) -> bytes:
    return json.dumps([kind, body], sort_keys=True, separators=(",", ":")).encode()


def _signature(key: Secret, kind: str, body: Json) -> str:
    return hmac.new(key.reveal().encode(), _canonical(kind, body), hashlib.sha256).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def value_of(shape: type[_T], form: object) -> _T:
    """Return the dataclass that `json_form` made `form` of.

    Raises:
        IllFormed: something is missing, unknown or of another type; its name is said.
    """
    return typing.cast("_T", _dataclass(shape, form, ""))


def _dataclass(shape: Any, form: object, where: str) -> object:
    if not isinstance(form, dict):
        raise IllFormed(f"holds no object at '{where or 'body'}'")
    hints = field_types(shape)
    known = {one.name: one for one in fields(shape)}
    for name in form:
        if name not in known:
            raise IllFormed(f"holds an unknown '{where}{name}'")
    given = {name: _item(hints[name], form[name], f"{where}{name}") for name in form}
    try:
        return shape(**given)
    except TypeError:
        missing = ", ".join(f"'{where}{name}'" for name in known if name not in form)
        raise IllFormed(f"does not hold {missing}") from None


def _item(hint: Any, form: object, where: str) -> object:
    """Return one part of a value, of the type that the dataclass declares."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        if form is None and type(None) in arguments:
            return None
        return _item(_meant(arguments, form, where), form, where)
    if origin is tuple and isinstance(form, list):
        of = arguments[:1] * len(form) if arguments[-1] is Ellipsis else arguments
        return tuple(_items(of, form, where))
    if origin is Mapping and isinstance(form, dict):
        return {key: _item(arguments[1], one, f"{where}.{key}") for key, one in form.items()}
    if hasattr(hint, "_fields") and isinstance(form, list):
        return hint(*_items(tuple(field_types(hint).values()), form, where))
    return _dataclass(hint, form, f"{where}.") if is_dataclass(hint) else _plain(hint, form, where)


def _meant(arguments: tuple[Any, ...], form: object, where: str) -> Any:
    """Return which type of a union is meant: of several dataclasses, the one with these fields."""
    inner = [one for one in arguments if one is not type(None)]
    if len(inner) == 1:
        return inner[0]
    given = set(form) if isinstance(form, dict) else set()
    for one in inner:
        wanted = {one.name for one in fields(one) if one.default is one.default_factory is MISSING}
        if wanted <= given <= {one.name for one in fields(one)}:
            return one
    raise IllFormed(f"holds nothing that is known at '{where}'")


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
        if isinstance(hint, type) and issubclass(hint, Enum):
            return hint(form)
    except ValueError:
        pass
    raise IllFormed(f"holds no {getattr(hint, '__name__', 'value')} at '{where}'")
