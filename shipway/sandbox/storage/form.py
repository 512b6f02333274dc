"""Reads multipart/form-data, as uploads to Storage come, without holding big parts in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap


class BadForm(Exception):  # noqa: N818 - it names what was received
    """A body that is no multipart form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field or file of a form; the content is `body[start:end]`."""

    name: str
    filename: str | None
    content_type: str
    start: int
    end: int


def parts(content_type: str, body: bytes | mmap.mmap) -> dict[str, Part]:
    """Return the parts by name.

    Raises:
        BadForm: the type names no boundary, or the body does not keep to it.
    """
    named = re.search(r'boundary="?([^";]+)"?', content_type)
    if "multipart/form-data" not in content_type or not named:
        raise BadForm
    mark = b"--" + named[1].encode()
    found: dict[str, Part] = {}
    at = body.find(mark)
    while at >= 0 and body[at + len(mark) : at + len(mark) + 2] != b"--":
        head_at = at + len(mark) + 2
        head_end = body.find(b"\r\n\r\n", head_at)
        at = body.find(b"\r\n" + mark, head_end)
        if head_end < 0 or at < 0:
            raise BadForm
        part = _part(body[head_at:head_end], head_end + 4, at)
        found[part.name] = part
        at += 2
    if at < 0:
        raise BadForm
    return found


def _part(head: bytes, start: int, end: int) -> Part:
    headers = BytesHeaderParser().parsebytes(head + b"\r\n\r\n")
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise BadForm
    return Part(
        name=name,
        filename=headers.get_filename(),
        content_type=headers.get("content-type", "text/plain"),
        start=start,
        end=end,
    )
