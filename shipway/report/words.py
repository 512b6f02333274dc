"""How each value is told to a person: in full by `show`, in one line by `summary`."""

from __future__ import annotations

from functools import singledispatch
from importlib import import_module
from typing import TYPE_CHECKING, Any

from shipway.figures import count, duration, moment, size
from shipway.report.terminal import Terminal
from shipway.values import (
    Backup,
    CheckResult,
    Checks,
    Deployed,
    Migrated,
    MigrationPlan,
    NewMigration,
    Outcome,
    SandboxStatus,
    Verified,
    Watched,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["counted", "show", "show_checks", "summary"]

_MORE = (
    "history",
    "plans",
    "preconditions",
    "production",
    "records",
    "rehearsals",
    "starting",
    "releases",
    "tables",
)
_MARK = {
    Outcome.PASSED: "ok",
    Outcome.WARNED: "warning",
    Outcome.FAILED: "FAILED",
    Outcome.NOT_CHECKED: "not checked",
}


@singledispatch
def summary(proof: object) -> str:
    """Return what a step has proven, in one line."""
    handler = _learned(summary, type(proof))
    return str(handler(proof))


@summary.register
def _(proof: Backup) -> str:
    made = proof.manifest
    where = f", also at {made.uploaded_to}" if made.uploaded_to else ""
    return (
        f"{size(made.archive_bytes)}, {count(len(made.row_counts), 'table')}, "
        f"{count(sum(made.row_counts.values()), 'row')}, grade L{proof.grade.value}{where}"
    )


@summary.register
def _(proof: Migrated) -> str:
    now = len(proof.applied_now)
    head = f"{now} applied" if now else "nothing was pending"
    return f"{head}; the ledger holds {proof.ledger_count}, up to {proof.ledger_label or 'nothing'}"


@summary.register
def _(proof: Verified) -> str:
    return counted(proof.results)


@summary.register
def _(proof: Deployed) -> str:
    return f"{proof.deployment.deployment_id} serves {proof.production_url}"


@summary.register
def _(proof: Watched) -> str:
    return f"{proof.verdict.value}: {proof.reason}"


def counted(results: Iterable[CheckResult]) -> str:
    """Return how many checks ended how: `9 passed, 1 warning`."""
    ends = [one.outcome for one in results]
    words = [
        (Outcome.FAILED, "failed"),
        (Outcome.PASSED, "passed"),
        (Outcome.WARNED, "with a warning"),
        (Outcome.NOT_CHECKED, "not checked"),
    ]
    return ", ".join(f"{ends.count(one)} {word}" for one, word in words if one in ends)


@singledispatch
def show(value: object, terminal: Terminal) -> None:
    """Write a command's result for a person."""
    _learned(show, type(value))(value, terminal)


def _learned(words: Any, kind: type) -> Callable[..., object]:
    """Load the modules that tell the rarer kinds of values, and return what tells this one.

    They bring in the steps whose values they tell: most commands are spared that.
    """
    for name in _MORE:
        import_module(f"shipway.report.{name}")
    handler: Callable[..., object] = words.dispatch(kind)
    if handler is words.dispatch(object):
        raise TypeError(f"no words for {kind.__name__}")
    return handler


@show.register
def _(value: Verified | Checks, terminal: Terminal) -> None:
    show_checks(value.results, terminal)
    terminal.note("")
    terminal.note(counted(value.results))


def show_checks(results: Iterable[CheckResult], terminal: Terminal) -> None:
    """Write a line for each check; a cure stands below the line that wants it."""
    width = max((len(one.name) for one in results), default=0)
    for one in results:
        mark = _MARK[one.outcome]
        terminal.note(f"{mark:<11} {one.name:<{min(width, 40)}}  {one.detail}".rstrip())
        if one.cure and one.outcome is not Outcome.PASSED:
            for line in one.cure.split("\n"):
                terminal.note(f"{'':<11}   -> {line}")


@show.register
def _(value: MigrationPlan, terminal: Terminal) -> None:
    rows = [
        ("applied", row.label, moment(row.applied_at), duration(row.duration_ms / 1000))
        for row in value.applied
    ]
    rows += [("pending", one.label, "", "") for one in value.pending]
    rows += [("held back", one.label, "contract phase", "") for one in value.held_back]
    terminal.table(("state", "migration", "when", "#took"), rows)
    terminal.note("")
    held = f", {len(value.held_back)} held back" if value.held_back else ""
    terminal.note(f"{len(value.applied)} applied, {len(value.pending)} pending{held}")


@show.register
def _(value: NewMigration, terminal: Terminal) -> None:
    terminal.note(f"created {value.path}")
    terminal.note(f"created {value.down_path}")


@show.register
def _(value: Migrated, terminal: Terminal) -> None:
    terminal.note(summary(value))


@show.register
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


@show.register
def _(value: Deployed, terminal: Terminal) -> None:
    terminal.note(f"production is {value.deployment.deployment_id}, as Vercel says")
    terminal.note(f"  live      {value.production_url}")
    terminal.note(f"  build     {value.deployment.url}")
    if value.previous_id:
        terminal.note(f"  before    {value.previous_id}")


@show.register
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


@show.register
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
