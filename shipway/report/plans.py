"""How plans are told to a person: what would be done, before it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count, duration
from shipway.release import FinishPlan, ReleasePlan
from shipway.report.words import show
from shipway.steps.backup.take import BackupPlan
from shipway.steps.deploy.plan import DeployPlan
from shipway.steps.deploy.sources import describe
from shipway.steps.watch.plan import WatchPlan

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal
    from shipway.steps.release.database_half import DatabasePlan
    from shipway.values.migrations import MigrationPlan

__all__: list[str] = []


@show.register(ReleasePlan)
def _(value: ReleasePlan, terminal: Terminal) -> None:
    with terminal.part(f"release {value.release_id}"):
        _show_database_half(value, terminal)
        terminal.row("deploy", _deploy(value.deploy))
        terminal.row("logs", f"watch for {duration(value.watch_window_s)}")


@show.register(FinishPlan)
def _(value: FinishPlan, terminal: Terminal) -> None:
    with terminal.part(f"contract phase {value.release_id}"):
        terminal.row(
            "after",
            f"release {value.finishes}; the code before it is out of service for "
            f"{duration(value.soaked_s)}",
        )
        _show_database_half(value, terminal)


def _show_database_half(value: DatabasePlan, terminal: Terminal) -> None:
    terminal.row("backup", _backup(value.backup))
    how = (
        f"left out: {value.without_rehearsal}"
        if value.without_rehearsal
        else f"restore that backup into {value.copies_on}, and run what is pending there first"
    )
    terminal.row("rehearse", how)
    first, *others = _pending(value.migrations)
    terminal.row("migrate", first)
    for line in others:
        terminal.row("", line)
    expected = value.expectations
    terminal.row(
        "verify",
        f"{count(len(expected.tables), 'declared table')}, "
        f"{count(len(expected.queries), 'critical query', 'critical queries')}, "
        f"row security in {', '.join(expected.exposed_schemas)}",
    )


@show.register(BackupPlan)
def _(value: BackupPlan, terminal: Terminal) -> None:
    terminal.note(f"Would {_backup(value)}")
    if value.asks_platform:
        terminal.note("Would ask Supabase which backups it has itself")


@show.register(DeployPlan)
def _(value: DeployPlan, terminal: Terminal) -> None:
    terminal.note(f"Would deploy {_deploy(value)}")
    for page in value.pages:
        terminal.note(f"  then ask {page.path} for {page.status}")
    for warning in value.warnings:
        terminal.warn(warning)


@show.register(WatchPlan)
def _(value: WatchPlan, terminal: Terminal) -> None:
    terminal.note(
        f"Would watch {value.deployment_id} for {duration(value.window_s)} and probe "
        f"{', '.join(page.path for page in value.pages)} at {value.base_url} "
        f"every {duration(value.probe_every_s)}"
    )


def _backup(plan: BackupPlan) -> str:
    copy = f", with a copy in the bucket {plan.bucket}" if plan.bucket else ""
    for_whom = (
        f", encrypted for {count(len(plan.encrypted_for), 'key')}" if plan.encrypted_for else ""
    )
    return f"dump the database to {plan.backup_id}{for_whom}{copy}"


def _pending(plan: MigrationPlan) -> list[str]:
    if not plan.pending:
        return ["nothing is pending"]
    return [f"apply {len(plan.pending)}:", *(f"  {one.label}" for one in plan.pending)]


def _deploy(plan: DeployPlan) -> str:
    now = plan.previous_id or "empty"
    return f"{describe(plan.source)}, to {plan.project_name} (production is {now})"
