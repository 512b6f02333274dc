"""Files to keep, and what there is of them afterwards, past the edge under test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_SMALL_BYTES = 100_000


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file that goes in one request."""
    path = tmp_path / "manifest.json"
    path.write_bytes(os.urandom(_SMALL_BYTES))
    return path


@pytest.fixture
def large(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file of two whole pieces and a rest, as large as the module says that one is."""
    path = tmp_path / "dump.pgc"
    path.write_bytes(os.urandom(2 * request.module.PIECE_BYTES + 12_345))
    return path
