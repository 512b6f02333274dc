"""What it would cost to go back from a release: each way, its time, and what it loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.formats.figures import count, duration, moment, size
from shipway.values.migrations import Phase
from shipway.values.rehearsal import Reversal

if TYPE_CHECKING:
    from datetime import datetime

    from shipway.report.page.parts import Parts
    from shipway.steps.release.record import ReleaseRecord
    from shipway.values.backup import Backup, Platform
    from shipway.values.rehearsal import Seal

__all__ = ["Way", "ways_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way back."""

    name: str
    tone: str
    """good: costs little; warn: costs something, or was not tried; bad: costs data, or not open."""
    takes: str
    loses: str
    how: str
    """A command, or where to do it; empty when it is not open."""


def ways_back(record: ReleaseRecord, parts: Parts) -> list[Way]:
    """Return the ways that are open, or not, after this release; the cheapest first. Pure."""
    flag = f" --target {record.target}" if record.target != "default" else ""
    ways = [_app(record, parts, flag)]
    if parts.migrated and parts.migrated.applied_now:
        ways.append(_migrations(parts, flag))
    if parts.backup:
        ways.append(_restore(parts.backup, parts.seal, flag))
        if parts.backup.manifest.platform:
            at = parts.migrated.recovery_time if parts.migrated else None
            ways.append(_platform(parts.backup.manifest.platform, at))
    return ways


def _app(record: ReleaseRecord, parts: Parts, flag: str) -> Way:
    name = "The app alone"
    if parts.went_back:
        return Way(name=name, tone="good", takes="done", loses="nothing", how="")
    if parts.deployed is None:
        nothing = "nothing: this release put no new version live"
        return Way(name=name, tone="good", takes="not needed", loses=nothing, how="")
    if parts.deployed.previous_id is None:
        first = "everything: no version served before this one"
        return Way(name=name, tone="bad", takes="not open", loses=first, how="")
    command = f"invoke deploy.rollback{flag}"
    contracted = [one.label for one in record.planned.migrations if one.phase is Phase.CONTRACT]
    if contracted:
        return Way(
            name=name,
            tone="bad",
            takes="seconds: nothing is built",
            loses=f"the old code may need what {', '.join(contracted)} took away",
            how=command,
        )
    return Way(
        name=name,
        tone="good",
        takes="seconds: nothing is built",
        loses="no data: the database stays on the new schema, which only grew",
        how=command,
    )


def _migrations(parts: Parts, flag: str) -> Way:
    number = len(parts.migrated.applied_now) if parts.migrated else 0
    how = f"invoke db.rollback --steps {number}{flag}"
    name = count(number, "migration")
    if parts.seal is None or not parts.seal.migrations:
        scripts = sum(run.planned.reversible_by is not None for run in parts.runs)
        told = f"not tried; {count(scripts, 'file')} of {number} have a down script"
        return Way(name=name, tone="warn", takes="not known", loses=told, how=how)
    ends = [one.reversal for one in parts.seal.migrations]
    losing = [one for one in parts.seal.migrations if one.reversal is not Reversal.REVERSIBLE]
    if not losing:
        told = f"no data of before: all {len(ends)} were undone and done again on the copy"
        return Way(name=name, tone="good", takes="tried on the copy", loses=told, how=how)
    told = "; ".join(f"{one.label}: {one.detail or one.reversal}" for one in losing)
    open_ = all(one is Reversal.LOSSY for one in ends if one is not Reversal.REVERSIBLE)
    return Way(
        name=name,
        tone="warn" if open_ else "bad",
        takes="tried on the copy" if open_ else "not open as a whole",
        loses=told,
        how=how if open_ else "",
    )


def _restore(backup: Backup, seal: Seal | None, flag: str) -> Way:
    made = backup.manifest
    whole = seal is not None and not seal.restored.partly
    took = seal.restored.duration_s if seal and whole else backup.restore_s
    return Way(
        name=f"All data, from the backup ({size(made.archive_bytes)}), into an empty project",
        tone="bad",
        takes=f"{duration(took)} when it was rehearsed" if took is not None else "not tried",
        loses=f"all that was written since {moment(made.snapshot_at or made.taken_at)}",
        how=f"invoke db.restore {made.backup_id} --into NAME{flag}",
    )


def _platform(told: Platform, before_migrations: datetime | None) -> Way:
    if told.pitr_enabled:
        at = before_migrations or told.recovery_time
        return Way(
            name=f"The whole project, to {moment(at)}",
            tone="bad",
            takes="minutes to hours, by size; Supabase does it",
            loses=f"all that was written since {moment(at)}",
            how="Supabase dashboard: Database, Backups, Point in time",
        )
    newest = moment(told.newest_at) if told.newest_at else ""
    return Way(
        name="The whole project, from Supabase's daily backup",
        tone="bad",
        takes="minutes to hours, by size; Supabase does it" if newest else "not open",
        loses=f"all that was written since {newest}" if newest else "Supabase holds no backup",
        how="Supabase dashboard: Database, Backups" if newest else "",
    )
