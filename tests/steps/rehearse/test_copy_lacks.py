"""A file that fails on a copy: whose fault it is, and what is said of the target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shipway.errors import MigrationFailed, Place
from shipway.steps.rehearse.copy_lacks import what_next
from shipway.values.rehearsal import Restored, SampledTable

WHOLE = Restored(server_version="18.4", tool="", duration_s=1, left_out=(), errors=())
WITHOUT = replace(WHOLE, left_out=("extension pg_trgm", "index public p_name_idx"))
TOO = "It would have failed on the target too. Correct the file. Then run: invoke db.rehearse"


def _next(code: str, restored: Restored, *, comparable: bool = True, unread: str = "") -> str:
    place = Place(file=Path("002_b.sql"), line=1, column=1, what="", sqlstate=code)
    error = MigrationFailed(
        "", unchanged="", next_step="Correct the file. Then run: invoke db.migrate", place=place
    )
    return what_next(error, restored, unread=(unread,) if unread else (), comparable=comparable)


@pytest.mark.parametrize("code", ["42601", "23505", "22012", "P0001", "42P01", "42703", "42883"])
def test_where_the_copy_is_the_target_it_would_have_failed_there_too(code: str) -> None:
    assert _next(code, WHOLE) == TOO


@pytest.mark.parametrize("code", ["42601", "23505", "22012"])
def test_what_comes_of_rows_or_of_grammar_fails_there_too_whatever_was_left_out(code: str) -> None:
    assert _next(code, WITHOUT) == TOO


@pytest.mark.parametrize(
    ("code", "lacks"),
    [
        ("0A000", "an extension that this server was built without"),
        ("58P01", "a file of an extension"),
        ("42501", "a right that the platform gives"),
        ("22023", "a version of an extension"),
        ("57014", "this machine may be slower"),
        ("53200", "memory of this machine"),
    ],
)
def test_what_a_server_lacks_is_no_fault_of_the_file(code: str, lacks: str) -> None:
    told = _next(code, WHOLE)
    assert told.startswith("The target was not tried, and the copy may be what fails. It may lack:")
    assert lacks in told
    assert "on the target too" not in told
    assert "SHIPWAY_REHEARSE_ON" in told
    assert "invoke release --without-rehearsal REASON. Where the file" in told


@pytest.mark.parametrize("code", ["42704", "42883", "42P01", "3F000", "42703"])
def test_what_was_left_out_of_the_copy_is_named(code: str) -> None:
    told = _next(code, WITHOUT, comparable=False)
    assert "left out of it (extension pg_trgm, index public p_name_idx)" in told
    assert "on the target too" not in told


@pytest.mark.parametrize(
    ("restored", "comparable", "unread", "named"),
    [
        (WHOLE, False, "", "its schema has otherwise"),
        (WHOLE, True, "vault", "what the role may not read (vault)"),
        (replace(WHOLE, unlike=("search_path",)), True, "", "search_path"),
        (replace(WHOLE, roles_unlike=("role a",)), True, "", "role a"),
    ],
)
def test_whatever_else_the_copy_has_otherwise_is_named(
    restored: Restored, unread: str, named: str, *, comparable: bool
) -> None:
    assert named in _next("42883", restored, comparable=comparable, unread=unread)


def test_a_sample_may_lack_the_row_that_another_refers_to() -> None:
    sampled = replace(WHOLE, sample=(SampledTable(name="public.a", rows=1, of_rows=9),))
    assert "the rows that are not in the sample" in _next("23503", sampled)


@pytest.mark.parametrize(
    ("code", "said", "text", "blamed"),
    [
        ("42P01", 'relation "public.nope" does not exist', "table public.nope", False),
        ("42P01", 'relation "nope" does not exist', "select cron.schedule() from nope", False),
        ("42P01", 'relation "cron.job_run" does not exist', "select", True),
        ("42P01", 'relation "pg_stat_statements" does not exist', "select", True),
        ("42P01", 'relation "public.extensions" does not exist', "select", False),
        ("42P01", 'relation "http_calls" does not exist', "select", False),
        ("3F000", 'schema "shop" does not exist', "create table shop.a ()", False),
        ("3F000", 'schema "cron" does not exist', "select", True),
        ("42703", 'column "nope" does not exist', "select nope from people", False),
        ("42703", 'column "zone" does not exist', "select zone from cron.job", True),
        ("42P07", 'relation "people" already exists', "create table people ()", False),
        ("42883", "function gen_salt(unknown, int) does not exist", "select", True),
        ("42704", 'type "http_response_2" does not exist', "select", True),
    ],
)
def test_stand_ins_are_to_blame_only_for_what_can_come_of_them(
    tmp_path: Path, code: str, said: str, text: str, *, blamed: bool
) -> None:
    file = tmp_path / "002_b.sql"
    file.write_text(text)
    hosted = replace(WHOLE, stand_ins=("http", "pg_cron", "pg_stat_statements", "pgcrypto"))
    told = what_next(
        MigrationFailed(
            "",
            unchanged="",
            next_step="Correct the file. Then run: invoke db.migrate",
            place=Place(file=file, line=1, column=1, what=said, sqlstate=code),
        ),
        hosted,
        unread=(),
        comparable=True,
    )
    assert ("stand-ins" in told) is blamed
    assert (told == TOO) is not blamed
