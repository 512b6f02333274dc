"""A few points of `scripts/faults`, which has hundreds: what is disturbed goes on and ends well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.kinds import Counted, points
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

# As far as the points below reach; scripts/faults counts what a release really does.
POINTS = {
    (one.kind, one.name): one
    for one in points(Counted(lines=21, exchanges=1, vercel=10, supabase=1))
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("SIGKILL at each journal line, goes on on another machine", "line 11, answered"),
        ("SIGKILL at each journal line, goes on on the same machine", "line 18, before"),
        ("SIGKILL in mid-rehearsal", "once it says restored"),
        ("Vercel resets after it acted", "call 10"),
        ("Vercel answers old data", "from call 2"),
    ],
)
def test_a_release_that_was_disturbed_goes_on_and_loses_nothing(
    world: World, kind: str, name: str
) -> None:
    assert POINTS[kind, name].run(world) == []
