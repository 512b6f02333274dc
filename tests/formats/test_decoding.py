"""Decoding: what another version of shipway wrote is read as far as it goes, or refused by name."""

from __future__ import annotations

import itertools
import json
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.errors import Failed, Refused
from shipway.formats.decoding import FORMAT, IllFormed, value_of
from shipway.formats.field_types import field_types
from shipway.formats.signed_file import write_paper
from shipway.steps.backup.retention import Keeping
from shipway.steps.backup.store import Proof, list_backups, open_backup, verify_backup
from shipway.steps.gates.preflight import Ready
from shipway.steps.journal.course import Found, StepRecord
from shipway.steps.journal.entries import past_of
from shipway.steps.journal.journal import FileCopy, Journal
from shipway.steps.release.record import ReleaseRecord, read_record
from shipway.values.backup import Grade, Manifest, Platform, Role
from shipway.values.checks import Checks
from shipway.values.gates import Gated
from shipway.values.inspection import Before, Remembered, Snapshot, Thing
from shipway.values.recorded import RecordedSchema
from shipway.values.rehearsal import Seal
from shipway.values.releases import Begun, KeptChecks

RECORDED = (
    *(Manifest, Proof, Keeping, Snapshot, Seal, Before),
    *(Begun, KeptChecks, *typing.get_args(Found)),
    *(ReleaseRecord, Remembered, RecordedSchema),
)
"""All that one version of shipway writes and another may read."""
REQUIRED = Path(__file__).parent / "required_fields.txt"
"""What the records of FORMAT hold wherever a value is told: a known value gets no more lines."""


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ([], "no object"),
        ({"name": "x"}, "does not hold 'attributes'"),
        ({"name": 7, "attributes": [], "member_of": [], "admin_of": []}, "no str at 'name'"),
        ({"name": "x", "attributes": [1], "member_of": [], "admin_of": []}, r"attributes\[0\]"),
    ],
)
def test_an_ill_formed_body_is_refused_with_the_place(form: object, named: str) -> None:
    with pytest.raises(IllFormed, match=named):
        value_of(Role, form)


@pytest.mark.parametrize("moment", ["2026-11-22T03:00:00", "yesterday", 7])
def test_a_time_needs_a_zone(moment: object) -> None:
    form = {"pitr_enabled": True, "backups_count": 7, "newest_at": None, "recoverable_from": None}
    with pytest.raises(IllFormed, match="no datetime at 'recovery_time'"):
        value_of(Platform, {**form, "recoverable_to": None, "recovery_time": moment})


def test_what_is_not_told_has_its_default_and_what_is_not_known_is_passed_over() -> None:
    told = {"name": "x", "attributes": [], "member_of": [], "admin_of": [], "newer": {"a": [1]}}
    assert value_of(Role, told) == Role(name="x", attributes=(), member_of=(), admin_of=())


def test_a_row_that_grew_at_its_end_is_read_as_far_as_it_is_known() -> None:
    row = ["table", "public", "pets", [["row level security", "on"]]]
    thing = Thing("table", "public", "pets", (("row level security", "on"),))
    for told in (row, [*row, "newer"]):
        read = value_of(Snapshot, {"server_version": 170011, "things": [told]})
        assert read == Snapshot(server_version=170011, things=(thing,))
    with pytest.raises(IllFormed, match=r"holds 3 parts instead of 4 at 'things\[0\]'"):
        value_of(Snapshot, {"server_version": 170011, "things": [row[:3]]})


def test_a_word_that_is_not_known_is_named_with_its_place() -> None:
    form = {"archive_sha256": "0", "grade": 99, "at": "2026-11-22T03:00:00Z"}
    with pytest.raises(IllFormed, match="a Grade that is not known at 'grade'"):
        value_of(Proof, form)


def test_of_several_kinds_of_proof_the_one_that_fits_best_is_meant() -> None:
    checks: dict[str, object] = {"results": [], "access_changes": [], "newer": {}}
    step = {"name": "verify", "end": "done", "began_at": "2026-11-22T03:00:00Z", "duration_s": 1}
    assert isinstance(value_of(StepRecord, {**step, "proof": checks}).proof, Checks)
    with pytest.raises(IllFormed, match="nothing that is known at 'proof'"):
        value_of(StepRecord, {**step, "proof": {"newer": 1}})


def test_no_two_kinds_of_proof_look_alike_but_those_that_the_steps_name_tells() -> None:
    alike = [
        pair
        for pair in itertools.combinations(typing.get_args(Found), 2)
        if field_types(pair[0]).keys() == field_types(pair[1]).keys()
    ]
    assert alike == [(Ready, Gated)]


@pytest.mark.parametrize(("told", "named"), [(FORMAT + 1, "newer shipway"), ("1", "no shipway")])
def test_a_record_of_another_format_is_refused_by_its_number(
    tmp_path: Path, told: object, named: str
) -> None:
    (tmp_path / "release.json").write_text(json.dumps({"format": told, "steps": "other"}))
    with pytest.raises(IllFormed, match=named):
        read_record(tmp_path)


def test_a_journal_of_a_newer_shipway_is_not_gone_on_with(tmp_path: Path) -> None:
    copy = FileCopy(tmp_path / "journal.jsonl")
    Journal([copy], SystemClock()).write("begun", "release", {"format": FORMAT + 1, "goal": "x"})
    with pytest.raises(Failed, match="it was written by a newer shipway") as caught:
        past_of("r1", copy.lines())
    assert "pip install --upgrade shipway" in caught.value.next_step


def test_a_backup_of_a_newer_shipway_is_told_as_that_and_keeps_its_proof(tmp_path: Path) -> None:
    folder = tmp_path / "b1"
    folder.mkdir()
    at = datetime(2026, 11, 22, tzinfo=UTC)
    write_paper(folder / "manifest.json", "manifest", {"backup_id": "b1"})
    write_paper(folder / "proof.json", "proof", Proof(archive_sha256="0", grade=Grade.EQUAL, at=at))
    paper = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**paper, "format": FORMAT + 1}))

    with pytest.raises(Refused, match="newer shipway") as caught:
        open_backup(folder)
    assert "pip install --upgrade shipway" in caught.value.next_step
    with pytest.raises(Refused):
        verify_backup(folder, lister=NoLister(), clock=SystemClock())
    assert (folder / "proof.json").exists()
    (unreadable,) = list_backups(tmp_path).unreadable
    assert "newer shipway" in unreadable.reason


class NoLister:
    """Lists nothing: nobody may come so far."""

    def contents(self, archive: Path) -> tuple[str, ...] | None:
        raise AssertionError(archive)


def test_a_record_needs_nothing_that_those_of_its_format_never_held() -> None:
    known = set(REQUIRED.read_text(encoding="utf-8").split())
    shapes = {one.split(".")[0] for one in known}
    added = sorted(required_fields() - known)
    assert not [one for one in added if one.split(".")[0] in shapes], "give it a default"
    assert not added, f"a value that is recorded from now on: add these lines to {REQUIRED}"


def required_fields() -> set[str]:
    """Return `Shape.field` of all that a record cannot be read without."""
    found: set[str] = set()
    seen: set[Any] = set()
    rest: list[Any] = [*RECORDED]
    while rest:
        shape = rest.pop()
        if shape in seen:
            continue
        seen.add(shape)
        rest += typing.get_args(shape)
        if is_dataclass(shape):
            name = str(getattr(shape, "__qualname__", ""))
            wanted = (one for one in fields(shape) if one.default is one.default_factory is MISSING)
            found |= {f"{name}.{one.name}" for one in wanted}
        if is_dataclass(shape) or hasattr(shape, "_fields"):
            rest += field_types(shape).values()
    return found
