"""The journal: durable, chained, and honest about damage."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from shipway.errors import Failed, Refused
from shipway.release import new_release_id
from shipway.steps.journal.journal import Entry, FileCopy, Journal, verify_chain
from shipway.steps.journal.journal import read as read_lines

if TYPE_CHECKING:
    from pathlib import Path


class StillClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 18, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody should wait {seconds} s here")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "release" / "journal.jsonl"


def read(path: Path) -> list[Entry]:
    return read_lines(FileCopy(path).lines(), path.name)


def written(path: Path, count: int) -> Journal:
    journal = Journal([FileCopy(path)], StillClock())
    for number in range(count):
        journal.write("result", f"step {number}", {"number": number})
    return journal


def test_each_line_carries_the_digest_of_the_line_before(path: Path) -> None:
    written(path, 3)
    first, second, third = read(path)
    assert first.previous == "0" * 64
    assert second.previous == first.digest()
    assert third.previous == second.digest()


def test_a_step_writes_its_intent_before_and_its_proof_after(path: Path) -> None:
    journal = Journal([FileCopy(path)], StillClock())
    with journal.step("backup") as done:
        assert [entry.event for entry in read(path)] == ["intent"]
        done({"rows": 7})
    assert [(entry.event, entry.data) for entry in read(path)] == [
        ("intent", None),
        ("result", {"rows": 7}),
    ]


def test_a_failed_step_writes_why_and_lets_the_error_go_on(path: Path) -> None:
    journal = Journal([FileCopy(path)], StillClock())
    with (
        pytest.raises(Refused, match="no disk"),
        journal.step("backup"),
    ):
        raise Refused("no disk", unchanged="all", next_step="buy one")
    assert read(path)[-1].event == "failed"
    assert read(path)[-1].data == {"error": "Refused", "what": "no disk", "proof": None}


def test_another_process_goes_on_with_the_chain(path: Path) -> None:
    written(path, 2)
    Journal([FileCopy(path)], StillClock()).write("ended", "release")
    assert [entry.number for entry in read(path)] == [1, 2, 3]


def test_a_last_line_that_a_crash_cut_off_is_dropped_and_the_chain_goes_on(path: Path) -> None:
    written(path, 2)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"at":"2026-11-')
    assert len(read(path)) == 2
    Journal([FileCopy(path)], StillClock()).write("ended", "release")
    assert [entry.event for entry in read(path)] == ["result", "result", "ended"]


@pytest.mark.parametrize("damage", ["changed", "changed in its spaces", "removed", "added"])
def test_a_changed_a_removed_and_an_added_line_are_found(path: Path, damage: str) -> None:
    written(path, 4)
    lines = path.read_text(encoding="utf-8").splitlines()
    match damage:
        case "changed":
            lines[1] = lines[1].replace('"number":1}', '"number":8}')
        case "changed in its spaces":
            lines[1] = lines[1].replace('":', '": ', 1)
        case "removed":
            del lines[1]
        case _:
            lines.insert(1, lines[1])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(Failed, match=r"not intact: line [23]"):
        read(path)


def test_two_places_hold_the_same_lines_and_the_one_behind_is_brought_up_to_date(
    path: Path, tmp_path: Path
) -> None:
    other = FileCopy(tmp_path / "other.jsonl")
    written(path, 3)
    journal = Journal([FileCopy(path), other], StillClock())
    assert other.lines() == FileCopy(path).lines()
    journal.write("ended", "release")
    assert other.lines() == FileCopy(path).lines()
    assert len(other.lines()) == 4


def test_a_place_that_is_ahead_counts_and_one_that_contradicts_is_refused(
    path: Path, tmp_path: Path
) -> None:
    other = FileCopy(tmp_path / "other.jsonl")
    Journal([other], StillClock()).write("begun", "release", {"what": "something else"})
    written(path, 2)
    with pytest.raises(Failed, match="contradicts its other copy from line 1"):
        Journal([FileCopy(path), other], StillClock())
    ahead = FileCopy(tmp_path / "ahead.jsonl")
    for number, line in enumerate(FileCopy(path).lines(), start=1):
        ahead.append(number, line)
    Journal([ahead], StillClock()).write("ended", "release")
    Journal([FileCopy(path), ahead], StillClock())
    assert FileCopy(path).lines() == ahead.lines()


class FullPlace:
    """A place that takes no line."""

    name = "a full disk"

    def lines(self) -> list[str]:
        return []

    def append(self, number: int, line: str) -> None:
        raise Failed(f"no room for line {number}", unchanged=line, next_step="")


def test_a_second_place_that_is_full_stops_the_release_and_the_first_tells_of_it(
    path: Path,
) -> None:
    journal = Journal([FileCopy(path), FullPlace()], StillClock())
    with pytest.raises(Failed, match="no room for line 1"), journal.step("backup"):
        raise AssertionError("the step must not begin")
    journal.close("ended", "release", None, None)
    assert [entry.event for entry in read(path)] == ["intent", "ended"]


def test_secrets_are_taken_out_of_a_line_before_it_is_chained(path: Path) -> None:
    journal = Journal([FileCopy(path)], StillClock(), hide=lambda text: text.replace("s3cret", "-"))
    journal.write("failed", "backup", {"what": ["the key s3cret is wrong"]})
    assert "s3cret" not in path.read_text(encoding="utf-8")
    assert verify_chain(FileCopy(path).lines())[1] is None


def test_the_names_of_releases_sort_by_the_millisecond_they_began_in() -> None:
    began = datetime(2026, 11, 22, 21, 15, 30, tzinfo=UTC)
    moments = [began + timedelta(milliseconds=ms) for ms in (0, 1, 15, 16, 255, 999, 1000)]
    names = [new_release_id(one) for one in moments]
    assert names == sorted(names)
    assert all(re.fullmatch(r"20261122-21153[01]-[0-9a-f]{4}", name) for name in names)
