"""Deploy: stage the build, smoke test it, let it be production, and prove that it is.

Read `deploy` first: it is the order of things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.errors import DeploymentFailed, LockLost, OutcomeUnknown, Stopped
from shipway.steps.deploy.promote import Move, Production, command, move_production
from shipway.steps.deploy.smoke import Web, failed, settled, smoke
from shipway.steps.deploy.sources import described
from shipway.steps.deploy.stage import Staging, stage
from shipway.steps.journal.effects import unannounced
from shipway.values import Deployed, Unproven

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipway.steps.deploy.build_log import BuildLog
    from shipway.steps.deploy.plan import DeployPlan, LiveTerms
    from shipway.steps.journal.effects import Piece
    from shipway.values import CheckResult, Clock, Deployment, Say, Verified

__all__ = ["Vercel", "deploy", "put_live", "smoke_staged", "staged_build"]


class Vercel(Staging, Production, Protocol):
    """All that a deployment needs of Vercel."""


def deploy(  # noqa: PLR0913 - plan, proof and the powers, all but two by name
    plan: DeployPlan,
    proof: Verified | Unproven,
    *,
    vercel: Vercel,
    web: Web,
    build_log: BuildLog,
    clock: Clock,
    say: Say,
    when_staged: Callable[[Deployment], None] | None = None,
    piece: Piece = unannounced,
) -> Deployed:
    """Put the app live and return the proof.

    Args:
        plan: what is deployed.
        proof: that the database fits; a missing one is told.
        vercel: the project.
        web: a visitor.
        build_log: keeps what the build says.
        clock: for pauses and deadlines.
        say: told of what has become true.
        when_staged: called with the new deployment before anyone visits it; raises to stop here.
        piece: told of each effect before it.

    Raises:
        DeploymentFailed: it was not put live; the message says what production is.
        OutcomeUnknown: it may or may not have been; the message names the command that tells.
    """
    if isinstance(proof, Unproven):
        say.warn(f"{proof.missing} Make it with: {proof.command}")
    staged = staged_build(
        plan, vercel=vercel, build_log=build_log, clock=clock, say=say, piece=piece
    )
    if when_staged is not None:
        when_staged(staged)
    results = smoke_staged(plan, staged, vercel=vercel, web=web, say=say)
    return put_live(
        plan, staged, results, vercel=vercel, web=web, clock=clock, say=say, piece=piece
    )


def staged_build(  # noqa: PLR0913 - as deploy
    plan: DeployPlan,
    *,
    vercel: Vercel,
    build_log: BuildLog,
    clock: Clock,
    say: Say,
    piece: Piece = unannounced,
) -> Deployment:
    """Build the app without any domain. Production stays as it is."""
    say.note(f"deploying {described(plan.source)} ({plan.source_why})")
    for warning in plan.warnings:
        say.warn(warning)
    try:
        return stage(plan, vercel=vercel, build_log=build_log, clock=clock, say=say, piece=piece)
    except (OutcomeUnknown, LockLost):
        raise
    except Stopped as error:
        raise _with_production(error, plan, vercel) from None


def smoke_staged(
    terms: DeployPlan | LiveTerms, staged: Deployment, *, vercel: Vercel, web: Web, say: Say
) -> tuple[CheckResult, ...]:
    """Test a staged deployment at its own URL.

    Raises:
        DeploymentFailed: a page does not answer as it should.
    """
    results = smoke(staged.url, terms.pages, web=web)
    bad = failed(results)
    if bad:
        lines = [f"  {one.name}: {one.detail}" for one in bad]
        error = DeploymentFailed(
            "\n".join([f"The smoke test failed at {staged.url}:", *lines]),
            unchanged="Nothing was promoted.",
            next_step=bad[0].cure,
        )
        raise _with_production(error, terms, vercel)
    say.note(f"smoke test passed: {', '.join(one.name for one in results)} at {staged.url}")
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


def put_live(  # noqa: PLR0913 - as deploy
    plan: DeployPlan | LiveTerms,
    staged: Deployment,
    results: tuple[CheckResult, ...],
    *,
    vercel: Vercel,
    web: Web,
    clock: Clock,
    say: Say,
    piece: Piece = unannounced,
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
        hosting = move_production(move, vercel=vercel, clock=clock, say=say, piece=piece)
    except (DeploymentFailed, OutcomeUnknown, LockLost):
        raise
    except Stopped as error:
        raise _with_production(error, plan, vercel) from None
    url = hosting.production_urls[0] if hosting.production_urls else staged.url
    public = settled(url, plan.pages, within_s=plan.promote_timeout_s, web=web, clock=clock)
    if failed(public):
        raise _live_but_bad(staged, url, plan, failed(public))
    say.note(f"{staged.deployment_id} is production and answers at {url}")
    return Deployed(
        deployment=staged,
        production_url=url,
        previous_id=plan.previous_id if plan.previous_id != staged.deployment_id else None,
        promoted_at=clock.now(),
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
