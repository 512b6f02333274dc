"""A backup, a deployment, a watch and the sandbox as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count, duration, moment, size
from shipway.report.words import show, summary
from shipway.values.backup import Backup
from shipway.values.hosting import Deployed
from shipway.values.logs import Watched
from shipway.values.sandbox import SandboxStatus

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal

__all__: list[str] = []


@summary.register(Backup)
def _(proof: Backup) -> str:
    made = proof.manifest
    where = f", also at {made.uploaded_to}" if made.uploaded_to else ""
    return (
        f"{size(made.archive_bytes)}, {count(len(made.row_counts), 'table')}, "
        f"{count(sum(made.row_counts.values()), 'row')}, grade L{proof.grade.value}{where}"
    )


@summary.register(Deployed)
def _(proof: Deployed) -> str:
    return f"{proof.deployment.deployment_id} serves {proof.production_url}"


@summary.register(Watched)
def _(proof: Watched) -> str:
    return f"{proof.verdict.value}: {proof.reason}"


@show.register(Backup)
def _(value: Backup, terminal: Terminal) -> None:
    made = value.manifest
    terminal.note(f"backup {made.backup_id}: {summary(value)}")
    terminal.note(f"  taken     {moment(made.taken_at)} in {duration(made.duration_s)}")
    terminal.note(f"  archive   {value.archive}")
    if made.encrypted_for:
        terminal.note(f"  for       {', '.join(made.encrypted_for)}")
    terminal.note(f"  sha256    {made.archive_sha256}")
    if made.left_out:
        terminal.note(f"  left out  {', '.join(made.left_out)}")
    if made.platform is not None:
        told = made.platform
        newest = f", newest {moment(told.newest_at)}" if told.newest_at else ""
        terminal.note(f"  platform  {count(told.backups_count, 'backup')}{newest}")
        terminal.note(f"  recovery  ask Supabase for {moment(told.recovery_time)}")


@show.register(Deployed)
def _(value: Deployed, terminal: Terminal) -> None:
    terminal.note(f"production is {value.deployment.deployment_id}, as Vercel says")
    terminal.note(f"  live      {value.production_url}")
    terminal.note(f"  build     {value.deployment.url}")
    if value.previous_id:
        terminal.note(f"  before    {value.previous_id}")


@show.register(Watched)
def _(value: Watched, terminal: Terminal) -> None:
    terminal.title(f"{value.verdict.value}: {value.reason}")
    terminal.note(
        f"  {count(value.requests, 'request')}, {count(value.errors, 'error')} in "
        f"{duration(value.window_s)}; {count(value.probes, 'probe')} of our own, "
        f"{value.probes_failed} failed"
    )
    for row in value.worst:
        place = f" {row.status} {row.path}" if row.status else ""
        terminal.note(f"  {moment(row.at)} {row.level}{place} {row.message}".rstrip())


@show.register(SandboxStatus)
def _(value: SandboxStatus, terminal: Terminal) -> None:
    terminal.note(f"sandbox     {_sandbox_state(value)}")
    stopped = "not running"
    terminal.note(f"  postgres  {value.database or stopped} (version {value.postgres})")
    terminal.note(f"  supabase  {value.supabase_api_url or stopped}")
    terminal.note(f"  vercel    {value.vercel_api_url or stopped}")
    if value.production_url:
        terminal.note(f"  the app   {value.production_url}")
    terminal.note("")
    if value.running:
        terminal.note("Release to it:  invoke release --target sandbox")
        terminal.note("Stop it:        invoke sandbox.down")
    else:
        terminal.note("Start it:       invoke sandbox.up")


def _sandbox_state(value: SandboxStatus) -> str:
    if value.running:
        return f"running, data in {value.directory}"
    if value.exists:
        return f"stopped, data in {value.directory}"
    return "not made yet"
