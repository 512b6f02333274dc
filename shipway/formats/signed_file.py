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
from typing import TYPE_CHECKING, TypeVar

from shipway.formats.decoding import FORMAT, IllFormed, refuse_newer, value_of
from shipway.formats.json_form import Json, json_form

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

__all__ = ["digest_of_file", "paper_of", "read_paper", "signature_of", "value_in", "write_paper"]

_T = TypeVar("_T")


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
        "format": FORMAT,
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
        NewerFormat: of a format that this version does not read yet.
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
    refuse_newer(paper)
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
