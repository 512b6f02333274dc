"""The database of a copy: encoding and locale as the target's, or the nearest that is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.copies.database import make_database
from shipway.values.backup import DatabaseLocale
from tests.fixtures.migrating import ask

if TYPE_CHECKING:
    from tests.conftest import DatabaseServer

HAS = """
select pg_encoding_to_char(encoding), datcollate, datctype
  from pg_database where datname = current_database()
"""


@pytest.mark.parametrize(
    ("locale", "lacks", "lower"),
    [
        (None, (), None),
        (DatabaseLocale(encoding="LATIN1", provider="c", collate="C", ctype="C"), (), "Ä"),
        (DatabaseLocale(encoding="UTF8", provider="c", collate="C.utf8", ctype="C.utf8"), (), "ä"),
        (
            DatabaseLocale(encoding="UTF8", provider="c", collate="xx_XX.utf8", ctype="xx_XX.utf8"),
            ("collation xx_XX.utf8 of the database",),
            "ä",
        ),
        (
            DatabaseLocale(
                encoding="UTF8", provider="i", collate="xx_XX", ctype="xx_XX", locale="de-AT"
            ),
            ("collation de-AT of the database",),
            "ä",
        ),
        (
            DatabaseLocale(encoding="UTF8", provider="b", collate="C", ctype="C", locale="C.UTF-8"),
            (),
            "ä",
        ),
    ],
)
def test_a_copys_database_is_made_as_the_targets_or_says_what_it_lacks(
    server: DatabaseServer,
    locale: DatabaseLocale | None,
    lacks: tuple[str, ...],
    lower: str | None,
) -> None:
    name = "a copy's"
    try:
        with psycopg.connect(server.admin_url("template1").reveal(), autocommit=True) as admin:
            assert make_database(admin, name, locale) == lacks
            # One that is there, new and empty, is taken or made anew.
            assert make_database(admin, name, locale) == lacks
        url = server.admin_url("a%20copy%27s")
        if locale is not None:
            assert ask(url, HAS)[0][0] == locale.encoding
        if lower is not None:
            assert ask(url, "select lower(chr(196))") == [(lower,)]
    finally:
        server.drop(name)
