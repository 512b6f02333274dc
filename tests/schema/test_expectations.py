"""The files of checks/ are read as they are written, and what cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.errors import Misconfigured
from shipway.schema.expectations import Expect, Expectations, load_expectations

ROOT = Path(__file__).parents[2]


def _load(folder: Path) -> Expectations:
    return load_expectations(folder, exposed_schemas=("public",), timeout_s=5)


def test_a_head_says_role_claims_expectation_and_budget(tmp_path: Path) -> None:
    (tmp_path / "own_rows.sql").write_text(
        "-- What every visitor asks first.\n"
        "-- shipway: expect=value:3 role=authenticated within=500ms\n"
        """-- shipway: name="Own rows" claims='{"sub":"a"}'\n"""
        "select count(*) -- of mine\nfrom notes;\n"
    )
    (check,) = _load(tmp_path).queries
    assert (check.name, check.role, check.claims) == ("Own rows", "authenticated", '{"sub":"a"}')
    assert (check.expect, check.wanted, check.within_s) == (Expect.VALUE, "3", 0.5)
    assert check.statement == "select count(*) -- of mine\nfrom notes"


def test_a_check_without_a_name_is_called_as_its_file(tmp_path: Path) -> None:
    (tmp_path / "no_orphans.sql").write_text("-- shipway: expect=empty\nselect 1 where false")
    (check,) = _load(tmp_path).queries
    assert check.name == "no orphans"
    assert check.role is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("select 1", "says no 'expect'"),
        ("-- shipway: expect=nothing\nselect 1", "'expect=nothing' says nothing"),
        ("-- shipway: expect=value:\nselect 1", "says nothing"),
        ("-- shipway: expect=rows:3\nselect 1", "says nothing"),
        ("-- shipway: expect=rows rol=anon\nselect 1", "'rol' is not a directive"),
        ("-- shipway: expect=rows within=soon\nselect 1", "within=soon is not a duration"),
        ("-- shipway: expect=rows\nselect 1; drop table notes", "holds 2 statements"),
        ("-- shipway: expect=rows\n-- nothing", "holds 0 statements"),
        ("-- shipway: expect=rows\ncommit", "is not a query"),
        ("-- shipway: expect=rows\nexplain analyze delete from notes", "is not a query"),
        ("-- shipway: expect=rows\nselect 'open", "a.sql"),
    ],
)
def test_a_check_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a.sql").write_text(text)
    with pytest.raises(Misconfigured) as caught:
        _load(tmp_path)
    assert problem in caught.value.what
    assert caught.value.what.startswith("a.sql")
    assert caught.value.next_step


@pytest.mark.parametrize(
    "text",
    ["[public", "public = 3", "[public.notes]\ncolumn = []", '[public.notes]\ncolumns = "id"'],
)
def test_a_declaration_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "schema.toml").write_text(text)
    with pytest.raises(Misconfigured, match=r"schema\.toml"):
        _load(tmp_path)


def test_a_folder_that_is_not_there_promises_nothing(tmp_path: Path) -> None:
    expectations = _load(tmp_path / "none")
    assert not expectations.tables
    assert not expectations.queries


def test_the_sample_apps_checks_are_read() -> None:
    expectations = _load(ROOT / "checks")
    assert {table.name for table in expectations.tables} >= {"user", "api_key"}
    assert len(expectations.queries) >= 5
