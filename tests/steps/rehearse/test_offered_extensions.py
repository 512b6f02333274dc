"""Files that create extensions: what the target offers decides, whatever the copy's server has."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shipway.errors import MigrationFailed
from shipway.migrations.files import read_folder
from shipway.steps.rehearse.copy_lacks import refuse_what_target_lacks
from shipway.values.backup import Manifest

if TYPE_CHECKING:
    from pathlib import Path


def manifest(offered: tuple[str, ...] | None, *there: str) -> Manifest:
    return Manifest(
        backup_id="b1",
        target="staging",
        project_ref=None,
        database="app",
        taken_at=datetime(2026, 11, 22, tzinfo=UTC),
        server_version="15.9",
        tool="",
        archive="",
        archive_bytes=0,
        archive_sha256="",
        duration_s=1,
        row_counts={},
        left_out=(),
        ledger_version=0,
        platform=None,
        uploaded_to=None,
        extensions=dict.fromkeys(there, "1.0"),
        offered=offered,
    )


def refused(folder: Path, text: str, target: Manifest) -> MigrationFailed | None:
    (folder / "001_a.sql").write_text(text)
    (folder / "001_a.down.sql").write_text("select 1")
    try:
        refuse_what_target_lacks(read_folder(folder), target)
    except MigrationFailed as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "create extension if not exists http;",
            "line 1: the target does not offer extension http",
        ),
        ('select 1;\ncreate extension "http" with schema x;', "line 2: .* extension http"),
        ("create extension citext; CREATE EXTENSION PostGIS CASCADE;", "extension postgis"),
    ],
)
def test_what_the_target_does_not_offer_fails_before_any_file_runs(
    tmp_path: Path, text: str, named: str
) -> None:
    error = refused(tmp_path, text, manifest(("citext", "plpgsql"), "plpgsql"))
    assert error is not None
    assert re.search(named, error.what)
    assert error.unchanged.startswith("No file ran")
    assert "--without-rehearsal" not in error.next_step
    assert error.place is not None
    assert error.exit_code == MigrationFailed.exit_code


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("create extension citext;", manifest(("citext",))),
        ("create extension if not exists http;", manifest((), "http")),
        ("create extension http;", manifest(None)),
        ("create extension shop;", manifest(("pg_tle",), "pg_tle")),
        ("create extension pg_tle; create extension shop;", manifest(("pg_tle",))),
        ("do $$ begin create extension http; end $$;", manifest(())),
    ],
)
def test_what_it_has_or_offers_or_may_bring_itself_goes_on(
    tmp_path: Path, text: str, target: Manifest
) -> None:
    assert refused(tmp_path, text, target) is None
