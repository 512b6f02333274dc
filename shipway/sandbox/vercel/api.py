"""The Vercel API on its port: who may call, and which function answers."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import Api, route
from shipway.sandbox.vercel.builds import BuildCalls
from shipway.sandbox.vercel.deployments import DeploymentCalls
from shipway.sandbox.vercel.logs import LogCalls
from shipway.sandbox.vercel.promotion import AliasCalls, PromotionCalls
from shipway.sandbox.vercel.views import error, not_found, project
from shipway.sandbox.vercel.world import now_ms
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.state import Blobs
    from shipway.sandbox.vercel.apps import Apps
    from shipway.sandbox.vercel.logs import LogBook
    from shipway.sandbox.vercel.world import World


class VercelApi(Api):
    """Everything that a release tool, and the CLI 64, ask of Vercel."""

    def __init__(
        self, *, world: World, blobs: Blobs, apps: Apps, logs: LogBook, **shared: Any
    ) -> None:
        super().__init__(**shared)
        self._world = world
        self._logs = logs
        self._apps = apps
        deployments = DeploymentCalls(world, blobs, apps)
        builds = BuildCalls(world)
        promotion = PromotionCalls(world)
        aliases = AliasCalls(world)
        log_calls = LogCalls(world, logs)
        get, post = "GET", "POST"
        self._routes = (
            route(get, "/v2/user", self._user),
            route(get, "(/v2|/v1)?/teams/{team}", self._team),
            route(get, "/v[12]/teams", self._teams),
            route(post, "/v2/files", deployments.upload),
            route(post, "/v13/deployments", deployments.create),
            route(get, "/v13/deployments/{key}", deployments.get),
            route("DELETE", "/v13/deployments/{key}", deployments.delete),
            route(get, "/v[67]/deployments", deployments.list),
            route("PATCH", "/v12/deployments/{key}/cancel", deployments.cancel),
            route(get, "/v3(/now)?/deployments/{key}/events", builds.events),
            route(get, "/v11/deployments/{key}/builds", builds.builds),
            route(get, "/v1/deployments/{key}/checks", builds.checks),
            route(get, "/v2/deployments/{key}/check-runs", self._check_runs),
            route(get, "/v9/projects/{name}", self._project),
            route(get, "/v9/projects/{project}/domains", aliases.domains),
            route(post, "/v10/projects/{project}/promote/{key}", promotion.promote),
            route(get, "/v[19]/projects/{project}/promote/aliases", promotion.promoted_aliases),
            route(post, "/v[19]/projects/{project}/rollback/{key}", promotion.rollback),
            route(get, "/v4/aliases", aliases.list),
            route(get, "/v4/aliases/{host}", aliases.get),
            route(get, "/v2/deployments/{key}/aliases", aliases.of_deployment),
            route(post, "/v2/deployments/{key}/aliases", aliases.assign),
            route("PATCH", "/v1/projects/{name}/protection-bypass", self._bypass),
            route(get, "/v1/projects/{name}/rolling-release", self._rolling_release),
            route(get, "/v3/env/pull/{name}/{target}", self._env_pull),
            route(get, "/v10/projects/{name}/env", self._env),
            route(
                get,
                "/v1/projects/{project}/deployments/{deployment}/runtime-logs",
                log_calls.stream,
            ),
            route(post, "/v1/observability/events", log_calls.events),
        )

    def bad_json(self) -> Response:
        """Answer a body that should have been JSON."""
        return error(400, "bad_request", "Invalid JSON")

    def respond(self, request: Request) -> Response:
        """Check token and team, then answer."""
        token = request.bearer()
        if token is None:
            message = "The request is missing an authentication token"
            return error(403, "forbidden", message, missingToken=True)
        if not hmac.compare_digest(token.encode(), self._world.account.token.encode()):
            return error(403, "forbidden", "Not authorized", invalidToken=True)
        account = self._world.account
        team = request.first("teamId") or request.first("slug")
        if team and team not in (account.team_id, account.team_slug):
            message = "Not authorized: Trying to access resource under another scope."
            return error(403, "forbidden", message, scope=team)
        # Without a team the personal account is asked, which owns nothing here.
        in_person = request.path.startswith(("/v2/user", "/teams", "/v1/teams", "/v2/teams"))
        if not team and not in_person and request.path != "/v2/files":
            return not_found("Project")
        answer = self.dispatch(self._routes, request)
        return answer or error(404, "not_found", "The requested API endpoint was not found")

    def control(self, request: Request, name: str) -> Response | None:
        """Answer the control calls that only Vercel has: a row for the log."""
        if (request.method, name) != ("POST", "log-rows"):
            return None
        given = request.json()
        with self._world.look() as data:
            one = self._world.find(data, given.pop("deployment"))
        return json_response(self._logs.add(one["id"], **given)) if one else not_found("Deployment")

    def _user(self, request: Request) -> Response:
        del request
        account = self._world.account
        user = {"id": account.user_id, "uid": account.user_id, "username": "sandbox"}
        user |= {"email": "sandbox@example.com", "name": "Sandbox", "version": "northstar"}
        return json_response({"user": user | {"defaultTeamId": account.team_id, "limited": False}})

    def _shown_team(self) -> dict[str, Any]:
        account = self._world.account
        return {
            "id": account.team_id,
            "slug": account.team_slug,
            "name": "Sandbox team",
            "creatorId": account.user_id,
            "createdAt": account.created_at_ms,
            "membership": {"role": "OWNER", "confirmed": True},
            "billing": {"plan": self._world.setting("plan")},
        }

    def _team(self, request: Request, team: str) -> Response:
        del request
        if team not in (self._world.account.team_id, self._world.account.team_slug):
            return error(403, "forbidden", "Not authorized")
        return json_response(self._shown_team())

    def _teams(self, request: Request) -> Response:
        del request
        page = {"count": 1, "next": None, "prev": None}
        return json_response({"teams": [self._shown_team()], "pagination": page})

    def _is_project(self, name: str) -> bool:
        return name in (self._world.account.project_id, self._world.account.project_name)

    def _project(self, request: Request, name: str) -> Response:
        del request
        if not self._is_project(name):
            return not_found("Project")
        with self._world.look() as data:
            return json_response(project(self._world, data))

    def _check_runs(self, request: Request, key: str) -> Response:
        del request
        with self._world.look() as data:
            known = self._world.find(data, key)
        return json_response({"runs": []}) if known else not_found("Deployment")

    def _rolling_release(self, request: Request, name: str) -> Response:
        del request
        if not self._is_project(name):
            return not_found("Project")
        return json_response({"rollingRelease": self._world.setting("rolling_release_state")})

    def _env_pull(self, request: Request, name: str, target: str) -> Response:
        del request, target
        return (
            json_response({"env": {}, "buildEnv": {}})
            if self._is_project(name)
            else (not_found("Project"))
        )

    def _env(self, request: Request, name: str) -> Response:
        del request
        return json_response({"envs": []}) if self._is_project(name) else not_found("Project")

    def _bypass(self, request: Request, name: str) -> Response:
        """Make or revoke a secret that lets automation through the protection."""
        if not self._is_project(name):
            return not_found("Project")
        asked = request.json()
        with self._world.change() as data:
            revoked = asked.get("revoke", {}).get("secret")
            if revoked:
                data["added_bypass"].pop(revoked, None)
            if "generate" in asked or not asked:
                secret = asked.get("generate", {}).get("secret") or secrets.token_hex(16)
                data["added_bypass"][secret] = {
                    "scope": "automation-bypass",
                    "createdAt": now_ms(),
                    "createdBy": self._world.account.user_id,
                }
            shown = project(self._world, data)["protectionBypass"]
        return json_response({"protectionBypass": shown})
