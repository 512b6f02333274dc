"""What the steps of a deployment, and of the way back from one, are handed to act with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.steps.journal.effects import unannounced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.steps.deploy.build_log import BuildLog
    from shipway.steps.deploy.smoke import Web
    from shipway.steps.journal.effects import Piece
    from shipway.values.basics import Clock, Say
    from shipway.values.hosting import Asked, BuildLine, Deployment, Hosting, Source

__all__ = ["DeployPowers", "ProductionPowers", "Vercel"]


class Production(Protocol):
    """The power to look at production and to move it."""

    def hosting(self) -> Hosting:
        """Return the project as it is now."""

    def promote(self, deployment_id: str) -> Asked:
        """Ask to let a deployment serve production."""

    def roll_back(self, deployment_id: str, *, why: str) -> Asked:
        """Ask to let an earlier deployment serve production again."""

    def serves(self, url: str) -> str | None:
        """Return the deployment behind a public URL."""

    def failed_aliases(self) -> tuple[str, ...]:
        """Return the domains that the last promotion could not move."""


class Staging(Protocol):
    """The power to make a staged deployment."""

    def find(self, release_id: str) -> Deployment | None:
        """Return the newest production deployment that carries this release id."""

    def create_staged(
        self, *, name: str, source: Source, meta: Mapping[str, str]
    ) -> Deployment | None:
        """Start a build that is assigned no domain; None when the answer was lost."""

    def get(self, deployment_id: str) -> Deployment:
        """Return a deployment as it is now."""

    def cancel(self, deployment_id: str) -> bool:
        """Stop a build; False when it was not stopped."""

    def build_log(self, deployment_id: str, *, since_ms: int = 0) -> tuple[BuildLine, ...]:
        """Return the build log so far, from a moment on where Vercel obeys that."""


class Vercel(Staging, Production, Protocol):
    """All that a deployment needs of Vercel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionPowers:
    """What moves production, and shows that it has moved."""

    vercel: Vercel
    web: Web
    """A visitor."""
    clock: Clock
    say: Say
    piece: Piece = unannounced
    """Told of each effect before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployPowers(ProductionPowers):
    """What builds the app, too."""

    build_log: BuildLog
    """Keeps what the build says."""
