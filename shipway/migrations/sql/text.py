"""A migration's text: its digest, its head, and what no file that is run may hold."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.errors import Misconfigured
from shipway.migrations.directives import read_directives
from shipway.migrations.layout import down_for
from shipway.migrations.names import display_name
from shipway.migrations.sql.blank import BadScript, first_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Text", "head_of", "read_text", "text_of"]

_NOTHING_DONE = "Nothing was run and nothing was changed."
_CHUNK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 1 << 16
_BOM: Final = codecs.BOM_UTF8
_DECODER: Final = codecs.getincrementaldecoder("utf-8")
_LATE_DIRECTIVE = re.compile(rb"^[ \t]*--[ \t]*shipway[ \t]*:", re.MULTILINE | re.IGNORECASE)
_BOTH_WAYS = re.compile(
    rb"^[ \t]*--[ \t-]*(?:migrate:down|\+(?:goose|migrate)[ \t]+down|down[ \t]+migration)",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Text:
    """What is known of a file that was read through."""

    sha256: str
    """Of the text without BOM and with LF line ends."""
    size_bytes: int
    head: bytes
    """Its beginning, without BOM."""
    blank: bool
    """It holds no statement."""


def read_text(path: Path) -> Text:
    """Read a file through, once, and return what it is.

    Raises:
        Misconfigured: it is not UTF-8, or holds what would not be run as meant.
    """
    return text_of(_chunks(path), path)


def text_of(chunks: Iterable[bytes], path: Path) -> Text:
    """Return what a file is whose content comes in pieces; raises what `read_text` does."""
    digest = hashlib.sha256()
    decoder = _DECODER()
    size_bytes = 0
    lines = 0
    carried = head = b""
    first: int | None = None
    for chunk in chunks:
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            at = size_bytes + len(chunk) - len(error.object) + error.start
            raise _bad_byte(path, at, error.object[error.start]) from None
        if b"\0" in chunk:
            raise _bad_byte(path, size_bytes + chunk.index(b"\0"), 0)
        text = carried + (chunk if size_bytes else chunk.removeprefix(_BOM))
        whole = not size_bytes and len(chunk) < _HEAD_BYTES
        if not size_bytes:
            head = text
            first = _first(path, text, whole=whole)
        _refuse_both_ways(path, text, whole=whole)
        _refuse_late_directive(path, text, after=0 if size_bytes else first, lines=lines)
        lines += text.count(b"\n")
        carried = b"\r" if text.endswith(b"\r") else b""
        digest.update(text.removesuffix(carried).replace(b"\r\n", b"\n"))
        size_bytes += len(chunk)
    digest.update(carried)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _bad_byte(path, size_bytes - len(error.object), error.object[0]) from None
    return Text(digest.hexdigest(), size_bytes, head, blank=first is None)


def head_of(text: Text, path: Path) -> Mapping[str, str]:
    """Return the directives in the comments at the head of a file."""
    if b"shipway" not in text.head.lower():
        return {}
    return read_directives(text.head.decode("utf-8", "ignore"), source=display_name(path))


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        # Without a stream around it: a history has hundreds of small files.
        file = os.open(path, os.O_RDONLY)
        try:
            size_bytes = _HEAD_BYTES  # most files end within it
            while chunk := os.read(file, size_bytes):
                yield chunk
                size_bytes = _CHUNK_BYTES
        finally:
            os.close(file)
    except OSError as error:
        raise Misconfigured(
            f"{display_name(path)} cannot be read: {error.strerror}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Make {path} readable.",
        ) from None


def _first(path: Path, text: bytes, *, whole: bool) -> int | None:
    """Return where the first statement begins; None when the file has none."""
    try:
        first = first_statement(text)
        if first is None and not whole:
            return first_statement(path.read_bytes().removeprefix(_BOM))
    except BadScript:
        return len(text)  # The script as a whole is looked at before it runs; it is not empty.
    return first


def _refuse_both_ways(path: Path, text: bytes, *, whole: bool) -> None:
    """Refuse a file that holds the other way too; an empty section for it is none.

    Args:
        path: the file.
        text: a piece of it.
        whole: the piece is all of it.
    """
    down = _BOTH_WAYS.search(text) if b"down" in text.lower() else None
    if down is None or (whole and not _runs(text, down.end())):
        return
    raise Misconfigured(
        f"{display_name(path)} holds both ways, up and down: running it would do and undo it.",
        unchanged=_NOTHING_DONE,
        next_step=f"Move the down part to {down_for(path)}.",
    )


def _runs(text: bytes, at: int) -> bool:
    """Tell whether there is a statement, or what may be one, below the line of a place."""
    line_end = text.find(b"\n", at)
    try:
        return line_end >= 0 and first_statement(text, line_end) is not None
    except BadScript:
        return True


def _refuse_late_directive(path: Path, text: bytes, *, after: int | None, lines: int) -> None:
    """Refuse a directive that would not be seen.

    Args:
        path: the file.
        text: a piece of it.
        after: where in the piece no directive may stand any more; None for nowhere.
        lines: how many the file has before the piece.
    """
    if after is None or b"shipway" not in text.lower():
        return
    if late := _LATE_DIRECTIVE.search(text, after):
        line = lines + text.count(b"\n", 0, late.start()) + 1
        raise Misconfigured(
            f"{display_name(path)}, line {line}: a directive stands after the first statement.",
            unchanged=_NOTHING_DONE,
            next_step="Move it to the comments at the head of the file.",
        )


def _bad_byte(path: Path, offset: int, byte: int) -> Misconfigured:
    with path.open("rb") as stream:
        line = stream.read(offset).count(b"\n") + 1
    what = "is a NUL byte" if byte == 0 else "is not UTF-8"
    return Misconfigured(
        f"{display_name(path)}, line {line}: byte 0x{byte:02X} at offset {offset} {what}.",
        unchanged=_NOTHING_DONE,
        next_step=f"Save {display_name(path)} as UTF-8.",
    )
