"""The team's chat on its port: an incoming webhook as Slack has it, and one that takes any JSON."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import Api
from shipway.sandbox.wire import BadJson, Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.state import Document

FRESH: dict[str, Any] = {"notices": []}
SETTINGS: dict[str, Any] = {}
_SLACK = "/services/"
_PLAIN = "/hooks/"


class TeamApi(Api):
    """Keeps what it is told; `GET /_sandbox/notices` of the control endpoint tells it."""

    def __init__(self, *, secret: str, document: Document, **shared: Any) -> None:
        super().__init__(**shared)
        self._secret = secret
        self._document = document

    def bad_json(self) -> Response:
        """Answer a body that should have been JSON."""
        return _text("invalid_payload", 400)

    def respond(self, request: Request) -> Response:
        """Take a notice from those who know the address."""
        slack = request.path.startswith(_SLACK)
        known = request.path.removeprefix(_SLACK if slack else _PLAIN)
        if request.method != "POST":
            return _text("Method Not Allowed", 405)
        if not hmac.compare_digest(known.encode(), self._secret.encode()):
            return _text("invalid_token" if slack else "Not Found", 403 if slack else 404)
        if not len(request.body):
            raise BadJson
        said = request.json()
        if slack and not isinstance(said.get("text"), str):
            return _text("no_text", 400)
        with self._document.change() as data:
            data["notices"].append({"by": "slack" if slack else "webhook", "body": said})
        return _text("ok", 200) if slack else Response(status=204)

    def control(self, request: Request, name: str) -> Response | None:
        """Tell the notices so far, oldest first."""
        if (request.method, name) != ("GET", "notices"):
            return None
        with self._document.look() as data:
            return json_response({"notices": list(data["notices"])})


def _text(text: str, status: int) -> Response:
    headers = {"content-type": "text/html; charset=utf-8"}
    return Response(status=status, headers=headers, body=text.encode())
