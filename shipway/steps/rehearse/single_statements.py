"""Cuts a message into what is measured by itself, and puts the answers together again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces
from shipway.values.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["join_answers", "split_message"]

_INSERT: Final = re.compile(rb"insert\s+into\s+(?!shipway\.)", re.IGNORECASE)


def split_message(
    message: bytes, copies: Sequence[bytes]
) -> list[tuple[int, bytes, Sequence[bytes]]]:
    """Return the statements of a message with their offsets and inline data.

    One with inline data stays whole. INSERTs that follow each other stay together: files have
    thousands of them, and to measure each would take longer than to run them.
    """
    if copies:
        return [(0, message, copies)]
    spans: list[tuple[int, int]] = []
    try:
        for one in pieces(message):
            inserts = _INSERT.match(message, one.start)
            if inserts and spans and _INSERT.match(message, spans[-1][0]):
                spans[-1] = (spans[-1][0], one.end)
            else:
                spans.append((one.start, one.end))
    except BadScript:
        return [(0, message, ())]
    return [(start, message[start:end], ()) for start, end in spans]


def join_answers(first: Answer, second: Answer) -> Answer:
    """Return the answer to both as if they had gone as one message."""
    return Answer(
        completed=first.completed + second.completed,
        tags=(*first.tags, *second.tags)[-3:],
        rows=second.rows or first.rows,
        notices=(*first.notices, *second.notices),
        error=second.error,
        lost=second.lost,
        interrupted=second.interrupted,
    )
