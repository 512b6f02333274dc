"""Supabase's Management API, for those who have a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.supabase.logs import SupabaseLogs
from shipway.edges.supabase.management_api import Supabase
from shipway.edges.web.http import Api
from shipway.wiring.given import required

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.edges.copies.branch import BranchRoom
    from shipway.values.basics import Secret
    from shipway.wiring import Wiring

__all__ = ["open_branches", "open_logs", "open_platform"]


def open_platform(wiring: Wiring, token: Secret) -> Supabase:
    """Return the API of the target's project.

    Raises:
        Misconfigured: it is not known which project that is.
    """
    return Supabase(_api(wiring, token), project_ref=_ref(wiring), clock=wiring.clock)


def open_logs(wiring: Wiring, token: Secret) -> SupabaseLogs:
    """Return the logs of the target's project; errors as in `open_platform`."""
    # A client of its own: its questions come from another thread.
    return SupabaseLogs(_api(wiring, token), project_ref=_ref(wiring), clock=wiring.clock)


def open_branches(wiring: Wiring, token: Secret, folder: Path) -> BranchRoom:
    """Return where branches of the target's project come and go; errors as in `open_platform`."""
    from shipway.edges.copies.branch import BranchRoom

    return BranchRoom(
        _api(wiring, token),
        project_ref=_ref(wiring),
        folder=folder,
        clock=wiring.clock,
        up_within_s=wiring.settings.branch_timeout_s,
    )


def _api(wiring: Wiring, token: Secret) -> Api:
    api = Api(
        name="Supabase",
        base_url=wiring.settings.supabase_api_url,
        setting="SUPABASE_API_URL",
        token=token,
        clock=wiring.clock,
        timeout_s=wiring.settings.http_timeout_s,
    )
    return wiring.closing().enter_context(api)


def _ref(wiring: Wiring) -> str:
    return required(
        wiring.settings.project_ref,
        "SUPABASE_PROJECT_REF",
        wiring.settings,
        because="SUPABASE_ACCESS_TOKEN is, and its API is asked by project",
    )
