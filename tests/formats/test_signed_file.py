"""Papers: what is written is what is read, and everything else is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shipway.formats.decoding import IllFormed, value_of
from shipway.formats.json_form import json_form
from shipway.formats.signed_file import read_paper, write_paper
from shipway.steps.journal.course import StepEnd, StepRecord
from shipway.values.backup import Backup, Grade, Manifest, Platform, Role
from shipway.values.basics import Secret
from shipway.values.checks import Checks
from shipway.values.inspection import Snapshot, Thing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WINDOW = Platform(
    pitr_enabled=True,
    backups_count=7,
    newest_at=datetime(2026, 11, 22, 3, 0, 0, 123000, tzinfo=UTC),
    recoverable_from=None,
    recoverable_to=None,
    recovery_time=datetime(2026, 11, 22, tzinfo=UTC),
)
ROLE = Role(name="postgres", attributes=("bypassrls",), member_of=("anon",), admin_of=())
CHECKS = Checks(results=(), access_changes=())
STEP = StepRecord(
    name="verify",
    end=StepEnd.FAILED,
    began_at=datetime(2026, 11, 22, tzinfo=UTC),
    duration_s=0.5,
    proof=CHECKS,
    error="2 of 9 checks failed",
)
SCHEMA = Snapshot(
    server_version=170011,
    things=(Thing("table", "public", 'naïve "pets"', (("row level security", "on"),)),),
)


@pytest.mark.parametrize("value", [WINDOW, ROLE, SCHEMA, STEP])
def test_what_is_read_is_what_was_written(tmp_path: Path, value: object) -> None:
    path = tmp_path / "one.json"

    write_paper(path, "thing", value, key=Secret("k"))

    assert read_paper(path, "thing", type(value), key=Secret("k")) == value
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["one.json"]


def test_a_rich_value_survives_its_json_form(tmp_path: Path) -> None:
    manifest = Manifest(
        backup_id="b",
        target="staging",
        project_ref=None,
        database="postgres",
        taken_at=WINDOW.recovery_time,
        server_version="17.11",
        tool="pg_dump 18.4",
        archive="dump.pgc",
        archive_bytes=1,
        archive_sha256="0" * 64,
        duration_s=2.0,
        row_counts={"public.pets": 2},
        left_out=("vault",),
        ledger_version=7,
        platform=WINDOW,
        uploaded_to=None,
        roles=(ROLE,),
    )
    backup = Backup(directory=tmp_path, manifest=manifest, grade=Grade.LISTS)

    assert value_of(Backup, json.loads(json.dumps(json_form(backup)))) == backup


def as_json(value: object) -> dict[str, object]:
    form = json_form(value)
    assert isinstance(form, dict)
    return dict(form)


def unsign(paper: dict[str, object]) -> None:
    paper["hmac_sha256"] = None


def another_kind(paper: dict[str, object]) -> None:
    paper["shipway"] = "seal"


def newer(paper: dict[str, object]) -> None:
    paper["format"] = 2


def edited(paper: dict[str, object]) -> None:
    body = paper["body"]
    assert isinstance(body, dict)
    body["name"] = "root"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (unsign, "is not signed"),
        (another_kind, "is no thing of shipway"),
        (newer, "newer shipway: it has the format 2, and this one reads up to 1"),
        (edited, "was changed"),
    ],
)
def test_a_paper_that_was_tampered_with_is_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], None], named: str
) -> None:
    path = tmp_path / "one.json"
    write_paper(path, "thing", ROLE, key=Secret("k"))
    paper = json.loads(path.read_text())
    change(paper)
    path.write_text(json.dumps(paper))

    with pytest.raises(IllFormed, match=named):
        read_paper(path, "thing", Role, key=Secret("k"))


def test_a_field_that_a_newer_version_added_is_passed_over_and_signed_all_the_same(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.json"
    newer_role = {**as_json(ROLE), "rate_limit": {"per_minute": 7}}
    write_paper(path, "thing", newer_role, key=Secret("k"))

    assert read_paper(path, "thing", Role, key=Secret("k")) == ROLE

    path.write_text(path.read_text().replace('"per_minute": 7', '"per_minute": 8'))
    with pytest.raises(IllFormed, match="was changed"):
        read_paper(path, "thing", Role, key=Secret("k"))
