"""The lexer, held against PostgreSQL itself: the server says where its statements begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import pq

from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import DatabaseServer


def cut(text: str, *, standard_strings: bool = True) -> list[str]:
    data = text.encode()
    found = pieces(data, standard_strings=standard_strings)
    return [data[piece.start : piece.end].decode() for piece in found]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        (";; -- nothing;\n SELECT 1 ; ;", ["SELECT 1 "]),
        ("SELECT ';', \";\", $$;$$, $a$;$$;$a$;SELECT 2", None),
        ("/* ; /* ; */ ; */ SELECT 1 /* ; */ + 1", ["SELECT 1 /* ; */ + 1"]),
        (
            "SELECT 'it''s; one' -- ; two\n; SELECT 2",
            ["SELECT 'it''s; one' -- ; two\n", "SELECT 2"],
        ),
        (r"SELECT E'it\'s; one'; SELECT 2", [r"SELECT E'it\'s; one'", "SELECT 2"]),
        (r"SELECT 'back\'; SELECT 2", [r"SELECT 'back\'", "SELECT 2"]),
        (r"SELECT like'a\';SELECT 2", [r"SELECT like'a\'", "SELECT 2"]),
        ("SELECT E'a'\n  '\\';b'; SELECT 2", ["SELECT E'a'\n  '\\';b'", "SELECT 2"]),
        (
            r"SELECT U&'\0041;' UESCAPE '!'; SELECT 2",
            [r"SELECT U&'\0041;' UESCAPE '!'", "SELECT 2"],
        ),
        ("SELECT a$b$; SELECT c$b$", ["SELECT a$b$", "SELECT c$b$"]),
        ("SELECT ä$$; SELECT $ä$;$ä$", ["SELECT ä$$", "SELECT $ä$;$ä$"]),
        ("SELECT 1$$;$$; SELECT $1", ["SELECT 1$$;$$", "SELECT $1"]),
        ("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3", None),
        (
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE "
                "WHEN true THEN 1 ELSE (CASE WHEN true THEN 2 END) END; END; SELECT 2"
            ),
            None,
        ),
        (
            "CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1 AS end; SELECT t.case FROM t; END;SELECT 2",
            None,
        ),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'begin'; SELECT 2", None),
        ("CREATE TABLE begin (atomic int); SELECT 2", None),
        ("\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", ["SELECT 1"]),
    ],
)
def test_a_file_is_cut_at_the_semicolons_that_count(
    text: str, statements: list[str] | None
) -> None:
    found = cut(text)
    if statements is None:
        begin, _, end = text.rpartition(";")
        assert [one.strip() for one in found] == [begin, end.strip()]
    else:
        assert found == statements


def test_string_rules_change_behind_the_statement_that_switches_them() -> None:
    text = (
        r"SELECT 'a\'; SET standard_conforming_strings = off; SELECT 'b\';c'; "
        r"SET standard_conforming_strings TO 'on'; SELECT 'd\'; "
        r"SELECT set_config('standard_conforming_strings', 'off', false); SELECT 'e\';f'"
    )
    assert [one[-3:] for one in cut(text)] == [
        "'a\\'"[-3:],
        "off",
        ";c'",
        "on'",
        "d\\'",
        "se)",
        ";f'",
    ]
    assert cut(r"SELECT 'a\';b'", standard_strings=False) == [r"SELECT 'a\';b'"]


@pytest.mark.parametrize("text", ["'", '"', "$$", "/*", "$a$ $b$", "E'\\'", "/* /* */", "U&'"])
def test_what_does_not_end_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(BadScript) as caught:
        cut(f"SELECT 1;\nSELECT {text}")
    assert caught.value.offset >= len("SELECT 1;\nSELECT ")


def test_leading_words_are_read_past_comments() -> None:
    data = b"/* a */ CREATE -- b\n  Unique\tINDEX concurrently_x ON t (a)"
    assert words(data, 0, len(data), 4) == ["create", "unique", "index", "concurrently_x"]


# --- the same, asked of the server -------------------------------------------------------------

NAMES = st.sampled_from(["a", "ä", "begin", "a$b", "case", "E", "x1", "end_"])
INSIDE = st.text(st.sampled_from(list("a;'\"$\\-/*\n(ä ")), max_size=8)


def _quoted(inside: str) -> str:
    return "'" + inside.replace("'", "''") + "'"


def _escaped(inside: str) -> str:
    return "E'" + inside.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _dollars(inside: str) -> str:
    tag = "$q$" if "$" in inside else "$$"
    return tag + inside.replace("$q$", "") + tag


VALUES = st.one_of(
    INSIDE.map(_quoted),
    INSIDE.map(_escaped),
    INSIDE.map(_dollars),
    INSIDE.map(lambda inside: "U&" + _quoted(inside.replace("\\", "\\\\"))),
    INSIDE.map(lambda inside: _escaped(inside) + "\n -- c';\n " + _escaped(inside)[1:]),
    st.integers(0, 999).map(str),
)
COMMENTS = st.one_of(
    st.just(""),
    INSIDE.map(lambda inside: " --" + inside.replace("\n", "") + "\n"),
    INSIDE.map(lambda inside: " /*" + inside.replace("/", "").replace("*", "") + "*/ "),
    INSIDE.map(lambda inside: " /* /*" + inside.replace("/", "").replace("*", "") + "*/ ; */ "),
)
SELECTS = st.builds(
    lambda before, value, between, name: f'{before}SELECT {value}{between} AS "{name};"',
    COMMENTS,
    VALUES,
    COMMENTS,
    NAMES,
)
ROUTINES = st.builds(
    lambda value, name, comment: (
        f"CREATE FUNCTION pg_temp.{name}() RETURNS text{comment} BEGIN ATOMIC SELECT {value}::text;"
        f" SELECT (CASE WHEN true THEN {value}::text END){comment}; END"
    ),
    VALUES,
    st.sampled_from(["f", "g", "ä", "a$b"]),
    COMMENTS,
)
STATEMENTS = st.one_of(SELECTS, SELECTS, ROUTINES)
SCRIPTS = st.tuples(st.lists(st.tuples(STATEMENTS, COMMENTS), min_size=1, max_size=6), COMMENTS)


@pytest.fixture(scope="module")
def oracle(server: DatabaseServer) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Return a connection on which any statement may be tried."""
    with psycopg.connect(server.admin_url("template1").reveal(), autocommit=True) as connection:
        yield connection


def answers(connection: psycopg.Connection[tuple[object, ...]], text: str) -> int:
    """Return how many statements the server saw in a text; -1 where it refused one."""
    pgconn = connection.pgconn
    pgconn.send_query(text.encode())
    seen = 0
    while result := pgconn.get_result():
        if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            seen += 1
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            seen = -1000
    return max(seen, -1)


@given(script=SCRIPTS)
@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_server_sees_one_statement_in_each_piece_and_as_many_in_the_whole(
    oracle: psycopg.Connection[tuple[object, ...]],
    script: tuple[list[tuple[str, str]], str],
) -> None:
    parts, tail = script
    text = ";".join(statement + comment for statement, comment in parts) + tail
    found = cut(text)
    whole = answers(oracle, f"BEGIN;{text}\n;ROLLBACK")
    oracle.execute("ROLLBACK")
    if whole < 0:
        return  # Two functions of one name: no word about where statements end.
    assert whole == len(found) + 2
    for statement in found:
        seen = answers(oracle, f"BEGIN;{statement}\n;ROLLBACK")
        assert seen == 3, statement


@given(text=st.text(st.sampled_from(list("aE;'\"$\\-/*\n() ä1U&")), max_size=30))
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_text_no_piece_hides_a_statement_from_us(
    oracle: psycopg.Connection[tuple[object, ...]], text: str
) -> None:
    """The server raises a syntax error on most of these; where it does not, it counts as we do."""
    try:
        found = cut(f"SELECT {text}")
    except BadScript:
        assert answers(oracle, f"SELECT {text}") < 1, "the server can read what we refuse"
        return
    whole = answers(oracle, f"SELECT {text}")
    assert whole in (-1, len(found))
