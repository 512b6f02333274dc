"""A sandbox is run by the PostgreSQL that its data are of, whatever else has come here since."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shipway.edges.servers.cluster import Cluster, installs, newest
from shipway.errors import Misconfigured
from shipway.sandbox.database.dress import SUPERUSER
from shipway.sandbox.lifecycle import down, reset, up
from shipway.values.basics import Plainly, Secret

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.edges.servers.cluster import Install


def _made(root: Path, install: Install) -> Path:
    """Make a sandbox's data as an earlier version with that PostgreSQL did."""
    directory = root / ".shipway" / "sandbox"
    directory.mkdir(parents=True)
    kept = {"superuser": "s", "owner": "o"}
    (directory / "database.json").write_text(json.dumps(kept), encoding="utf-8")
    Cluster(directory / "postgres", install).create(SUPERUSER, Secret("s"))
    return directory


def test_a_sandbox_keeps_its_major(tmp_path: Path) -> None:
    older = next(one for one in installs() if one.major not in {newest().major, 15})
    directory = _made(tmp_path, older)
    try:
        assert up(tmp_path, directory, say=Plainly()).postgres == older.version
        down(directory, say=Plainly())
        assert up(tmp_path, directory, say=Plainly()).postgres == older.version
    finally:
        done = reset(tmp_path, directory, say=Plainly())
    assert done.postgres == newest().version


def test_a_sandbox_whose_major_is_gone_says_so_and_can_be_reset(tmp_path: Path) -> None:
    directory = _made(tmp_path, newest())
    cluster = Cluster(directory / "postgres", newest())
    (cluster.home / "data" / "PG_VERSION").write_text("9\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="of PostgreSQL 9, which is no longer") as stopped:
        up(tmp_path, directory, say=Plainly())
    assert "invoke sandbox.reset" in stopped.value.next_step
    reset(tmp_path, directory, say=Plainly())
    assert not cluster.exists
