"""What serves production now, and putting one chosen deployment there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Refused
from shipway.values.hosting import PREVIOUS_META, RELEASE_META

if TYPE_CHECKING:
    from shipway.values.hosting import Deployment, Hosting

__all__ = ["Looking", "ProductionStatus", "choose", "production_status"]


class Looking(Protocol):
    """The power to look at the project."""

    def hosting(self) -> Hosting:
        """Return the project as it is now."""

    def get(self, deployment_id: str) -> Deployment:
        """Return a deployment as it is now."""

    def serves(self, url: str) -> str | None:
        """Return the deployment behind a public URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionStatus:
    """What serves production, as Vercel says: the project, its domains and its last change."""

    hosting: Hosting
    current: Deployment | None
    release_id: str
    """The release that made it; empty when none of ours did."""
    previous_id: str
    """What served before that release, as its metadata say; empty when unknown."""
    elsewhere: tuple[str, ...]
    """Production domains that point to another deployment."""


def production_status(vercel: Looking) -> ProductionStatus:
    """Ask Vercel.

    Raises:
        Refused: Vercel cannot answer.
    """
    hosting = vercel.hosting()
    current = vercel.get(hosting.production_id) if hosting.production_id else None
    meta = current.meta if current else {}
    return ProductionStatus(
        hosting=hosting,
        current=current,
        release_id=meta.get(RELEASE_META, ""),
        previous_id=meta.get(PREVIOUS_META, ""),
        elsewhere=tuple(
            f"{url} -> {behind}"
            for url in hosting.production_urls
            if (behind := vercel.serves(url)) and behind != hosting.production_id
        ),
    )


def choose(vercel: Looking, wanted: str) -> Deployment:
    """Return the deployment that a person wants promoted, if it can be.

    Raises:
        Refused: it is no production build that is READY; promoting a preview would start a
            new build, which nobody has tested.
    """
    found = vercel.get(wanted)
    if found.production and found.ready_state == "READY":
        return found
    kind = "a production" if found.production else "no production"
    raise Refused(
        f"{found.deployment_id} is {kind} build and {found.ready_state}: it cannot be promoted.",
        unchanged="Nothing was changed.",
        next_step="Name a READY production deployment, or make one: invoke deploy",
    )
