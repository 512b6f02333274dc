"""The app's side: deployments, the Vercel project, pages and files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from shipway.values.checks import CheckResult


RELEASE_META = "shipwayRelease"
"""Name in a deployment's metadata: the release that made it."""
PREVIOUS_META = "shipwayPrevious"
"""The deployment that served production when the release was planned."""
COMMIT_META = "gitCommit"
LEDGER_META = "ledgerVersion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A Vercel deployment, as the server describes it."""

    deployment_id: str
    url: str
    """With scheme."""
    ready_state: str
    """QUEUED INITIALIZING BUILDING READY ERROR CANCELED BLOCKED, or a newer word."""
    production: bool
    """Its target is production (not: it serves production)."""
    auto_assign_domains: bool | None
    """False for a staged deployment; None when the server did not say."""
    meta: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    inspector_url: str | None = None
    build_s: float | None = None
    """From its creation to READY; None before, and where the server did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasJob:
    """The last promotion or rollback of a Vercel project (its `lastAliasRequest`)."""

    kind: str
    """promote or rollback."""
    to_id: str
    status: str
    """pending, in-progress, succeeded, failed, skipped, or a newer word."""
    requested_at_ms: int
    """Epoch milliseconds by the server's clock: for comparing with itself only."""

    @property
    def under_way(self) -> bool:
        """Whether it has not ended."""
        return self.status in {"pending", "in-progress"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLink:
    """The git repository that a Vercel project is connected to."""

    provider: str
    """github, gitlab, bitbucket, or a newer word."""
    repository: str
    """`owner/name`."""
    ids: Mapping[str, str | int]
    """What names the repository in a request for a build of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """A Vercel project, as the server describes it."""

    project_id: str
    name: str
    production_id: str | None
    """The deployment that serves production; None before the first."""
    production_urls: tuple[str, ...]
    """With scheme; the team's own domains first. Empty before the first deployment."""
    auto_assign_domains: bool | None
    """False after a rollback, or where staging is the habit: a new build stays staged."""
    rolled_back: bool
    """The last change of production was a rollback."""
    git: GitLink | None
    """Pushes to it are deployed by Vercel itself; None where no repository is connected."""
    last_job: AliasJob | None
    rolling_release: bool
    """The project promotes in stages: a promotion is not live for everyone at once."""


class Reply(StrEnum):
    """What a server said when it was asked to change what production is."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    CONFLICT = "conflict"
    """It is so already, or another change is under way."""
    REJECTED = "rejected"
    NOT_SENT = "not sent"
    """The request never reached the server."""
    LOST = "lost"
    """It may or may not have acted: the world has to be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A reply and the server's own words."""

    reply: Reply
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLine:
    """One line of a deployment's build log."""

    text: str
    error: bool
    """Written to stderr, or marked as an error by the build."""
    serial: str = ""
    """Tells two lines of one build apart; empty where Vercel gives none."""
    at_ms: int = 0
    """Epoch milliseconds by the server's clock; 0 where Vercel gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """One file of the app that is deployed."""

    name: str
    """Path below the app's folder, with slashes."""
    path: Path
    sha1: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSource:
    """Built by Vercel from files that are uploaded over its REST API."""

    files: tuple[AppFile, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(one.size_bytes for one in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """Built by Vercel from a commit of the repository that the project is connected to."""

    link: GitLink
    ref: str
    """The branch."""
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCli:
    """A program that is the Vercel CLI, or that only has its name."""

    program: Path
    """Absolute."""
    version: str
    """Empty when it does not tell one."""
    problem: str = ""
    """Why it cannot be used, after "its"."""
    doubt: str = ""
    """Why it is used only when asked for, after "its"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSource:
    """Uploaded by the Vercel CLI, which also knows builds made on this machine."""

    program: Path
    """Absolute."""
    version: str
    folder: Path
    """Of the app."""
    prebuilt: bool
    """What `vercel build` left in .vercel/output is deployed, and nothing is built."""


Source = FilesSource | GitSource | CliSource
"""What a deployment is made from, and by whom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one plain GET brought; redirects were not followed."""

    url: str
    status: int | None
    """None when no answer came."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str
    """Its beginning."""
    body_bytes: int
    duration_ms: float
    failure: str = ""
    """Why no answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """Proof that production is this deployment, as the server says after the promotion."""

    deployment: Deployment
    production_url: str
    previous_id: str | None
    """The deployment that served production before; None for a project's first."""
    promoted_at: datetime
    smoke: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WentBack:
    """Proof that production is an earlier deployment again, as the server says."""

    from_id: str
    to_id: str
    production_url: str
    at: datetime
    smoke: tuple[CheckResult, ...]
