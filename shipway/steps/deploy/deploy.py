"""Deploy: stage the build, smoke test it, let it be production, and prove that it is.

Read `deploy` first: it is the order of things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import DeploymentFailed, LockLost, OutcomeUnknown, Stopped
from shipway.steps.deploy.promote import Move, command, move_production
from shipway.steps.deploy.smoke import failures_of, smoke, wait_settled
from shipway.steps.deploy.sources import describe
from shipway.steps.deploy.stage import stage
from shipway.values.basics import Unproven
from shipway.values.hosting import Deployed

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipway.steps.deploy.plan import DeployPlan, LiveTerms
    from shipway.steps.deploy.powers import DeployPowers, ProductionPowers, Vercel
    from shipway.values.checks import CheckResult, Verified
    from shipway.values.hosting import Deployment

__all__ = ["build_staged", "deploy", "put_live", "smoke_staged"]


def deploy(
    plan: DeployPlan,
    proof: Verified | Unproven,
    powers: DeployPowers,
    *,
    when_staged: Callable[[Deployment], None] | None = None,
) -> Deployed:
    """Put the app live and return the proof.

    Args:
        plan: what is deployed.
        proof: that the database fits; a missing one is told.
        powers: what it is done with.
        when_staged: called with the new deployment before anyone visits it; raises to stop here.

    Raises:
        DeploymentFailed: it was not put live; the message says what production is.
        OutcomeUnknown: it may or may not have been; the message names the command that tells.
    """
    if isinstance(proof, Unproven):
        powers.say.warn(f"{proof.missing} Make it with: {proof.command}")
    staged = build_staged(plan, powers)
    if when_staged is not None:
        when_staged(staged)
    results = smoke_staged(plan, staged, powers)
    return put_live(plan, staged, results, powers)


def build_staged(plan: DeployPlan, powers: DeployPowers) -> Deployment:
    """Build the app without any domain. Production stays as it is."""
    powers.say.note(f"deploying {describe(plan.source)} ({plan.source_why})")
    for warning in plan.warnings:
        powers.say.warn(warning)
    try:
        return stage(plan, powers)
    except (OutcomeUnknown, LockLost):
        raise
    except Stopped as error:
        raise _with_production(error, plan, powers.vercel) from None


def smoke_staged(
    terms: DeployPlan | LiveTerms, staged: Deployment, powers: ProductionPowers
) -> tuple[CheckResult, ...]:
    """Test a staged deployment at its own URL.

    Raises:
        DeploymentFailed: a page does not answer as it should.
    """
    results = smoke(staged.url, terms.pages, web=powers.web)
    bad = failures_of(results)
    if bad:
        lines = [f"  {one.name}: {one.detail}" for one in bad]
        error = DeploymentFailed(
            "\n".join([f"The smoke test failed at {staged.url}:", *lines]),
            unchanged="Nothing was promoted.",
            next_step=bad[0].cure,
        )
        raise _with_production(error, terms, powers.vercel)
    powers.say.note(f"smoke test passed: {', '.join(one.name for one in results)} at {staged.url}")
    return results


def _with_production(
    error: Stopped, plan: DeployPlan | LiveTerms, vercel: Vercel
) -> DeploymentFailed:
    """Return the failure with what Vercel says now about production."""
    try:
        now = vercel.hosting().production_id
        unchanged = f"Production is still {now or 'empty'}, as Vercel says."
        if now != plan.previous_id:
            unchanged = (
                f"Nothing was promoted by this release; Vercel says that production is "
                f"{now or 'empty'} (it was {plan.previous_id or 'empty'})."
            )
    except Stopped:
        unchanged = (
            f"Nothing was promoted: production was {plan.previous_id or 'empty'} before, and "
            "Vercel could not be asked again."
        )
    failure = DeploymentFailed(error.what, unchanged=unchanged, next_step=error.next_step)
    failure.also.extend(error.also)
    return failure


def put_live(
    plan: DeployPlan | LiveTerms,
    staged: Deployment,
    results: tuple[CheckResult, ...],
    powers: ProductionPowers,
) -> Deployed:
    """Promote a staged deployment and prove that the public sees it."""
    move = Move(
        kind="promote",
        deployment_id=staged.deployment_id,
        instead_of=plan.previous_id,
        timeout_s=plan.promote_timeout_s,
        target=plan.target,
    )
    try:
        hosting = move_production(move, powers)
    except (DeploymentFailed, OutcomeUnknown, LockLost):
        raise
    except Stopped as error:
        raise _with_production(error, plan, powers.vercel) from None
    url = hosting.production_urls[0] if hosting.production_urls else staged.url
    public = wait_settled(
        url, plan.pages, within_s=plan.promote_timeout_s, web=powers.web, clock=powers.clock
    )
    if failures_of(public):
        raise _live_but_bad(staged, url, plan, failures_of(public))
    powers.say.note(f"{staged.deployment_id} is production and answers at {url}")
    return Deployed(
        deployment=staged,
        production_url=url,
        previous_id=plan.previous_id if plan.previous_id != staged.deployment_id else None,
        promoted_at=powers.clock.now(),
        smoke=results + public,
    )


def _live_but_bad(
    staged: Deployment, url: str, plan: DeployPlan | LiveTerms, bad: tuple[CheckResult, ...]
) -> DeploymentFailed:
    back = f"{command('deploy.rollback', plan.target)} --to {plan.previous_id}"
    return DeploymentFailed(
        "\n".join(
            [f"{staged.deployment_id} was promoted, but {url} does not answer as it should:"]
            + [f"  {one.name}: {one.detail}" for one in bad]
        ),
        unchanged=f"Production IS {staged.deployment_id} now, as Vercel says. "
        "The database was not touched by this step.",
        next_step=f"Go back with: {back}" if plan.previous_id else "Deploy one that answers.",
    )
