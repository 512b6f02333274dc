"""Backups as a command takes and reads them, for the tests of every part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.age import Age
from shipway.edges.archives import Archives
from shipway.edges.clock import SystemClock
from shipway.edges.dump import PgDump
from shipway.edges.rehearsal_room import RehearsalRoom
from shipway.steps.backup import plan_backup, take_backup
from tests.migrating import Heard

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values import Backup, Say, Secret


def archives(folder: Path, age: Age | None = None) -> Archives:
    """Return what reads dumps, its plain copies in `folder`."""
    return Archives(age=age or Age(), folder=folder / "plain")


def room(
    folder: Path, age: Age | None = None, *, whole_up_to_bytes: int = 1 << 30, most_rows: int = 100
) -> RehearsalRoom:
    """Return where copies of backups live for a test."""
    return RehearsalRoom(
        folder / "rehearsals",
        archives(folder, age),
        whole_up_to_bytes=whole_up_to_bytes,
        most_rows=most_rows,
    )


def back_up(
    url: Secret,
    folder: Path,
    *,
    recipients: tuple[str, ...] = (),
    age: Age | None = None,
    say: Say | None = None,
) -> Backup:
    """Take a backup of the target `staging` into `folder`/backups."""
    age = age or Age()
    plan = plan_backup(
        target="staging",
        project_ref=None,
        folder=folder / "backups",
        now=SystemClock().now(),
        bucket=None,
        asks_platform=False,
        encrypted_for=recipients,
    )
    return take_backup(
        plan,
        dumper=PgDump(url=url, connect_timeout_s=5.0, age=age),
        lister=archives(folder, age),
        platform=None,
        vault=None,
        clock=SystemClock(),
        say=say or Heard(),
    )
