"""Vercel's calls about deployments: create, upload, get, list, cancel and delete."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from shipway.sandbox.vercel.sources import Sources
from shipway.sandbox.vercel.views import error, full, item, not_found
from shipway.sandbox.vercel.world import new_id, now_ms
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.state import Blobs
    from shipway.sandbox.vercel.apps import Apps
    from shipway.sandbox.vercel.world import World

_TARGETS = frozenset({"production", "staging", "preview", None})


class DeploymentCalls:
    """The calls below `/vN/deployments` and the upload of files."""

    def __init__(self, world: World, blobs: Blobs, apps: Apps) -> None:
        self._world = world
        self._blobs = blobs
        self._apps = apps
        self._sources = Sources(world, blobs)

    def upload(self, request: Request) -> Response:
        """Keep one file under the sha1 that its sender gives and its content has."""
        headers = request.headers
        digest = headers.get("x-vercel-digest") or headers.get("x-now-digest") or ""
        found = hashlib.sha1(memoryview(request.body), usedforsecurity=False).hexdigest()
        if digest != found:
            return error(400, "bad_request", "The digest does not match the file", sha=found)
        self._blobs.put(digest, memoryview(request.body))
        return json_response({})

    def create(self, request: Request) -> Response:
        """Begin a deployment, or name the files that have to be uploaded first."""
        asked = request.json()
        problem = self._unfit(asked)
        if problem:
            return problem
        with self._world.change() as data:
            files = self._sources.files(asked, data)
            if isinstance(files, Response):
                return files
            one = self._record(asked, files, data)
            one["prebuilt"] = request.first("prebuilt") == "1"
            data["deployments"][one["id"]] = one
            one["port"] = self._apps.open(one["id"])
            self._retire(data)
            return json_response(full(self._world, data, one))

    def _retire(self, data: dict[str, Any]) -> None:
        """Delete the oldest deployments that are more than are kept, but never production."""
        known = data["deployments"].values()
        too_many = len(known) - self._world.setting("deployments_kept")
        others = [one for one in known if one["id"] != data["production"]]
        others.sort(key=lambda one: one["created_at"])
        for one in others[: max(too_many, 0)]:
            self._world.forget(data, one)
            self._apps.close(one["port"])

    def _unfit(self, asked: dict[str, Any]) -> Response | None:
        account = self._world.account
        if not isinstance(asked.get("name"), str) or not asked["name"]:
            return error(400, "bad_request", "Invalid request: missing required property `name`.")
        project = asked.get("project", asked["name"])
        if project not in (account.project_id, account.project_name):
            return not_found("Project")
        if asked.get("target") not in _TARGETS:
            return error(400, "bad_request", "Invalid request: `target` is not an environment.")
        origins = {"files", "deploymentId", "gitSource"} & set(asked)
        if not origins:
            return error(400, "bad_request", "Invalid request: `files` is missing.")
        if {"files", "gitSource"} <= origins:
            return error(400, "bad_request", "Invalid request: `files` goes not with `gitSource`.")
        return None

    def _record(
        self, asked: dict[str, Any], files: list[dict[str, Any]], data: dict[str, Any]
    ) -> dict[str, Any]:
        fault = self._world.faults.take("build")
        what = fault["what"] if fault else "READY"
        details = fault["details"] if fault else {}
        staged = asked.get("autoAssignCustomDomains") is False and what != "flag_ignored"
        seconds = details.get("seconds", self._world.setting("build_s"))
        production = asked.get("target") == "production"
        return {
            "id": new_id("dpl", 28),
            "created_at": now_ms(),
            "target": "production" if production else None,
            "meta": {name: str(value) for name, value in asked.get("meta", {}).items()},
            "source": _origin(asked),
            "files": files,
            "auto_assign": not staged and self._world.auto_assigns(data),
            "outcome": "READY" if what in {"slow", "flag_ignored", "serves_errors"} else what,
            "build_ms": int(seconds * 1000),
            "error_message": details.get("message", 'Command "npm run build" exited with 1'),
            "serves_errors": details if what == "serves_errors" else None,
            "final": None,
            "done_at": None,
            "served_at": None,
            "port": 0,
        }

    def get(self, request: Request, key: str) -> Response:
        """Answer the full view of one deployment, by id or host."""
        del request
        with self._world.look() as data:
            one = self._world.find(data, key)
            return json_response(full(self._world, data, one)) if one else not_found("Deployment")

    def list(self, request: Request) -> Response:
        """Answer a page of deployments, newest first."""
        account = self._world.account
        projects = [*request.query.get("projectId", ()), *request.query.get("projectIds", ())]
        projects += [*request.query.get("projectIds[]", ()), *request.query.get("app", ())]
        if set(projects) - {account.project_id, account.project_name}:
            return json_response({"deployments": [], "pagination": _pagination([], more=False)})
        with self._world.look() as data:
            known = sorted(data["deployments"].values(), key=lambda one: -one["created_at"])
            shown = [item(self._world, data, one) for one in known]
        fitting = [one for one in shown if _fits(one, request)]
        if request.path.startswith("/v6/"):
            # The CLI reads `id` here; the newer list has `uid` alone.
            fitting = [one | {"id": one["uid"]} for one in fitting]
        limit = min(int(request.first("limit", "20")), 100)
        return json_response(
            {
                "deployments": fitting[:limit],
                "pagination": _pagination(fitting[:limit], more=len(fitting) > limit),
            }
        )

    def cancel(self, request: Request, key: str) -> Response:
        """Cancel a build that has not ended."""
        del request
        with self._world.change() as data:
            one = self._world.find(data, key)
            if one is None:
                return not_found("Deployment")
            if one["final"]:
                message = f"Cannot cancel a deployment that is already {one['final']}"
                return error(400, "bad_request", message)
            one["final"], one["done_at"] = "CANCELED", now_ms()
            return json_response(full(self._world, data, one))

    def delete(self, request: Request, key: str) -> Response:
        """Remove a deployment that does not serve production."""
        del request
        with self._world.change() as data:
            one = self._world.find(data, key)
            if one is None:
                return not_found("Deployment")
            if data["production"] == one["id"]:
                return error(400, "bad_request", "The deployment serves production")
            self._world.forget(data, one)
        self._apps.close(one["port"])
        return json_response({"state": "DELETED", "uid": one["id"]})


def _origin(asked: dict[str, Any]) -> str:
    if "gitSource" in asked:
        return "api-trigger-git-deploy"
    return "redeploy" if "deploymentId" in asked else "cli"


def _fits(one: dict[str, Any], request: Request) -> bool:
    target = request.first("target")
    states = request.first("state").split(",") if request.first("state") else []
    candidate = request.first("rollbackCandidate")
    shown_target = one["target"] or "preview"
    metas = {
        name.removeprefix("meta-"): values[0]
        for name, values in request.query.items()
        if name.startswith("meta-")
    }
    for name, key in (("sha", "githubCommitSha"), ("branch", "githubCommitRef")):
        if request.first(name):
            metas[key] = request.first(name)
    return (
        (not target or target == shown_target)
        and (not states or one["readyState"] in states)
        and (not candidate or one["isRollbackCandidate"] is (candidate == "true"))
        and all(one["meta"].get(name) == value for name, value in metas.items())
        and one["createdAt"] > int(request.first("since") or request.first("from") or 0)
        and one["createdAt"] < int(request.first("until") or request.first("to") or 10**15)
    )


def _pagination(page: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    return {
        "count": len(page),
        "next": page[-1]["createdAt"] if more else None,
        "prev": page[0]["createdAt"] if page else None,
    }
