"""How deployments and the project look on Vercel's wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shipway.sandbox.vercel.world import alias_request, phase
from shipway.sandbox.wire import Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.vercel.world import World


def error(status: int, code: str, message: str, **more: Any) -> Response:
    """Return an error in Vercel's form."""
    return json_response({"error": {"code": code, "message": message, **more}}, status)


def not_found(what: str) -> Response:
    """Return the 404 for a thing that is not there."""
    return error(404, "not_found", f"{what} not found")


def _common(world: World, data: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Return what the full view and the list's item share."""
    state = phase(one)
    account = world.account
    shown = {
        "name": account.project_name,
        "url": f"127.0.0.1:{one['port']}",
        "projectId": account.project_id,
        "type": "LAMBDAS",
        "readyState": state,
        "target": one["target"],
        "createdAt": one["created_at"],
        "creator": {"uid": account.user_id, "username": "sandbox", "type": "user"},
        "inspectorUrl": f"https://vercel.com/{account.team_slug}/{account.project_name}/{one['id']}",
        "meta": one["meta"],
        "source": one["source"],
        "aliasError": None,
    }
    if state not in {"QUEUED", "BLOCKED"}:
        shown["buildingAt"] = one["created_at"] + int(0.3 * one["build_ms"])
    if one["prebuilt"]:
        shown["prebuilt"] = True
    if state == "READY":
        shown["ready"] = one["done_at"]
        if one["target"] == "production":
            shown["readySubstate"] = "PROMOTED" if one["served_at"] else "STAGED"
    shown |= _trouble(one, state)
    return shown | {"current": data["production"] == one["id"]}


def _trouble(one: dict[str, Any], state: str) -> dict[str, Any]:
    if state == "ERROR":
        return {
            # The CLI tells a failed build from other errors by this word.
            "errorCode": "BUILD_UTILS_SPAWN_1",
            "errorMessage": one["error_message"],
            "errorStep": "buildStep",
            "readyStateReason": one["error_message"],
        }
    if state == "CANCELED":
        return {"canceledAt": one["done_at"]}
    if state == "BLOCKED":
        return {
            "seatBlock": {"blockCode": "TEAM_ACCESS_REQUIRED"},
            "readyStateReason": "The commit author has no access to the team.",
        }
    if state == "READY" and one["outcome"] == "alias_error":
        message = "The domain could not be assigned: its certificate was not issued."
        return {"aliasError": {"code": "cert_missing", "message": message}}
    if state == "READY" and one["outcome"] == "checks_failed":
        return {"checksState": "completed", "checksConclusion": "failed"}
    return {}


def full(world: World, data: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Return the owner's view: the answer of create, get and cancel."""
    account = world.account
    shown = _common(world, data, one)
    current = shown.pop("current")
    production = one["target"] == "production"
    assigned = shown["readyState"] == "READY" and one["outcome"] not in {
        "alias_error",
        "checks_failed",
    }
    aliases = [host for host, target in data["aliases"].items() if target == one["id"]]
    if current:
        aliases.insert(0, world.production_host)
    shown |= {
        "id": one["id"],
        "ownerId": account.team_id,
        "version": 2,
        "status": shown["readyState"],
        "bootedAt": one["created_at"],
        "aliasAssigned": assigned,
        "aliasWarning": None,
        "alias": aliases,
        "automaticAliases": [],
        "userAliases": [],
        "team": {"id": account.team_id, "name": "Sandbox team", "slug": account.team_slug},
        "project": {"id": account.project_id, "name": account.project_name, "framework": None},
        "buildSkipped": False,
        "public": False,
        "isInConcurrentBuildsQueue": False,
        "isInSystemBuildsQueue": False,
        "plan": world.setting("plan"),
        "createdIn": "iad1",
        "env": [],
        "build": {"env": []},
        "regions": ["iad1"],
        "routes": None,
        "projectSettings": {"framework": None},
    }
    if production:
        shown["autoAssignCustomDomains"] = one["auto_assign"]
    if assigned:
        shown["aliasAssignedAt"] = one["done_at"]
    return shown


def item(world: World, data: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the list."""
    shown = _common(world, data, one)
    current = shown.pop("current")
    ready = shown["readyState"] == "READY"
    return shown | {
        "uid": one["id"],
        "state": shown["readyState"],
        "created": one["created_at"],
        "aliasAssigned": one["done_at"] if ready and not shown["aliasError"] else None,
        "isRollbackCandidate": bool(ready and one["served_at"] and not current),
        "projectSettings": {"framework": None},
    }


def production_target(world: World, data: dict[str, Any]) -> dict[str, Any] | None:
    """Return `targets.production`: the deployment that serves production."""
    if data["production"] is None:
        return None
    one = data["deployments"][data["production"]]
    shown = full(world, data, one)
    wanted = (
        "id url name createdAt createdIn readyState readySubstate alias aliasAssigned aliasError"
        " checksState checksConclusion meta plan target type"
    )
    picked = {name: shown[name] for name in wanted.split() if name in shown}
    return picked | {
        "deploymentHostname": shown["url"],
        "readyAt": one["done_at"],
        "requestedAt": one["created_at"],
        "private": False,
        "teamId": world.account.team_id,
        "userId": world.account.user_id,
    }


def project(world: World, data: dict[str, Any]) -> dict[str, Any]:
    """Return the project's view."""
    account = world.account
    protection = world.setting("protection")
    production = production_target(world, data)
    newest = sorted(data["deployments"].values(), key=lambda one: -one["created_at"])[:5]
    secret = {"scope": "automation-bypass", "createdAt": account.created_at_ms, "isEnvVar": True}
    rollback = data["rollback"]
    shown = {
        "id": account.project_id,
        "name": account.project_name,
        "accountId": account.team_id,
        "framework": None,
        "nodeVersion": "24.x",
        "createdAt": account.created_at_ms,
        "updatedAt": max((one["created_at"] for one in newest), default=account.created_at_ms),
        "live": production is not None,
        "autoAssignCustomDomains": world.auto_assigns(data),
        "targets": {"production": production} if production else {},
        "latestDeployments": [full(world, data, one) for one in newest],
        "link": world.setting("git_link"),
        "protectionBypass": {
            account.bypass_secret: secret | {"createdBy": account.user_id},
            **data["added_bypass"],
        },
        "ssoProtection": {"deploymentType": protection} if protection else None,
        "passwordProtection": None,
        "lastAliasRequest": alias_request(data),
        "lastRollbackTarget": None,
        "rollingRelease": world.setting("rolling_release"),
        "skewProtectionMaxAge": 0,
        "env": [],
        "rootDirectory": None,
        "buildCommand": None,
        "outputDirectory": None,
        "directoryListing": False,
        "resourceConfig": {},
        "defaultResourceConfig": {},
        "deploymentExpiration": {},
        "settings": {"framework": None, "rootDirectory": None},
        "alias": [
            {
                "domain": world.production_host,
                "environment": "production",
                "target": "PRODUCTION",
                "deployment": production,
            }
        ],
    }
    if data["pinned_by_rollback"] or world.setting("pinned_by_rollback"):
        shown["autoAssignCustomDomainsUpdatedBy"] = account.user_id
    if rollback and rollback["description"]:
        shown["rollbackDescription"] = {
            "createdAt": rollback["at"],
            "description": rollback["description"],
            "userId": account.user_id,
            "username": "sandbox",
        }
    return shown
