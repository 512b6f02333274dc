"""Retention: which backups are kept and why, and the deletion of the others."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shipway.errors import Failed
from shipway.formats.decoding import IllFormed
from shipway.formats.signed_file import read_paper, write_paper
from shipway.values.backup import Grade

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from shipway.steps.backup.store import Shelf
    from shipway.values.backup import Backup
    from shipway.values.basics import Clock, Say

__all__ = ["Keeping", "PrunePlan", "Retention", "keep", "plan_prune", "prune"]

_MARK = "keep.json"
_LEFTOVER_AFTER = timedelta(days=1)
"""A backup in the making may take long; an older half one was interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many backups of a target are kept; each rule adds to the others."""

    last: int
    daily: int
    """The newest of each of so many days that have one."""
    weekly: int
    monthly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """A mark by an operator: never delete this one."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What `invoke backup.prune` would do."""

    kept: tuple[tuple[str, str], ...]
    """Names with the reason."""
    drop: tuple[Path, ...]
    leftovers: tuple[Path, ...]
    """Halves that interrupted backups left."""


def plan_prune(shelf: Shelf, rules: Retention, *, target: str, now: datetime) -> PrunePlan:
    """Return what would be deleted. Backups of other targets and damaged ones are left alone.

    Args:
        shelf: all that lies on this machine, newest first.
        rules: how many are kept.
        target: its name.
        now: UTC.
    """
    backups = [one for one in shelf.backups if one.manifest.target == target]
    reasons: dict[str, str] = {}
    for backup in backups:
        if mark := _mark_of(backup):
            reasons[backup.manifest.backup_id] = f"marked: {mark.reason}"
    proven = [one for one in backups if one.grade >= Grade.RESTORES]
    for one in backups[:1]:
        reasons.setdefault(one.manifest.backup_id, "the newest")
    for one in proven[:1]:
        reasons.setdefault(one.manifest.backup_id, "the newest that is proven to restore")
    for one in backups[: rules.last]:
        reasons.setdefault(one.manifest.backup_id, f"one of the last {rules.last}")
    periods: tuple[tuple[str, int, Callable[[datetime], str]], ...] = (
        ("day", rules.daily, lambda at: f"{at:%Y-%m-%d}"),
        ("week", rules.weekly, lambda at: f"{at:%G-W%V}"),
        ("month", rules.monthly, lambda at: f"{at:%Y-%m}"),
    )
    for word, count, period_of in periods:
        newest_of: dict[str, Backup] = {}
        for one in backups:
            newest_of.setdefault(period_of(one.manifest.taken_at), one)
        for period, one in list(newest_of.items())[:count]:
            reasons.setdefault(one.manifest.backup_id, f"the newest of the {word} {period}")
    return PrunePlan(
        kept=tuple(
            (one.manifest.backup_id, reasons[one.manifest.backup_id])
            for one in backups
            if one.manifest.backup_id in reasons
        ),
        drop=tuple(one.directory for one in backups if one.manifest.backup_id not in reasons),
        leftovers=tuple(
            one.directory
            for one in shelf.unreadable
            if one.directory.suffix == ".partial" and _age(one.directory, now) > _LEFTOVER_AFTER
        ),
    )


def prune(plan: PrunePlan, *, say: Say) -> None:
    """Delete what the plan says.

    Raises:
        Failed: a folder could not be deleted; those before it are gone.
    """
    for directory in (*plan.drop, *plan.leftovers):
        doomed = directory.with_name(directory.name.removesuffix(".partial") + ".partial")
        try:
            # Half deleted it must not look whole.
            directory.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise Failed(
                f"{directory.name} could not be deleted: {error.strerror}.",
                unchanged="What was told as deleted is gone; the others stand.",
                next_step=f"Look at the rights of {directory.parent}.",
            ) from None
        say.note(f"deleted {directory.name}")


def keep(backup: Backup, reason: str, *, clock: Clock) -> None:
    """Mark a backup so that it is never deleted by `prune`."""
    mark = Keeping(reason=reason, at=clock.now())
    write_paper(backup.directory / _MARK, "keep", mark)


def _mark_of(backup: Backup) -> Keeping | None:
    path = backup.directory / _MARK
    if not path.exists():
        return None
    try:
        return read_paper(path, "keep", Keeping)
    except IllFormed:
        # A damaged mark still says that someone wanted it kept.
        return Keeping(reason="its mark cannot be read", at=backup.manifest.taken_at)


def _age(directory: Path, now: datetime) -> timedelta:
    return timedelta(seconds=now.timestamp() - directory.stat().st_mtime)
