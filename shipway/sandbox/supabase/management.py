"""The Supabase Management API: who may ask, and what the project tells about itself."""

from __future__ import annotations

import hmac
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document

FRESH: dict[str, Any] = {"recovery": None, "restore_point": None, "branches": {}, "logs": []}
SETTINGS: dict[str, Any] = {
    "status": "ACTIVE_HEALTHY",
    "unhealthy": {},  # service to what it says is wrong
    "readonly": False,
    "disk_used": 0.3,  # share of the database's disk
    "pitr_enabled": False,
    "pitr_days": 7,
    "backups": 7,  # daily ones; 0 as on the Free plan
    "newest_backup_failed": False,
    "restore_s": 0.3,  # how long a restore takes the project down
    "lints": [],
    "logs_error": None,  # what the log query answers inside its 200, a text or an object
    "logs_late_s": 0.0,  # how long a row takes until queries find it
    "logs_rate_limit": 30,  # log queries a minute; more are answered 429
    "branch_s": 0.3,  # how long a branch comes up
    "branch_database": None,  # or {"host", "port", "user", "password"} of a real server
    "rate_limit": 120,  # calls a minute
    "rate_limit_kept": False,  # True: 429 for the rest of the minute, as the hosted service
    "tus_exact_chunks": True,  # resumable uploads take 6 MB chunks only, as the hosted service
    "file_size_limit": 50 * 1024**3,
}
_SERVICES = {
    "auth",
    "db",
    "db_postgres_user",
    "pooler",
    "realtime",
    "rest",
    "storage",
    "pg_bouncer",
}
_DISK_BYTES = 8 * 1024**3
REGION = "eu-central-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The one project and who may ask about it; made once and never changed."""

    ref: str
    access_token: str
    secret_key: str
    created_at: str


def failure(status: int, message: str) -> Response:
    """Return an error in the form of API version 1."""
    return json_response({"message": message}, status)


class RateLimit:
    """Counts calls by the minute: told in every answer, kept to when the settings say so."""

    def __init__(self, settings: Document) -> None:
        self._settings = settings
        self._minute = 0
        self._used = 0

    def reached(self) -> bool:
        """Count one call and tell whether it is one too many."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += 1
        with self._settings.look() as settings:
            return bool(settings["rate_limit_kept"]) and self._used > settings["rate_limit"]

    def headers(self) -> dict[str, str]:
        """Return the three headers."""
        with self._settings.look() as settings:
            limit = int(settings["rate_limit"])
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - self._used, 0)),
            "X-RateLimit-Reset": str(60 - int(time.time() % 60)),
        }


class ManagementCalls:
    """The project itself: its status, health, read-only mode, keys and pooler."""

    def __init__(self, *, owner: Project, document: Document, settings: Document) -> None:
        self._owner = owner
        self._document = document
        self._settings = settings
        self.limit = RateLimit(settings)
        root = "/v1/projects/{ref}"
        get = "GET"
        self.routes: tuple[Route, ...] = (
            route(get, "/v1/projects", self._projects),
            route(get, root, self._project),
            route(get, f"{root}/health", self._health),
            route(get, f"{root}/readonly", self._readonly),
            route("POST", f"{root}/readonly/temporary-disable", self._disable_readonly),
            route(get, f"{root}/api-keys", self._api_keys),
            route(get, f"{root}/config/database/pooler", self._pooler),
            route(get, f"{root}/config/disk/util", self._disk),
            route(get, f"{root}/config/storage", self._storage),
        )

    def setting(self, name: str) -> Any:
        """Return one of `SETTINGS` as it is set by now."""
        with self._settings.look() as settings:
            return settings[name]

    def refused(self, request: Request) -> Response | None:
        """Check the token and whose project is asked for."""
        token = request.bearer()
        if token is None or not hmac.compare_digest(
            token.encode(), self._owner.access_token.encode()
        ):
            return failure(401, "Unauthorized")
        named = re.match(r"/v[12]/projects/([^/]+)", request.path)
        if named and named[1] != self._owner.ref:
            return failure(403, "Your account does not have the necessary privileges")
        return None

    def status(self) -> str:
        """Return the project's status; while it is being restored, that."""
        with self._document.look() as data:
            recovery = data["recovery"]
        if recovery and time.time() < recovery["began_at"] + self.setting("restore_s"):
            return "RESTORING"
        return str(self.setting("status"))

    def _shown(self) -> dict[str, Any]:
        return {
            "id": self._owner.ref,
            "ref": self._owner.ref,
            "organization_id": "sandbox-org",
            "organization_slug": "sandbox-org",
            "name": "shipway sandbox",
            "region": REGION,
            "created_at": self._owner.created_at,
            "status": self.status(),
            "database": {
                "host": f"db.{self._owner.ref}.supabase.co",
                "version": "17.11.0.018",
                "postgres_engine": "17",
                "release_channel": "ga",
            },
        }

    def _projects(self, request: Request) -> Response:
        del request
        return json_response([self._shown()])

    def _project(self, request: Request, ref: str) -> Response:
        del request, ref
        return json_response(self._shown())

    def _health(self, request: Request, ref: str) -> Response:
        del ref
        asked = [name for given in request.query.get("services", ()) for name in given.split(",")]
        if not asked or set(asked) - _SERVICES:
            return failure(400, "services: Invalid enum value")
        unhealthy = self.setting("unhealthy")
        found: list[dict[str, Any]] = []
        for name in asked:
            well = name not in unhealthy
            status = "ACTIVE_HEALTHY" if well else "UNHEALTHY"
            one = {"name": name, "healthy": well, "status": status}
            found.append(one if well else one | {"error": unhealthy[name]})
        return json_response(found)

    def _readonly(self, request: Request, ref: str) -> Response:
        del request, ref
        with self._document.look() as data:
            until = data.get("writable_until", 0)
        override = time.time() < until
        shown = datetime.fromtimestamp(until, UTC).isoformat() if override else ""
        return json_response(
            {
                "enabled": bool(self.setting("readonly")) and not override,
                "override_enabled": override,
                "override_active_until": shown,
            }
        )

    def _disk(self, request: Request, ref: str) -> Response:
        del request, ref
        used = round(_DISK_BYTES * self.setting("disk_used"))
        return json_response(
            {
                "timestamp": datetime.now(UTC).isoformat(),
                "metrics": {
                    "fs_size_bytes": _DISK_BYTES,
                    "fs_avail_bytes": _DISK_BYTES - used,
                    "fs_used_bytes": used,
                },
            }
        )

    def _storage(self, request: Request, ref: str) -> Response:
        del request, ref
        off = {"enabled": False}
        return json_response(
            {
                "fileSizeLimit": int(self.setting("file_size_limit")),
                "features": {
                    "imageTransformation": off,
                    "s3Protocol": {"enabled": True},
                    "icebergCatalog": off | {"maxNamespaces": 0, "maxTables": 0, "maxCatalogs": 0},
                    "vectorBuckets": off | {"maxBuckets": 0, "maxIndexes": 0},
                },
                "capabilities": {"list_v2": True, "iceberg_catalog": False},
                "external": {"upstreamTarget": "main"},
                "migrationVersion": "operation-ergonomics",
                "databasePoolMode": "transaction",
            }
        )

    def _disable_readonly(self, request: Request, ref: str) -> Response:
        del request, ref
        with self._document.change() as data:
            data["writable_until"] = time.time() + 15 * 60
        return Response(status=201)

    def _api_keys(self, request: Request, ref: str) -> Response:
        del ref
        key = self._owner.secret_key
        shown = key if request.first("reveal") == "true" else f"{key[:16]}{'·' * 8}"
        one = {"id": "sandbox-secret", "name": "default", "type": "secret", "prefix": key[:16]}
        return json_response([one | {"api_key": shown}])

    def _pooler(self, request: Request, ref: str) -> Response:
        del request, ref
        host = f"aws-1-{REGION}.pooler.supabase.com"
        user = f"postgres.{self._owner.ref}"
        url = f"postgresql://{user}:[YOUR-PASSWORD]@{host}:6543/postgres"
        return json_response(
            [
                {
                    "identifier": self._owner.ref,
                    "database_type": "PRIMARY",
                    "is_using_scram_auth": True,
                    "db_user": user,
                    "db_host": host,
                    "db_port": 6543,
                    "db_name": "postgres",
                    "connection_string": url,
                    "connectionString": url,
                    "default_pool_size": None,
                    "max_client_conn": None,
                    "pool_mode": "transaction",
                }
            ]
        )
