"""Retention: the rules on many backups, the marks, and that deletion is whole."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.formats.signed_file import write_paper
from shipway.steps.backup.retention import PrunePlan, Retention, keep, plan_prune, prune
from shipway.steps.backup.store import ARCHIVE, MANIFEST, list_backups, record_proof
from shipway.values.backup import Backup, Grade, Manifest
from tests.fixtures.migrating import Heard

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOTHING = Retention(last=0, daily=0, weekly=0, monthly=0)


def made(folder: Path, taken_at: datetime, *, target: str = "production") -> Backup:
    """Put a backup of a few bytes on the shelf."""
    name = f"{taken_at:%Y%m%d-%H%M%S}-{target}"
    directory = folder / name
    directory.mkdir(parents=True)
    (directory / ARCHIVE).write_bytes(b"PGDMP")
    manifest = Manifest(
        backup_id=name,
        target=target,
        project_ref=None,
        database="postgres",
        taken_at=taken_at,
        server_version="17.11",
        tool="pg_dump 18.4",
        archive=ARCHIVE,
        archive_bytes=5,
        archive_sha256="0" * 64,
        duration_s=1.0,
        row_counts={},
        left_out=(),
        ledger_version=0,
        platform=None,
        uploaded_to=None,
    )
    write_paper(directory / MANIFEST, "manifest", manifest)
    return Backup(directory=directory, manifest=manifest, grade=Grade.EXISTS)


@pytest.fixture
def many(tmp_path: Path) -> list[Backup]:
    """Backups every twelve hours for eight weeks, newest first."""
    return [made(tmp_path, NOW - timedelta(hours=12 * number)) for number in range(110)]


def planned(folder: Path, rules: Retention, target: str = "production") -> PrunePlan:
    return plan_prune(list_backups(folder), rules, target=target, now=NOW)


def test_each_rule_keeps_the_newest_of_its_periods(tmp_path: Path, many: list[Backup]) -> None:
    plan = planned(tmp_path, Retention(last=3, daily=5, weekly=2, monthly=4))

    kept = [name for name, _ in plan.kept]
    assert kept[:3] == [one.manifest.backup_id for one in many[:3]]
    days = {name[:8] for name in kept}
    assert {"20261122", "20261121", "20261120", "20261119", "20261118"} <= days
    assert {"20261031-120000-production", "20260930-120000-production"} <= set(kept)
    assert len(plan.drop) == 110 - len(kept)
    assert len(kept) == 3 + 3 + 1 + 2


def test_the_newest_and_the_newest_proven_one_are_never_deleted(
    tmp_path: Path, many: list[Backup]
) -> None:
    record_proof(many[7], Grade.EQUAL, clock=SystemClock(), key=None)
    record_proof(many[9], Grade.REHEARSED, clock=SystemClock(), key=None)

    plan = planned(tmp_path, NOTHING)

    assert [name for name, _ in plan.kept] == [
        many[0].manifest.backup_id,
        many[7].manifest.backup_id,
    ]
    assert "proven" in plan.kept[1][1]


def test_a_marked_one_is_kept_even_when_its_mark_is_damaged(
    tmp_path: Path, many: list[Backup]
) -> None:
    keep(many[80], "before the big move", clock=SystemClock())
    (many[81].directory / "keep.json").write_text("torn")

    plan = planned(tmp_path, NOTHING)

    assert dict(plan.kept)[many[80].manifest.backup_id] == "marked: before the big move"
    assert many[81].manifest.backup_id in dict(plan.kept)


def test_pruning_deletes_what_was_planned_and_nothing_of_others(tmp_path: Path) -> None:
    old = made(tmp_path, NOW - timedelta(days=3))
    new = made(tmp_path, NOW)
    other = made(tmp_path, NOW - timedelta(days=9), target="staging")
    damaged = made(tmp_path, NOW - timedelta(days=8))
    (damaged.directory / ARCHIVE).write_bytes(b"cut")
    half = tmp_path / "20261101-000000-production.partial"
    half.mkdir()
    os.utime(half, (0, 0))
    fresh_half = tmp_path / "20261122-115900-production.partial"
    fresh_half.mkdir()
    os.utime(fresh_half, (NOW.timestamp(), NOW.timestamp()))
    plan = planned(tmp_path, replace(NOTHING, last=1))
    heard = Heard()

    assert old.directory.exists(), "a plan deletes nothing"
    prune(plan, say=heard)

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        new.directory.name,
        other.directory.name,
        damaged.directory.name,
        fresh_half.name,
    }
    assert heard.notes == [f"deleted {old.directory.name}", f"deleted {half.name}"]
