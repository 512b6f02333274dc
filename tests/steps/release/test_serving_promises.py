"""What a release keeps of itself, on its machine and in its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.steps.release.serving_promises import bring_back, keep, pack, promises_of
from shipway.values.releases import KeptChecks, KeptFile

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_packed_is_found_on_another_machine(tmp_path: Path) -> None:
    checks = tmp_path / "checks"
    (checks / "more").mkdir(parents=True)
    (checks / "schema.toml").write_text("[tables]\n")
    (checks / "more" / "ünlike it.sql").write_text("select 1;\n")
    here, there = tmp_path / "here", tmp_path / "there"
    keep(here / "r1", checks_dir=checks, migrations=["001_a", "002_b"])

    found = pack(here, "r1")
    assert found is not None
    bring_back(found, there, "r1")

    kept = promises_of(there, "r1")
    assert kept is not None
    assert kept.migrations == {"001_a", "002_b"}
    assert (kept.checks_dir / "more" / "ünlike it.sql").read_text() == "select 1;\n"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 300_000])
def test_what_is_no_text_or_too_large_is_kept_here_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "a.sql").write_bytes(content)
    keep(tmp_path / "r1", checks_dir=tmp_path / "checks", migrations=["001_a"])
    assert promises_of(tmp_path, "r1") is not None
    assert pack(tmp_path, "r1") is None


@pytest.mark.parametrize("name", ["../../out.sql", "/out.sql", "a/../../out.sql", ".hidden", ""])
def test_a_journal_that_names_other_places_writes_nothing(tmp_path: Path, name: str) -> None:
    checks = KeptChecks(files=(KeptFile(name=name, text="x"),), migrations=())
    bring_back(checks, tmp_path / "kept", "r1")
    bring_back(KeptChecks(files=(), migrations=()), tmp_path / "kept", "../r1")
    assert list(tmp_path.iterdir()) == []
