"""What the Management API's advisors have found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.supabase.management import failure
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document

_MOST_LINTS = 15


class NoticeCalls:
    """Advisors of both versions."""

    def __init__(self, *, settings: Document) -> None:
        self._settings = settings
        root = "/v1/projects/{ref}"
        self.routes: tuple[Route, ...] = (
            route("GET", f"{root}/advisors/security", self._security),
            route("GET", f"{root}/advisors/performance", self._performance),
            route("POST", "/v2/projects/{ref}/advisors/run", self._run_advisors),
        )

    def _lints(self, category: str) -> list[dict[str, Any]]:
        with self._settings.look() as settings:
            return [lint for lint in settings["lints"] if category in lint["categories"]]

    def _security(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response({"lints": self._lints("SECURITY")})

    def _performance(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response({"lints": self._lints("PERFORMANCE")})

    def _run_advisors(self, request: Request, ref: str) -> Response:
        del ref
        asked = request.json().get("data", {}).get("attributes", {}).get("lints", [])
        if not 1 <= len(asked) <= _MOST_LINTS:
            return failure(400, f"lints: between 1 and {_MOST_LINTS} names are needed")
        names = {one["name"] for one in asked}
        with self._settings.look() as settings:
            found = [lint for lint in settings["lints"] if lint["name"] in names]
        answer = {"type": "project_advisors", "attributes": {"lints": found}}
        return json_response({"data": answer})
