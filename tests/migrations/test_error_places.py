"""Where an error is said to be, for any text around it: there, to the line and the column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipway.errors import MigrationFailed
from tests.fixtures.migrating import run

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\t", " -- ä;\n", "/* ;\n é */ ", "\n\n  "])
GOOD = st.sampled_from(
    ["SELECT 1", "SELECT 'ü;\n''x'", 'SELECT 1 AS "ö;"', "SELECT $$\n;$$", "SELECT E'\\';'"]
)
# What Postgres reports with a position, and what without one: there the statement's begin counts.
BAD = st.sampled_from(
    [
        ("SELECT 'é', @wrong_column", True),
        ("SELECT 'é',\n\t@nothing()", True),
        ("@ALTER TABLE nowhere ADD x int", False),
        ("@SELECT 1 /\n 0", False),
        ("@DROP TABLE nowhere", False),
    ]
)


@given(
    before=st.lists(st.tuples(BLANKS, GOOD, BLANKS), max_size=4),
    blank=BLANKS,
    bad=BAD,
    bom=st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_line_and_column_are_those_of_the_file(  # noqa: PLR0913 - what surrounds the error
    database_url: Secret,
    tmp_path: Path,
    before: list[tuple[str, str, str]],
    blank: str,
    bad: tuple[str, bool],
    *,
    bom: bool,
) -> None:
    text = "".join(f"{lead}{good}{tail};" for lead, good, tail in before) + blank + bad[0] + ";\n"
    head = text[: text.index("@")].replace("\r\n", "\n")
    encoding = "utf-8-sig" if bom else "utf-8"
    (tmp_path / "001_a.sql").write_bytes(text.replace("@", "").encode(encoding))
    try:
        run(database_url, tmp_path)
    except MigrationFailed as failed:
        said = re.match(r"001_a\.sql, line (\d+), column (\d+): ", failed.what)
    assert said is not None
    line, column = head.count("\n") + 1, len(head.rpartition("\n")[2]) + 1
    assert (int(said[1]), int(said[2])) == (line, column)
