"""Vercel's calls that move production: promote, rollback, and the domains behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shipway.sandbox.vercel.views import error, not_found
from shipway.sandbox.vercel.world import alias_request, new_id, now_ms, phase
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.vercel.world import World


class PromotionCalls:
    """Promote and rollback, with the job that `lastAliasRequest` tells of."""

    def __init__(self, world: World) -> None:
        self._world = world

    def promote(self, request: Request, project: str, key: str) -> Response:
        """Point production at a READY production deployment."""
        del request
        return self._begin("promote", project, key, description="")

    def rollback(self, request: Request, project: str, key: str) -> Response:
        """Point production at a deployment that has served it before."""
        return self._begin("rollback", project, key, description=request.first("description"))

    def _begin(self, kind: str, project: str, key: str, *, description: str) -> Response:
        if project not in (self._world.account.project_id, self._world.account.project_name):
            return not_found("Project")
        with self._world.change() as data:
            one = self._world.find(data, key)
            refused = self._unfit(kind, data, one)
            if refused or one is None:
                return refused or not_found("Deployment")
            data["job"] = self._job(kind, data, one["id"], description)
            queued = data["job"]["queued"]
        return Response(status=202 if queued else 201)

    def _unfit(
        self, kind: str, data: dict[str, Any], one: dict[str, Any] | None
    ) -> Response | None:
        if one is None:
            return not_found("Deployment")
        job = data["job"]
        if job and not job["applied"]:
            return error(409, "conflict", "Another promotion or rollback is in progress")
        if data["production"] == one["id"]:
            message = "The deployment is already the current production deployment"
            return error(409, "conflict", message)
        if phase(one) != "READY" or one["target"] != "production":
            return error(422, "unprocessable_entity", "The deployment is no READY production one")
        if kind == "rollback" and not one["served_at"]:
            return error(422, "unprocessable_entity", "The deployment has never served production")
        return None

    def _job(self, kind: str, data: dict[str, Any], to: str, description: str) -> dict[str, Any]:
        fault = self._world.faults.take("alias")
        what = fault["what"] if fault else "succeeded"
        details = fault["details"] if fault else {}
        begins: int | None = now_ms()
        takes_ms = int(self._world.setting("alias_s") * 1000)
        if what == "slow":
            takes_ms = int(details["seconds"] * 1000)
        if what == "queued":
            waits = details.get("seconds")
            begins = None if waits is None else now_ms() + int(waits * 1000)
        ends = None if begins is None or what == "never" else begins + takes_ms
        return {
            "type": kind,
            "from": data["production"],
            "to": to,
            "description": description,
            "outcome": what,
            "queued": what == "queued",
            "requested_at": begins or now_ms(),
            "shift_ms": int(details.get("shift_ms", 0)) if what == "shifted" else 0,
            "shown_at": begins,
            "takes_ms": takes_ms,
            "due_at": ends,
            "applied": False,
            "before": alias_request(data),
        }

    def promoted_aliases(self, request: Request, project: str) -> Response:
        """Answer how each domain fared in the last promotion."""
        del project
        with self._world.look() as data:
            job = data["job"]
            if not job or not job["applied"]:
                return json_response({})
            failed = job["outcome"] == "failed"
        status = "failed" if failed else "completed"
        found = [{"alias": self._world.production_host, "id": "alias_0", "status": status}]
        if request.first("failedOnly") == "true" and not failed:
            found = []
        page = {"count": len(found), "next": None, "prev": None}
        return json_response({"aliases": found, "pagination": page})


class AliasCalls:
    """Domains and aliases."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _shown(self, data: dict[str, Any], host: str) -> dict[str, Any] | None:
        if host == self._world.production_host:
            target = data["production"]
        elif host in data["aliases"]:
            target = data["aliases"][host]
        else:
            return None
        shown = {
            "uid": f"alias_{host}",
            "alias": host,
            "deploymentId": target,
            "projectId": self._world.account.project_id,
            "created": "2026-01-01T00:00:00.000Z",
            "createdAt": self._world.account.created_at_ms,
        }
        if target:
            port = data["deployments"][target]["port"]
            shown["deployment"] = {"id": target, "url": f"127.0.0.1:{port}"}
        return shown

    def get(self, request: Request, host: str) -> Response:
        """Answer which deployment is behind a domain."""
        del request
        with self._world.look() as data:
            shown = self._shown(data, host)
        return json_response(shown) if shown else not_found("Alias")

    def list(self, request: Request) -> Response:
        """Answer all aliases of the project."""
        del request
        with self._world.look() as data:
            hosts = [self._world.production_host, *data["aliases"]]
            shown = [self._shown(data, host) for host in hosts]
        page = {"count": len(shown), "next": None, "prev": None}
        return json_response({"aliases": shown, "pagination": page})

    def of_deployment(self, request: Request, key: str) -> Response:
        """Answer the aliases that point at one deployment."""
        del request
        with self._world.look() as data:
            one = self._world.find(data, key)
            if one is None:
                return not_found("Deployment")
            hosts = [host for host, target in data["aliases"].items() if target == one["id"]]
            if data["production"] == one["id"]:
                hosts.insert(0, self._world.production_host)
        created = "2026-01-01T00:00:00.000Z"
        found = [{"uid": f"alias_{host}", "alias": host, "created": created} for host in hosts]
        return json_response({"aliases": found})

    def assign(self, request: Request, key: str) -> Response:
        """Point an alias, or the production domain itself, at a deployment."""
        alias = request.json().get("alias")
        with self._world.change() as data:
            one = self._world.find(data, key)
            if one is None:
                return not_found("Deployment")
            if not alias:
                return error(400, "bad_request", "Invalid request: missing property `alias`.")
            if alias == self._world.production_host:
                old, data["production"] = data["production"], one["id"]
                one["served_at"] = one["served_at"] or now_ms()
            else:
                old = data["aliases"].get(alias)
                data["aliases"][alias] = one["id"]
        answer = {"uid": new_id("alias"), "alias": alias, "created": "2026-01-01T00:00:00.000Z"}
        return json_response(answer | ({"oldDeploymentId": old} if old else {}))

    def domains(self, request: Request, project: str) -> Response:
        """Answer the project's production domains: the one that is served here."""
        del request
        account = self._world.account
        if project not in (account.project_id, account.project_name):
            return not_found("Project")
        domain = {
            "name": self._world.production_host,
            "apexName": self._world.production_host,
            "projectId": account.project_id,
            "verified": True,
            "redirect": None,
            "gitBranch": None,
            "createdAt": account.created_at_ms,
        }
        page = {"count": 1, "next": None, "prev": None}
        return json_response({"domains": [domain], "pagination": page})
