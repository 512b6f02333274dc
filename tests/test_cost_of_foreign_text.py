"""What a text of somebody else costs grows with its length at most, whatever it is made of."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.postgres.connection_errors import why_not
from shipway.formats.visible import no_command
from shipway.migrations.sql.literals import holds_secrets, without_literals
from shipway.report.hide import Hide
from shipway.steps.deploy.build_log import failing_lines
from shipway.steps.watch.error_fingerprint import (
    database_fingerprint,
    fingerprint,
    without_particulars,
)
from shipway.values.basics import Secret
from shipway.values.hosting import BuildLine
from shipway.values.logs import LogRow

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL, LARGE = 20_000, 200_000
LINEAR = LARGE / SMALL
"""A quadratic cost would be the square of that: 100 times as much."""
HOSTILE = [
    *("a", "0", "f", "a.", "a@", "@a.", "://", "a://", "0x", "aa_", "/", "//[", "?"),
    *(
        '"',
        "'",
        "`",
        '"a',
        "'a ",
        "\\x",
        " ",
        "\t",
        "\n",
        "\x1b[",
        "\x1b[1;",
        "\u202e",
        "::",
        "##[",
    ),
    *("-", "00000000-0000-", "set ", "$a$", "$$", "/*", "--", "«", "PL/pgSQL ", "CONTEXT: "),
    *("Command was: ", "pg_dump: error: ", "A ", "ERROR:  ", "SCRAM", 'database "', "e'\\"),
]
HIDE = Hide([Secret("postgresql://postgres:p%40ss@db.example.test/postgres")])


def row(text: str, **more: str) -> LogRow:
    return LogRow(
        row_id="",
        at=datetime(2026, 11, 22, tzinfo=UTC),
        level="error",
        source="",
        message=f"Error {text}",
        path=f"/{text}",
        status=500,
        **more,
    )


WORKED_ON: dict[str, Callable[[str], object]] = {
    "a row's kind": lambda text: fingerprint(row(text)),
    "a row without particulars": lambda text: without_particulars(row(text)),
    "the kind of an error of the database": lambda text: database_fingerprint(
        row(text, code="42P01")
    ),
    "what a person sees": lambda text: no_command(HIDE.shown(text)),
    "what a tool complains of": lambda text: tool_messages.complaints_of(f"pg_dump: error: {text}"),
    "a build's log": lambda text: failing_lines([BuildLine(text=text, error=True)]),
    "a statement that sets a secret": lambda text: holds_secrets(f"alter role {text}"),
    "a query without its values": without_literals,
    "a failure to connect": lambda text: why_not(text, place="", password=Secret("x")),
}


def cost_s(work: Callable[[str], object], text: str) -> float:
    """CPU time of the quickest of three tries."""
    took = []
    for _ in range(3):
        began = time.process_time()
        work(text)
        took.append(time.process_time() - began)
    return min(took)


@pytest.mark.parametrize("name", WORKED_ON)
def test_its_cost_grows_no_faster_than_its_length(name: str) -> None:
    work = WORKED_ON[name]
    for piece in HOSTILE:
        small, large = (piece * (size // len(piece)) for size in (SMALL, LARGE))
        least = 0.002  # below that the clock tells nothing
        ratio = max(cost_s(work, large), least) / max(cost_s(work, small), least)
        assert ratio < 4 * LINEAR, f"{piece!r}: {ratio:.0f} times as much"


def test_of_a_long_line_the_begin_makes_its_kind_and_no_half_of_a_record_is_kept() -> None:
    blob = r"Error: bad upload \x" + "89504e470d0a1a0a" * 4000
    assert fingerprint(row("")).startswith("500 / Error")
    told = without_particulars(row(blob)).message
    assert told == "Error Error: bad upload"
    for lead in range(1900, 2000):
        filler = "<" + "7" * 90 + "> "
        text = (filler * 40)[:lead] + " ada@canary.example and 'canary words of hers' again"
        assert "canary" not in without_particulars(row(text)).message


@pytest.mark.parametrize("path", ["//[", "//[::1", "http://[x/y", "/a?b#c", "/" * 5000])
def test_a_path_that_is_no_address_is_counted_all_the_same(path: str) -> None:
    one = row("x")
    assert fingerprint(
        LogRow(**{name: getattr(one, name) for name in one.__slots__} | {"path": path})
    ).startswith("500 ")
