"""Go back: let the deployment that served before serve again, and prove that it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Refused
from shipway.steps.deploy.promote import Move, command, move_production
from shipway.steps.deploy.smoke import SmokePage, failures_of, wait_settled
from shipway.values.hosting import PREVIOUS_META, WentBack

if TYPE_CHECKING:
    from shipway.steps.deploy.powers import ProductionPowers
    from shipway.values.hosting import Deployment, Hosting

__all__ = ["BackPlan", "go_back", "plan_back"]

_NOTHING_CHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class BackPlan:
    """What a rollback would do. A dry run prints the very value that a real run executes."""

    from_id: str
    to_id: str
    pages: tuple[SmokePage, ...]
    timeout_s: float
    why: str
    target: str


class _Terms(Protocol):
    """What a rollback needs beside the two deployments; a deployment's plan has all of it."""

    @property
    def pages(self) -> tuple[SmokePage, ...]:
        """What the public has to be answered."""

    @property
    def promote_timeout_s(self) -> float:
        """Longest wait."""

    @property
    def target(self) -> str:
        """The environment."""


def plan_back(
    terms: _Terms, *, hosting: Hosting, current: Deployment | None, to: str = "", why: str = ""
) -> BackPlan:
    """Return what a rollback would do; pure.

    Args:
        terms: pages, time limit and target.
        hosting: the project as it is now.
        current: the deployment that serves production; its metadata name the one before it.
        to: the deployment to go back to; by default the recorded one.
        why: kept on Vercel as the rollback's description.

    Raises:
        Refused: nothing to go back from or to.
    """
    again = command("deploy.rollback", terms.target)
    if current is None or hosting.production_id is None:
        raise Refused(
            "Nothing serves production, so there is nothing to go back from.",
            unchanged=_NOTHING_CHANGED,
            next_step=f"Deploy first: {command('deploy', terms.target)}",
        )
    wanted = to or current.meta.get(PREVIOUS_META, "")
    if not wanted:
        raise Refused(
            f"{current.deployment_id} does not say which deployment served production before it.",
            unchanged=_NOTHING_CHANGED,
            next_step=f"Name the one to go back to: {again} --to dpl_…",
        )
    if wanted == current.deployment_id:
        raise Refused(
            f"{wanted} serves production already.",
            unchanged=_NOTHING_CHANGED,
            next_step=f"Name another one: {again} --to dpl_…",
        )
    return BackPlan(
        from_id=current.deployment_id,
        to_id=wanted,
        pages=terms.pages,
        timeout_s=terms.promote_timeout_s,
        why=why or f"back from {current.deployment_id}",
        target=terms.target,
    )


def go_back(plan: BackPlan, powers: ProductionPowers) -> WentBack:
    """Carry out the plan and return the proof. The database is not touched.

    Raises:
        DeploymentFailed: Vercel refused it or it failed; the message says what production is.
        OutcomeUnknown: it may still happen.
    """
    move = Move(
        kind="rollback",
        deployment_id=plan.to_id,
        instead_of=plan.from_id,
        timeout_s=plan.timeout_s,
        target=plan.target,
        why=plan.why,
    )
    hosting = move_production(move, powers)
    url = hosting.production_urls[0] if hosting.production_urls else ""
    powers.say.note(f"{plan.to_id} is production again, as Vercel says")
    if hosting.auto_assign_domains is False:
        powers.say.warn(
            "After a rollback Vercel assigns the production domains to no new deployment by "
            "itself: pushes and other deployments stay staged. The next release promotes its own "
            "and ends that; without one: Vercel, Deployments, Promote."
        )
    results = wait_settled(
        url, plan.pages, within_s=plan.timeout_s, web=powers.web, clock=powers.clock
    )
    for one in failures_of(results):
        # The pages are those of the new version; an old one may rightly lack some.
        powers.say.warn(f"{plan.to_id} answers {one.name} at {url} otherwise: {one.detail}")
    return WentBack(
        from_id=plan.from_id,
        to_id=plan.to_id,
        production_url=url,
        at=powers.clock.now(),
        smoke=results,
    )
