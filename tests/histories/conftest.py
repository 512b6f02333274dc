"""The server that `invoke sandbox.up` starts, for the tests that run histories on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.histories.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return the run's sandbox; it is stopped and deleted at the end."""
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running
