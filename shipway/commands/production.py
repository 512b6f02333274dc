"""The commands about what serves production: deploy.status, deploy.promote, deploy.rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.steps.deploy.deploy import put_live, smoke_staged
from shipway.steps.deploy.production import choose, production_status
from shipway.steps.deploy.rollback import go_back, plan_back

if TYPE_CHECKING:
    from shipway.commands.session import Session

__all__ = ["promote", "rollback", "status"]


def status(session: Session) -> Answer:
    """Tell what serves production, as Vercel says now."""
    return Answer(value=production_status(session.wiring.hosting.vercel))


def promote(session: Session, deployment: str) -> Answer:
    """Let a staged deployment serve production, after a yes."""
    wiring = session.wiring
    found = choose(wiring.hosting.vercel, deployment)
    terms = wiring.hosting.live_terms()
    if session.asked.dry:
        return Answer(value=found)
    session.confirm(
        f"Let {found.deployment_id} serve production instead of {terms.previous_id or 'nothing'}?"
    )
    powers = wiring.hosting.production_powers(session.terminal)
    tested = smoke_staged(terms, found, powers)
    return Answer(value=put_live(terms, found, tested, powers))


def rollback(session: Session, to: str) -> Answer:
    """Let the deployment from before serve production again, after a yes."""
    wiring = session.wiring
    now = production_status(wiring.hosting.vercel)
    plan = plan_back(wiring.hosting.live_terms(), hosting=now.hosting, current=now.current, to=to)
    if session.asked.dry:
        return Answer(value=plan)
    session.confirm(f"Let {plan.to_id} serve production again instead of {plan.from_id}?")
    return Answer(value=go_back(plan, wiring.hosting.production_powers(session.terminal)))
