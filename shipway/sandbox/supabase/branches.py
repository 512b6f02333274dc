"""The Management API's branches: copies of the project that come up, are used and deleted."""

from __future__ import annotations

import secrets
import string
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.supabase.management import failure
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document


def new_ref() -> str:
    """Return a project ref: 20 lower-case letters."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))


class BranchCalls:
    """Create, list, look at and delete branches."""

    def __init__(self, *, parent_ref: str, document: Document, settings: Document) -> None:
        self._parent_ref = parent_ref
        self._document = document
        self._settings = settings
        self.routes: tuple[Route, ...] = (
            route("GET", "/v1/projects/{ref}/branches", self._list),
            route("POST", "/v1/projects/{ref}/branches", self._create),
            route("POST", "/v2/projects/{ref}/branches", self._create_v2),
            route("GET", "/v1/projects/{ref}/branches/{name}", self._by_name),
            route("GET", "/v1/branches/{key}", self._get),
            route("DELETE", "/v1/branches/{key}", self._delete),
        )

    def _list(self, request: Request, ref: str) -> Response:
        del request, ref
        with self._document.look() as data:
            return json_response([self._shown(one) for one in data["branches"].values()])

    def _create(self, request: Request, ref: str) -> Response:
        del ref
        asked = request.json()
        if not asked.get("branch_name"):
            return failure(400, "branch_name: Required")
        return json_response(self._made(asked["branch_name"], asked), 201)

    def _create_v2(self, request: Request, ref: str) -> Response:
        del ref
        asked = request.json().get("data", {}).get("attributes", {})
        if not asked.get("name"):
            return failure(400, "data.attributes.name: Required")
        made = self._made(asked["name"], asked)
        return json_response(
            {"data": {"type": "branch", "id": made["id"], "attributes": made}}, 201
        )

    def _made(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        one = {
            "id": str(uuid.uuid4()),
            "ref": new_ref(),
            "name": name,
            "git_branch": asked.get("git_branch"),
            "persistent": bool(asked.get("persistent", False)),
            "with_data": bool(asked.get("with_data", False)),
            "password": secrets.token_urlsafe(18),
            "created_at": time.time(),
        }
        with self._document.change() as data:
            data["branches"][one["ref"]] = one
        return self._shown(one)

    def _status(self, one: dict[str, Any]) -> str:
        with self._settings.look() as settings:
            up = time.time() >= one["created_at"] + settings["branch_s"]
        return "ACTIVE_HEALTHY" if up else "COMING_UP"

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        at = datetime.fromtimestamp(one["created_at"], UTC).isoformat()
        up = self._status(one) == "ACTIVE_HEALTHY"
        shown = {
            "id": one["id"],
            "name": one["name"],
            "project_ref": one["ref"],
            "parent_project_ref": self._parent_ref,
            "is_default": False,
            "persistent": one["persistent"],
            "status": "FUNCTIONS_DEPLOYED" if up else "CREATING_PROJECT",
            "created_at": at,
            "updated_at": at,
            "with_data": one["with_data"],
            "preview_project_status": self._status(one),
        }
        return shown | ({"git_branch": one["git_branch"]} if one["git_branch"] else {})

    def _found(self, data: dict[str, Any], key: str) -> dict[str, Any] | None:
        fitting = (one for one in data["branches"].values() if key in (one["ref"], one["id"]))
        return next(fitting, None)

    def _by_name(self, request: Request, ref: str, name: str) -> Response:
        del request, ref
        with self._document.look() as data:
            fitting = (one for one in data["branches"].values() if one["name"] == name)
            one = next(fitting, None)
        return json_response(self._shown(one)) if one else failure(404, "Branch not found")

    def _get(self, request: Request, key: str) -> Response:
        del request
        with self._document.look() as data:
            one = self._found(data, key)
        if one is None:
            return failure(404, "Branch not found")
        with self._settings.look() as settings:
            real = settings["branch_database"] or {}
        return json_response(
            {
                "ref": one["ref"],
                "postgres_version": "17.11.0.018",
                "postgres_engine": "17",
                "release_channel": "ga",
                "status": self._status(one),
                "db_host": real.get("host", f"db.{one['ref']}.supabase.co"),
                "db_port": real.get("port", 5432),
                "db_user": real.get("user", "postgres"),
                "db_pass": real.get("password", one["password"]),
                "jwt_secret": one["password"],
            }
        )

    def _delete(self, request: Request, key: str) -> Response:
        del request
        with self._document.change() as data:
            one = self._found(data, key)
            if one is None:
                return failure(404, "Branch not found")
            del data["branches"][one["ref"]]
        return json_response({"message": "ok"})
