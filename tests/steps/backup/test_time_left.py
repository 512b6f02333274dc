"""The time that is left: told by the pace so far or by the time before, never guessed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.steps.backup.store import record_proof
from shipway.steps.backup.time_left import expected_bytes, restoring, time_left_s
from shipway.values.backup import Grade
from shipway.values.basics import Plainly
from tests.fixtures.backing_up import back_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.basics import Progress, Secret


@dataclass
class Shown(Plainly):
    """Keeps what a live line was told."""

    told: list[tuple[str, float | None]] = field(default_factory=list)

    @contextmanager
    def progress(self, text: str, *, log_every_s: float | None = None) -> Iterator[Progress]:
        del text, log_every_s
        yield self

    def at(self, text: str, *details: str, left_s: float | None = None) -> None:
        del details
        self.told.append((text, left_s))

    def done(self, text: str) -> None:
        """Nobody asks for it."""


@dataclass
class Standing(SystemClock):
    """Time that goes on by ten seconds at each look."""

    at_s: float = 0.0

    def monotonic(self) -> float:
        self.at_s += 10.0
        return self.at_s


@pytest.mark.parametrize(
    ("share", "took_s", "left"),
    [(0.25, 10.0, 30.0), (0.5, 10.0, 10.0), (0.01, 10.0, None), (0.5, 0.5, None), (1.2, 9.0, None)],
)
def test_the_rest_lasts_as_long_as_the_pace_so_far_tells(
    share: float, took_s: float, left: float | None
) -> None:
    assert time_left_s(share, took_s) == left


def test_a_dump_and_a_restore_are_expected_to_be_like_the_last_one_of_their_target(
    database_url: Secret, tmp_path: Path
) -> None:
    assert expected_bytes(tmp_path / "backups", "staging") is None
    backup = back_up(database_url, tmp_path)
    target, held = backup.manifest.target, backup.manifest.archive_bytes
    assert expected_bytes(tmp_path / "backups", target) == held
    assert expected_bytes(tmp_path / "backups", "of another name") is None
    rows = sum(backup.manifest.row_counts.values())
    shown = Shown()

    with restoring(backup, clock=Standing(), say=shown) as tell:
        tell(rows)

    assert shown.told == [(f"0 of {rows} rows", None), (f"{rows} of {rows} rows", None)]

    record_proof(backup, Grade.EQUAL, clock=SystemClock(), key=None, restore_s=40.0)
    twice = replace(backup.manifest, archive_bytes=2 * held)
    shown = Shown()
    with restoring(replace(backup, manifest=twice), clock=Standing(), say=shown):
        pass
    assert shown.told == [(f"0 of {rows} rows", 70.0)], "80 s, of which 10 have passed"
