"""What an API answered, as a value that no broken body can spoil."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ApiAnswer", "NoAnswer", "decode"]

_SHOWN_CHARS = 500


class NoAnswer(Exception):  # noqa: N818 - it is no fault of ours; it names what is missing
    """A request got no answer.

    Attributes:
        sent: whether the server may have received it. False: it certainly did nothing.
    """

    def __init__(self, what: str, *, sent: bool) -> None:
        super().__init__(what)
        self.what = what
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """What an API answered. A broken body never raises: `json` is then None."""

    status: int
    json: Any
    """The decoded body; None when it is empty, no JSON, or was cut off."""
    text: str
    """The beginning of the body, for messages, without the token."""
    headers: Mapping[str, str]
    """Names in lower case."""
    complete: bool = True
    """False when the connection broke within the body."""

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def object(self) -> Mapping[str, Any]:
        """The body when it is a JSON object, else an empty mapping."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def code(self) -> str:
        """The API's own word for an error, such as `forbidden`; empty when it gave none."""
        inner = self.object.get("error")
        found = inner.get("code") if isinstance(inner, dict) else self.object.get("code")
        return found if isinstance(found, str) else ""

    @property
    def message(self) -> str:
        """The API's own message, else the beginning of the body, else the status's name."""
        inner = self.object.get("error")
        for candidate in (
            inner.get("message") if isinstance(inner, dict) else None,
            self.object.get("message"),
            self.object.get("msg"),
            inner,
        ):
            if isinstance(candidate, str) and candidate.strip():
                return candidate.strip()[:_SHOWN_CHARS]
        shown = " ".join(self.text.split())[:_SHOWN_CHARS]
        if shown:
            return shown
        known = self.status in HTTPStatus._value2member_map_
        return HTTPStatus(self.status).phrase if known else "no message"

    def __str__(self) -> str:
        """Return status, code and message as one phrase: `403 forbidden: Not authorized`."""
        code = f" {self.code}" if self.code else ""
        return f"{self.status}{code}: {self.message}"


def decode(body: bytes, content_type: str) -> Any:
    """Return the JSON of a body; of a body of JSON lines, the list of those that are whole."""
    if "stream+json" in content_type or "ndjson" in content_type:
        return [value for line in body.splitlines() if (value := decode(line, "")) is not None]
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
