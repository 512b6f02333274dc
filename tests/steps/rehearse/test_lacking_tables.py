"""Files that name what a copy could not get are not run there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shipway.errors import Refused
from shipway.migrations.files import read_folder
from shipway.steps.rehearse.copy_lacks import refuse_what_it_lacks
from shipway.values.rehearsal import Restored

if TYPE_CHECKING:
    from pathlib import Path

RESTORED = Restored(
    server_version="18.6",
    tool="",
    duration_s=1.0,
    left_out=("extension postgis", "table public place", "table data public place"),
    errors=(),
    tables_left_out=("public.place",),
)


def refused(folder: Path, text: str, restored: Restored) -> str:
    (folder / "001_a.sql").write_text(text)
    (folder / "001_a.down.sql").write_text("select 1")
    pending = read_folder(folder)
    try:
        refuse_what_it_lacks(pending, restored, frozenset({"pg_cron"}))
    except Refused as error:
        return error.what
    return ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alter table public.place add n int", "names public.place, .* for want of postgis"),
        ("select * from Place", "names public.place"),
        ("select count(*) from places; select 'x' as place_2", ""),
        ("create extension pg_cron", ""),
        ("create extension postgis_raster cascade", "line 1 creates the extension postgis_raster"),
    ],
)
def test_what_a_file_names_decides(tmp_path: Path, text: str, said: str) -> None:
    found = refused(tmp_path, text, RESTORED)
    assert re.search(said, found) if said else found == ""


def test_a_whole_copy_refuses_nothing(tmp_path: Path) -> None:
    whole = replace(RESTORED, left_out=(), tables_left_out=())
    assert refused(tmp_path, "alter table public.place add n int", whole) == ""
    assert whole.partly == ""
    assert "postgis" in RESTORED.partly
