"""How production is told to a person: what serves it, and what a rollback did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.report.words import show, summary
from shipway.steps.deploy.production import ProductionStatus
from shipway.steps.deploy.rollback import BackPlan
from shipway.values.hosting import COMMIT_META, LEDGER_META, Deployment, WentBack

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal

__all__: list[str] = []


@summary.register(WentBack)
def _(proof: WentBack) -> str:
    return f"{proof.to_id} serves {proof.production_url} again"


@summary.register(Deployment)
def _(proof: Deployment) -> str:
    return f"{proof.deployment_id} is built and serves no domain yet"


@show.register(WentBack)
def _(value: WentBack, terminal: Terminal) -> None:
    terminal.note(f"production is {value.to_id} again, as Vercel says")
    terminal.note(f"  live      {value.production_url}")
    terminal.note(f"  instead   of {value.from_id}")


@show.register(BackPlan)
def _(value: BackPlan, terminal: Terminal) -> None:
    terminal.note(f"Would let {value.to_id} serve production again instead of {value.from_id}")


@show.register(Deployment)
def _(value: Deployment, terminal: Terminal) -> None:
    terminal.note(f"Would let {value.deployment_id} serve production: {value.url}")


@show.register(ProductionStatus)
def _(value: ProductionStatus, terminal: Terminal) -> None:
    hosting, current = value.hosting, value.current
    if current is None:
        terminal.note(f"{hosting.name}: nothing serves production yet")
        return
    terminal.note(f"{hosting.name}: production is {current.deployment_id}, as Vercel says")
    lines = [
        ("live", ", ".join(hosting.production_urls)),
        ("build", f"{current.url} ({current.ready_state})"),
        ("release", value.release_id or "none of shipway's"),
        ("commit", current.meta.get(COMMIT_META, "")),
        ("database", current.meta.get(LEDGER_META, "")),
        ("before", value.previous_id),
    ]
    job = hosting.last_job
    if job is not None:
        lines.append(("last", f"{job.kind} to {job.to_id}: {job.status}"))
    for name, text in lines:
        if text:
            terminal.note(f"  {name:<9} {text}")
    for one in value.elsewhere:
        terminal.warn(f"This domain points elsewhere: {one}")
    if hosting.rolled_back:
        terminal.warn("It was put there by a rollback: pushes stay staged until a promotion.")
