"""Staging: a production build that no domain points to, brought to READY or explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shipway.errors import DeploymentFailed, OutcomeUnknown, Stopped
from shipway.steps.deploy.build_log import Told, failing_lines
from shipway.steps.deploy.promote import command
from shipway.steps.deploy.sources import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shipway.steps.deploy.powers import DeployPowers, Vercel
    from shipway.values.basics import Progress
    from shipway.values.hosting import BuildLine, Deployment, Source

__all__ = ["StagingPlan", "stage"]

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 3.0
_CREATIONS = 2
"""A lost answer may have been that files are missing; a second, staged deployment does no harm."""
_LOOKS_AFTER_S = (0.5, 1.0, 2.0)
_AT_WORK = frozenset({"QUEUED", "INITIALIZING", "BUILDING", "ANALYZING", "DEPLOYING"})
_OVER = frozenset({"ERROR", "CANCELED", "DELETED", "BLOCKED"})


class StagingPlan(Protocol):
    """What staging needs of the plan."""

    @property
    def release_id(self) -> str:
        """Names the release."""

    @property
    def project_name(self) -> str:
        """The project on Vercel."""

    @property
    def source(self) -> Source:
        """What is deployed, and by whom."""

    @property
    def previous_id(self) -> str | None:
        """The deployment that serves production."""

    @property
    def meta(self) -> Mapping[str, str]:
        """What is attached to the deployment."""

    @property
    def build_timeout_s(self) -> float:
        """Longest wait for the build."""

    @property
    def target(self) -> str:
        """The environment that is deployed to."""


def stage(plan: StagingPlan, powers: DeployPowers) -> Deployment:
    """Return a READY deployment of this release that no domain points to.

    One that this release has made before, and that has not failed, is used again.

    Raises:
        DeploymentFailed: the build failed or did not end in time.
        OutcomeUnknown: Vercel's answer was lost and the deployment does not show up.
        Stopped: Vercel could not be asked.
    """
    vercel, say = powers.vercel, powers.say
    made = vercel.find(plan.release_id)
    if made is not None and made.ready_state not in _OVER:
        say.note(f"found {made.deployment_id} of this release ({made.ready_state}): using it")
    else:
        made = _create(plan, powers)
    _assert_staged(made, vercel=vercel)
    told = Told(made.deployment_id, vercel=vercel, build_log=powers.build_log, say=say)
    with say.progress("building") as line:
        return _ready(made, plan, powers, told=told, line=line)


def _create(plan: StagingPlan, powers: DeployPowers) -> Deployment:
    vercel = powers.vercel
    for _ in range(_CREATIONS):
        with powers.piece("create a staged deployment"):
            made = vercel.create_staged(name=plan.project_name, source=plan.source, meta=plan.meta)
        for pause_s in _LOOKS_AFTER_S:
            if made is not None:
                powers.say.note(
                    f"created {made.deployment_id}, staged, from {describe(plan.source)}"
                )
                return made
            powers.clock.sleep(pause_s)
            made = vercel.find(plan.release_id)
        if made is not None:
            return made
    raise OutcomeUnknown(
        "Vercel's answer to the new deployment was lost, and none of this release shows up.",
        unchanged="Production was not asked to change: the deployment would be a staged one.",
        next_step=(
            f"Look with: {command('deploy.status', plan.target)}; the next run of this release "
            "uses it if it appears."
        ),
    )


def _assert_staged(made: Deployment, *, vercel: Vercel) -> None:
    """Make sure that no domain moves by itself when the build is ready."""
    if made.auto_assign_domains is None:
        # Vercel may answer a view that lacks the field; the deployment's own view has it.
        made = vercel.get(made.deployment_id)
    if made.auto_assign_domains is False:
        return
    said = "does not say" if made.auto_assign_domains is None else "says the contrary"
    stopped = vercel.cancel(made.deployment_id)
    raise DeploymentFailed(
        f"The deployment {made.deployment_id} was to be staged, and Vercel {said}: "
        + ("it was canceled." if stopped else "it could NOT be canceled."),
        unchanged="Nothing was promoted.",
        next_step=(
            "Turn off automatic assignment of domains in the project's settings on Vercel, "
            "or deploy with the Vercel CLI."
        ),
    )


def _ready(
    made: Deployment, plan: StagingPlan, powers: DeployPowers, *, told: Told, line: Progress
) -> Deployment:
    """Wait for READY with our own deadline: Vercel itself has none for a blocked build."""
    vercel, clock = powers.vercel, powers.clock
    began = clock.monotonic()
    until = began + plan.build_timeout_s
    last_s = None if made.ready_state == "READY" else _last_build_s(plan, vercel)
    pause_s = _FIRST_PAUSE_S
    strange = ""
    now = made
    while True:
        if now.ready_state == "READY":
            told.rest()
            return _accept(now)
        if now.ready_state in _OVER:
            raise _not_built(now, told.rest())
        if now.ready_state not in _AT_WORK and now.ready_state != strange:
            strange = now.ready_state
            powers.say.warn(
                f"Vercel calls the state '{strange}', which is new to shipway: waiting on."
            )
        if clock.monotonic() >= until:
            now = _out_of_time(now, plan, vercel=vercel)
            continue
        told.more()
        line.at(told.latest, left_s=last_s and began + last_s - clock.monotonic())
        clock.sleep(pause_s)
        pause_s = min(1.3 * pause_s, _LONGEST_PAUSE_S)
        try:
            now = vercel.get(made.deployment_id)
        except Stopped as error:
            if clock.monotonic() >= until:
                error.add(f"The deployment {made.deployment_id} goes on building, staged.")
                raise


def _last_build_s(plan: StagingPlan, vercel: Vercel) -> float | None:
    """Return how long the build of what serves now took; None when that cannot be told."""
    if plan.previous_id is None:
        return None
    try:
        return vercel.get(plan.previous_id).build_s
    except Stopped:
        return None  # it is for the eyes alone


def _accept(now: Deployment) -> Deployment:
    """Return a READY deployment about which Vercel has nothing bad to say."""
    if now.error is None:
        return now
    raise DeploymentFailed(
        f"The deployment {now.deployment_id} is READY, but Vercel says: {now.error}.",
        unchanged="Nothing was promoted.",
        next_step=f"See {now.inspector_url or now.url}.",
    )


def _out_of_time(now: Deployment, plan: StagingPlan, *, vercel: Vercel) -> Deployment:
    """Cancel a build that takes too long; return it when it has ended meanwhile."""
    if not vercel.cancel(now.deployment_id):
        latest = vercel.get(now.deployment_id)
        if latest.ready_state == "READY" or latest.ready_state in _OVER:
            return latest
        end = "it could NOT be canceled"
    else:
        end = "it was canceled"
    raise DeploymentFailed(
        f"The deployment {now.deployment_id} was {now.ready_state} after "
        f"{plan.build_timeout_s:g} s: {end}.",
        unchanged="Nothing was promoted.",
        next_step="See its build log on Vercel; deploy_timeout_s allows longer builds.",
    )


def _not_built(now: Deployment, log: Iterable[BuildLine]) -> DeploymentFailed:
    reason = f": {now.error}" if now.error else "."
    if now.ready_state == "BLOCKED":
        return DeploymentFailed(
            f"Vercel has blocked the deployment {now.deployment_id}{reason}",
            unchanged="Nothing was promoted.",
            next_step=(
                "Give the token's owner or the commit's author a seat in the Vercel team, or "
                f"unblock it: {now.inspector_url or now.url}."
            ),
        )
    if now.ready_state in {"CANCELED", "DELETED"}:
        return DeploymentFailed(
            f"The deployment {now.deployment_id} was {now.ready_state.lower()} on Vercel{reason}",
            unchanged="Nothing was promoted.",
            next_step="Find out who did it, then run the command again.",
        )
    lines = failing_lines(log)
    return DeploymentFailed(
        "\n".join(
            [f"The build of {now.deployment_id} failed{reason}", *(f"  {line}" for line in lines)]
        ),
        unchanged="Nothing was promoted.",
        next_step=f"Mend the build; its whole log: {now.inspector_url or now.url}.",
    )
