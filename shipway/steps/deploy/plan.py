"""What a deployment would do, as a value, and what on Vercel stands in its way; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.values.hosting import COMMIT_META, LEDGER_META, PREVIOUS_META, RELEASE_META, GitSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.steps.deploy.smoke import SmokePage
    from shipway.values.hosting import Hosting, Source

__all__ = ["DeployPlan", "LiveTerms", "in_the_way", "plan_deploy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployPlan:
    """What `deploy` would do. A dry run prints the very value that a real run executes."""

    release_id: str
    target: str
    project_id: str
    project_name: str
    source: Source
    source_why: str
    """Why it is made from this, in this way."""
    meta: Mapping[str, str]
    """Attached to the deployment: the release, the deployment before it, commit and ledger."""
    previous_id: str | None
    """What serves production when the plan is made."""
    production_urls: tuple[str, ...]
    pages: tuple[SmokePage, ...]
    build_timeout_s: float
    promote_timeout_s: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTerms:
    """How a deployment that is built already is put live, or an earlier one again."""

    target: str
    previous_id: str | None
    """What serves production when the terms are made."""
    pages: tuple[SmokePage, ...]
    promote_timeout_s: float


def plan_deploy(  # noqa: PLR0913 - the facts that a deployment rests on, all by name
    *,
    release_id: str,
    hosting: Hosting,
    source: Source,
    source_why: str,
    pages: tuple[SmokePage, ...],
    commit: str | None,
    ledger_version: int | None,
    build_timeout_s: float,
    promote_timeout_s: float,
    target: str = "default",
) -> DeployPlan:
    """Return what would be deployed and how; pure.

    Args:
        release_id: names the release; a deployment that carries it is not made twice.
        hosting: the project as Vercel shows it now.
        source: what it is made from, and by whom.
        source_why: why so.
        pages: that the deployment has to answer.
        commit: the git commit that is deployed, `+changes` when files differ from it.
        ledger_version: the database's version that this code is deployed on, when it is known.
        build_timeout_s: longest wait for the build.
        promote_timeout_s: longest wait for the promotion.
        target: the environment that is deployed to.
    """
    meta = {RELEASE_META: release_id}
    if hosting.production_id:
        meta[PREVIOUS_META] = hosting.production_id
    if commit:
        meta[COMMIT_META] = commit
    if ledger_version is not None:
        meta[LEDGER_META] = str(ledger_version)
    return DeployPlan(
        release_id=release_id,
        target=target,
        project_id=hosting.project_id,
        project_name=hosting.name,
        source=source,
        source_why=source_why,
        meta=meta,
        previous_id=hosting.production_id,
        production_urls=hosting.production_urls,
        pages=pages,
        build_timeout_s=build_timeout_s,
        promote_timeout_s=promote_timeout_s,
        warnings=_warnings(hosting, commit, source),
    )


def in_the_way(hosting: Hosting) -> tuple[tuple[str, str], ...]:
    """Return what on Vercel gets past a release or surprises it, each with what to do about it."""
    found: list[tuple[str, str]] = []
    ends = "This release promotes its own deployment and so ends that."
    if hosting.rolled_back:
        found.append((f"production is pinned to {hosting.production_id} by a rollback", ends))
    elif hosting.auto_assign_domains is False:
        what = "new deployments stay staged, as after a rollback or where that is the habit"
        found.append((what, ends))
    if hosting.git:
        what = (
            f"pushes to {hosting.git.repository} are deployed by Vercel itself, past this release"
        )
        cure = "Disconnect it in Vercel, or set git.deploymentEnabled to false in vercel.json."
        found.append((what, cure))
    if hosting.rolling_release:
        what = "the project promotes in stages: production is proven only after the last"
        found.append((what, "Set promote_timeout_s to more than all stages take."))
    job = hosting.last_job
    if job is not None and job.under_way:
        what = f"a {job.kind} to {job.to_id} is under way"
        found.append((what, "Wait for its end: invoke deploy.status"))
    return tuple(found)


def _warnings(hosting: Hosting, commit: str | None, source: Source) -> tuple[str, ...]:
    found = [f"{what[0].upper()}{what[1:]}." for what, _ in in_the_way(hosting)]
    if commit and commit.endswith("+changes"):
        end = "NOT deployed" if isinstance(source, GitSource) else "deployed so"
        found.append(f"Tracked files of the app differ from the last commit and are {end}.")
    return tuple(found)
