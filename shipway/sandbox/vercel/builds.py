"""Vercel's calls about builds: what a build has said, and the checks that judged it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from shipway.sandbox.vercel.views import not_found
from shipway.sandbox.vercel.world import phase
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.sandbox.vercel.world import World

_PULSE_S = 0.05


class BuildCalls:
    """Build events, the old list of builds, and checks of the first generation."""

    def __init__(self, world: World) -> None:
        self._world = world

    def builds(self, request: Request, key: str) -> Response:
        """Answer the old list of builds, which the CLI still asks for."""
        del request, key
        return json_response({"builds": []})

    def checks(self, request: Request, key: str) -> Response:
        """Answer the deployment's checks of the first generation."""
        with self._world.look() as data:
            one = self._world.find(data, key)
            if one is None:
                return not_found("Deployment")
            failed = one["outcome"] == "checks_failed"
            at = one["created_at"]
        del request
        check: dict[str, Any] = {"id": "check_smoke", "name": "Smoke check", "status": "completed"}
        check |= {"conclusion": "failed", "blocking": True, "createdAt": at, "deploymentId": key}
        return json_response({"checks": [check] if failed else []})

    def events(self, request: Request, key: str) -> Response:
        """Answer the build log, as JSON or, when asked to follow, as lines until the build ends."""
        with self._world.look() as data:
            one = self._world.find(data, key)
        if one is None:
            return not_found("Deployment")
        live = request.first("follow") == "1"
        wants_lines = "stream+json" in request.headers.get("accept", "")
        if live or wants_lines or request.first("format") == "lines":
            stream = self._event_lines(one["id"], live=live)
            return Response(headers={"content-type": "application/stream+json"}, stream=stream)
        return json_response(_build_log(one))

    def _event_lines(self, deployment_id: str, *, live: bool) -> Iterator[bytes]:
        sent = 0
        while True:
            with self._world.look() as data:
                one = data["deployments"].get(deployment_id)
                events = _build_log(one) if one else []
                going_on = one is not None and not one["final"]
            new, sent = events[sent:], len(events)
            yield b"".join(json.dumps(event).encode() + b"\n" for event in new)
            if not (live and going_on):
                return
            time.sleep(_PULSE_S)


def _build_log(one: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the build has said by now; the list only grows."""
    state = phase(one)
    said: list[tuple[str, str, dict[str, Any]]] = []
    if state not in {"QUEUED", "BLOCKED"}:
        said.append(("stdout", "Running build in Washington, D.C., USA (East) - iad1", {}))
    if state not in {"QUEUED", "BLOCKED", "INITIALIZING"}:
        said.append(("command", 'Running "vercel build"', {}))
    if state == "READY":
        said.append(("stdout", "Build Completed in /vercel/output", {}))
        said.append(("stdout", "Deployment completed", {}))
    if state == "ERROR":
        said.append(("stderr", f"Error: {one['error_message']}", {"level": "error"}))
    if state in {"READY", "ERROR", "CANCELED"}:
        said.append(("deployment-state", "", {"info": {"type": "build", "readyState": state}}))
    events = []
    for number, (kind, text, more) in enumerate(said):
        date = one["created_at"] + number
        event = {
            "created": date,
            "date": date,
            "deploymentId": one["id"],
            "id": f"{date}{number:06d}",
            "serial": f"{date}{number:06d}",
            "type": kind,
            "info": {"type": "build", "name": "bld_sandbox", "entrypoint": "."},
        }
        events.append(event | ({"text": text} if text else {}) | more)
    return events
