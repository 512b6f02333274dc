"""The deployed apps, really served: each deployment on its own port, production on another."""

from __future__ import annotations

import mimetypes
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shipway.sandbox.vercel.views import project
from shipway.sandbox.vercel.world import phase
from shipway.sandbox.wire import Request, Response

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.sandbox.ports import Ports
    from shipway.sandbox.state import Blobs
    from shipway.sandbox.vercel.logs import LogBook
    from shipway.sandbox.vercel.world import World

_BYPASS = "x-vercel-protection-bypass"
# Where a build leaves what is served: prebuilt output first, then the public folder, then the root.
_ROOTS = (".vercel/output/static/", "public/", "")


class Apps:
    """Listens for the deployments and answers with their files."""

    def __init__(self, *, ports: Ports, world: World, blobs: Blobs, logs: LogBook) -> None:
        self._ports = ports
        self._world = world
        self._blobs = blobs
        self._logs = logs

    def open(self, deployment_id: str | None, wanted: int = 0) -> int:
        """Serve a deployment, or production when None, and return the port."""
        return self._ports.open(_App(self, deployment_id), wanted)

    def close(self, port: int) -> None:
        """Stop serving on a port."""
        self._ports.close(port)

    def reset(self) -> None:
        """Stop serving every deployment, before the deployments themselves are forgotten."""
        with self._world.look() as data:
            for one in data["deployments"].values():
                self.close(one["port"])

    def open_all(self) -> None:
        """Serve every deployment that is known from before, on its old port if that is free."""
        with self._world.change() as data:
            for one in data["deployments"].values():
                one["port"] = self.open(one["id"], one["port"])

    def serve(self, request: Request, deployment_id: str | None) -> Response:
        """Answer a visitor of a deployment, or of production when None."""
        with self._world.look() as data:
            wanted = deployment_id or data["production"]
            one = data["deployments"].get(wanted)
        on_production = deployment_id is None
        if one is None:
            return _refusal(404, "DEPLOYMENT_NOT_FOUND")
        if self._is_protected(on_production) and not self._may_pass(request):
            host = request.headers.get("host", "")
            target = quote(f"https://{host}{request.path}", safe="")
            location = f"https://vercel.com/sso-api?url={target}&nonce={secrets.token_hex(16)}"
            return Response(status=302, headers=_headers() | {"location": location})
        state = phase(one)
        if state == "BLOCKED":
            return _refusal(403, "DEPLOYMENT_BLOCKED")
        if state != "READY":
            location = f"https://vercel.com/{self._world.account.team_slug}/{one['id']}"
            return Response(
                status=303,
                headers=_headers()
                | {"location": location, "x-vercel-error": "DEPLOYMENT_NOT_READY_REDIRECTING"},
            )
        return self._visited(request, one)

    def _is_protected(self, on_production: bool) -> bool:  # noqa: FBT001 - it is the question
        protection = self._world.setting("protection")
        return protection == "all" or (protection is not None and not on_production)

    def _may_pass(self, request: Request) -> bool:
        with self._world.look() as data:
            secrets_known = project(self._world, data)["protectionBypass"]
        return request.headers.get(_BYPASS) in secrets_known

    def _visited(self, request: Request, one: dict[str, Any]) -> Response:
        """Answer from a READY deployment and write the row of its log."""
        row: dict[str, Any] = {
            "domain": request.headers.get("host", ""),
            "requestMethod": request.method,
            "requestPath": request.path,
        }
        trouble = self._trouble(request, one)
        if trouble is not None:
            status = int(trouble.get("status", 500))
            message = trouble.get("message", "Error: the page could not be rendered")
            row |= {"responseStatusCode": status, "message": message}
            self._logs.add(one["id"], level="error", source="serverless", **row)
            headers = _headers() | {"x-vercel-error": "FUNCTION_INVOCATION_FAILED"}
            return _page(status, headers, "A server error has occurred\n")
        name, path = self._file(one, request.path)
        found = path is not None
        status = 200 if found and name != "404.html" else 404
        self._logs.add(one["id"], source="request", responseStatusCode=status, **row)
        headers = _headers() | {"x-sandbox-deployment": one["id"]}
        if path is None:
            return _refusal(404, "NOT_FOUND")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind == "application/json":
            kind += "; charset=utf-8"
        headers |= {"content-type": kind, "cache-control": "public, max-age=0, must-revalidate"}
        return Response(status=status, headers=headers, file=path)

    def _trouble(self, request: Request, one: dict[str, Any]) -> dict[str, Any] | None:
        """Return what goes wrong with this request, if something was told to."""
        fault = self._world.faults.take("serve", method=request.method, path=request.path)
        if fault:
            return dict(fault["details"])
        built_in: dict[str, Any] | None = one["serves_errors"]
        if built_in is None or len(self._logs.rows(one["id"])) < built_in.get("good_answers", 0):
            return None
        paths = built_in.get("paths")
        return built_in if paths is None or request.path in paths else None

    def _file(self, one: dict[str, Any], path: str) -> tuple[str, Path | None]:
        """Return name and place of the file behind a path, with clean URLs; else the 404 page."""
        files = {given["file"]: given["sha"] for given in one["files"]}
        root = next(
            root for root in _ROOTS if any(name.startswith(root) for name in files) or not root
        )
        wanted = path.strip("/")
        tries = [wanted, f"{wanted}.html", f"{wanted}/index.html".lstrip("/")]
        for name in (*tries, "404.html"):
            sha = files.get(root + name)
            if sha and name:
                return name, self._blobs.path(sha)
        return "", None


class _App:
    """One port's site: a deployment, or production."""

    def __init__(self, apps: Apps, deployment_id: str | None) -> None:
        self._apps = apps
        self._deployment_id = deployment_id

    def answer(self, request: Request) -> Response:
        return self._apps.serve(request, self._deployment_id)


def _headers() -> dict[str, str]:
    visit = f"iad1::{secrets.token_hex(3)}-{secrets.token_hex(6)}"
    return {"server": "Vercel", "x-vercel-id": visit, "x-vercel-cache": "MISS"}


def _page(status: int, headers: dict[str, str], text: str) -> Response:
    headers = headers | {"content-type": "text/plain; charset=utf-8"}
    return Response(status=status, headers=headers, body=text.encode())


def _refusal(status: int, code: str) -> Response:
    return _page(status, _headers() | {"x-vercel-error": code}, f"{code}\n")
