"""Rights and findings of before stop no release; what a file brings does, and its cure works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.schema.access import access_results
from shipway.schema.access_words import load_access, write_access
from shipway.schema.judging import finding_results
from shipway.schema.widened import Previous
from shipway.values.checks import Outcome
from shipway.values.inspection import Access, Finding, Reach, Tried

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shipway.values.checks import CheckResult

FUNCTION = "public.charge_the_customer_for_this_billing_period(account_id uuid, amount int)"


def _right(name: str, role: str, reach: Reach, command: str = "select") -> Access:
    tried = Tried.REFUSED if reach is Reach.NOTHING else Tried.ALLOWED
    return Access("table", name, role, command, "", reach, tried)


def _failed(results: Sequence[CheckResult]) -> list[CheckResult]:
    return [one for one in results if one.outcome is Outcome.FAILED]


def test_the_lines_that_a_failure_prints_end_it(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    old = _right("public.notes", "authenticated", Reach.BY_POLICY)
    new = [
        _right(FUNCTION, "authenticated", Reach.ALL, "execute"),
        _right(FUNCTION, "anon", Reach.NOTHING, "execute"),
    ]
    path.write_text(write_access([old]))
    matrix = [old, *new]
    (failed,) = _failed([*access_results(matrix, expected=load_access(path), previous=None)])
    lines = failed.cure.partition("\n")[2]
    assert "--write" not in failed.cure
    path.write_text(f"{path.read_text()}\n{lines}\n")
    results = [*access_results(matrix, expected=load_access(path), previous=None)]
    assert [one.outcome for one in results] == [Outcome.PASSED]


@pytest.mark.parametrize("listed", [True, False])
def test_what_stood_before_is_told_and_stops_nothing(tmp_path: Path, *, listed: bool) -> None:
    path = tmp_path / "access.toml"
    path.write_text(write_access([_right("public.other", "anon", Reach.NOTHING)]))
    expected = load_access(path) if listed else None
    stood = _right("public.menu", "anon", Reach.EVERY_ROW)
    fresh = _right("public.bills", "anon", Reach.EVERY_ROW)
    before = Previous(access=(stood,), since="before these migrations", counted=True)
    now = [stood._replace(tried=Tried.ROWS), fresh]
    results = [*access_results(now, expected=expected, previous=before)]
    assert [one.name for one in _failed(results)] == ["public.bills"]
    assert [one.name for one in results if one.outcome is Outcome.WARNED] == ["public.menu"]
    alone = [*access_results(now, expected=expected, previous=None)]
    assert [one.name for one in _failed(alone)] == ["public.menu", "public.bills"]


def test_what_a_file_renames_is_expected_as_it_was_listed(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    was = _right("public.notes", "authenticated", Reach.BY_POLICY)
    path.write_text(write_access([was]))
    names = {"public.memos": "public.notes"}
    before = Previous(access=(was,), since="before these migrations", counted=True, names=names)
    renamed = was._replace(name="public.memos")
    expected = load_access(path)
    assert not _failed([*access_results([renamed], expected=expected, previous=before)])
    wider = renamed._replace(reach=Reach.EVERY_ROW)
    assert _failed([*access_results([wider], expected=expected, previous=before)])


def test_a_mistake_of_before_warns_and_a_new_one_fails() -> None:
    def found(name: str) -> Finding:
        return Finding(
            group="access", lint="definer_view", level="error", object=name, detail="x 7", cure=""
        )

    stood = found("public.old")
    results = [*finding_results([stood, found("public.new")], "access", before=[stood])]
    assert [one.name for one in _failed(results)] == ["public.new"]
    assert len(_failed([*finding_results([stood], "access", before=None)])) == 1
