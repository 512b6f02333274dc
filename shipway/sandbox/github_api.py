"""GitHub on its port: what its checks and commit statuses say about a commit."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Any

from shipway.sandbox.server import Api, route
from shipway.sandbox.wire import Request, Response, json_response

SETTINGS: dict[str, Any] = {
    # Each {"name", "status", "conclusion", "details_url"}, as GitHub calls them.
    "check_runs": [],
    # Each {"context", "state"}.
    "statuses": [],
}
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_PER_PAGE = 30
_MOST_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The one repository and who may ask about it."""

    name: str
    """`owner/name`."""
    token: str


class GitHubApi(Api):
    """The two calls that tell whether CI is green; every commit that could be one is known."""

    def __init__(self, *, repository: Repository, **shared: Any) -> None:
        super().__init__(**shared)
        self._repository = repository
        root = "/repos/{owner}/{name}/commits/{commit}"
        self._routes = (
            route("GET", f"{root}/check-runs", self._check_runs),
            route("GET", f"{root}/status", self._status),
        )

    def bad_json(self) -> Response:
        """Answer a body that should have been JSON."""
        return _failure(400, "Problems parsing JSON")

    def respond(self, request: Request) -> Response:
        """Answer those who have the token; GitHub hides a private repository from the others."""
        token = request.bearer()
        if token is None:
            return _failure(404, "Not Found")
        if not hmac.compare_digest(token.encode(), self._repository.token.encode()):
            return _failure(401, "Bad credentials")
        if not request.path.startswith(f"/repos/{self._repository.name}/"):
            return _failure(404, "Not Found")
        return self.dispatch(self._routes, request) or _failure(404, "Not Found")

    def _check_runs(self, request: Request, owner: str, name: str, commit: str) -> Response:
        if not _COMMIT.match(commit):
            return _failure(422, f"No commit found for SHA: {commit}")
        runs = [
            {"head_sha": commit, "details_url": "", "conclusion": None} | one
            for one in self._setting("check_runs")
        ]
        shown, headers = _page(request, runs)
        del owner, name
        return json_response({"total_count": len(runs), "check_runs": shown}, headers=headers)

    def _status(self, request: Request, owner: str, name: str, commit: str) -> Response:
        if not _COMMIT.match(commit):
            return _failure(422, f"No commit found for SHA: {commit}")
        statuses = self._setting("statuses")
        shown, headers = _page(request, statuses)
        return json_response(
            {
                "state": _combined_state([one["state"] for one in statuses]),
                "statuses": shown,
                "sha": commit,
                "total_count": len(statuses),
                "repository": {"full_name": f"{owner}/{name}"},
            },
            headers=headers,
        )

    def _setting(self, name: str) -> list[dict[str, Any]]:
        with self.settings.look() as settings:
            return list(settings[name])


def _combined_state(states: list[str]) -> str:
    if {"error", "failure"} & set(states):
        return "failure"
    return "success" if states and set(states) == {"success"} else "pending"


def _page(
    request: Request, rows: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return one page of rows, and the header that tells of the next one."""
    size = min(int(request.first("per_page", str(_PER_PAGE))), _MOST_PER_PAGE)
    page = max(int(request.first("page", "1")), 1)
    more = len(rows) > page * size
    link = {"link": f'<{request.path}?per_page={size}&page={page + 1}>; rel="next"'} if more else {}
    return rows[(page - 1) * size : page * size], link


def _failure(status: int, message: str) -> Response:
    return json_response(
        {"message": message, "documentation_url": "", "status": str(status)}, status
    )
