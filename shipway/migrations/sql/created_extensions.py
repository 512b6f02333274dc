"""The extensions that a file creates by statements of its own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces, words
from shipway.migrations.sql.statement_kinds import tokens_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["created_extensions"]

_HEAD_BYTES: Final = 200


def created_extensions(data: bytes) -> Mapping[str, int]:
    """Return extension to the line that creates it first.

    Statements within DO blocks are passed over: they may ask first whether it is there.

    Args:
        data: the file's; of one that is cut off or broken, what stands before that is found.
    """
    found: dict[str, int] = {}
    with suppress(BadScript):
        for piece in pieces(data):
            if words(data, piece.start, piece.end, 2) == ["create", "extension"]:
                head = data[piece.start : min(piece.end, piece.start + _HEAD_BYTES)]
                tokens = tokens_of(head.decode("utf-8", "replace"))[2:]
                if [one.lower() for one in tokens[:3]] == ["if", "not", "exists"]:
                    tokens = tokens[3:]
                for name in tokens[:1]:
                    known = name[1:-1] if name.startswith('"') else name.lower()
                    found.setdefault(known, data.count(b"\n", 0, piece.start) + 1)
    return found
