"""Supabase's Management API, for those who have a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.http import Api
from shipway.edges.supabase import Supabase
from shipway.wiring.given import wanted

if TYPE_CHECKING:
    from shipway.values import Secret
    from shipway.wiring import Wiring

__all__ = ["open_platform"]


def open_platform(wiring: Wiring, token: Secret) -> Supabase:
    """Return the API of the target's project.

    Raises:
        Misconfigured: it is not known which project that is.
    """
    settings = wiring.settings
    ref = wanted(
        settings.project_ref,
        "SUPABASE_PROJECT_REF",
        settings,
        because="SUPABASE_ACCESS_TOKEN is, and its API is asked by project",
    )
    api = Api(
        name="Supabase",
        base_url=settings.supabase_api_url,
        setting="SUPABASE_API_URL",
        token=token,
        clock=wiring.clock,
    )
    return Supabase(wiring.closing().enter_context(api), project_ref=ref, clock=wiring.clock)
