"""What both APIs share: routes, the record of requests, faults and the control endpoint."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from shipway.sandbox.faults import BadRule, FaultBook
from shipway.sandbox.shown import Shown
from shipway.sandbox.wire import BadJson, Fate, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.sandbox.state import Document

_REMEMBERED_REQUESTS = 20_000
CONTROL_HEADER = "x-sandbox-control"


@dataclass(frozen=True, slots=True)
class Route:
    """Which function answers which calls; the groups of `path` become its arguments."""

    method: str
    path: re.Pattern[str]
    answer: Callable[..., Response]


def route(method: str, path: str, answer: Callable[..., Response]) -> Route:
    """Return a route. In `path`, `{name}` stands for one segment, `{name...}` for the rest."""
    pattern = re.sub(r"\{(\w+)\.\.\.\}", r"(?P<\1>.+)", path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
    return Route(method, re.compile(pattern), answer)


class Resettable(Protocol):
    """Something that can return to its state at the first start."""

    def reset(self) -> None:
        """Do so."""


class Api:
    """One API on one port. A child says who may call it and what it answers."""

    def __init__(
        self,
        *,
        control_token: str,
        faults: FaultBook,
        settings: Document,
        state: Sequence[Resettable],
    ) -> None:
        self._control_token = control_token
        self.faults = faults
        self.settings = settings
        self._state = state
        self._requests: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._requests_lock = threading.Lock()
        self._shown = Shown()

    # --- what a child says ---

    def respond(self, request: Request) -> Response:
        """Answer a call of the API."""
        raise NotImplementedError

    def bad_json(self) -> Response:
        """Answer a body that should have been JSON."""
        raise NotImplementedError

    def control(self, request: Request, name: str) -> Response | None:
        """Answer a control call that only this API has; None when there is no such call."""
        del request, name
        return None

    def standing_headers(self, request: Request) -> dict[str, str]:
        """Return the headers that stand on the answer whatever it says."""
        del request
        return {}

    # --- the way of every call ---

    def answer(self, request: Request) -> Response:
        """Answer one call: the control endpoint's own, or the API's with its faults."""
        if request.path.startswith("/_sandbox/"):
            return self._controlled(request)
        at = time.time()
        fault = self.faults.take("request", method=request.method, path=request.path)
        response = self._answered(request) if fault is None else self._misbehaved(request, fault)
        response = replace(response, headers={**self.standing_headers(request), **response.headers})
        body = memoryview(request.body)
        with self._requests_lock:
            self._requests.append(
                {
                    "at": at,
                    "method": request.method,
                    "path": request.path,
                    "query": {name: values[0] for name, values in request.query.items()},
                    "status": response.status,
                    "lost": response.fate is not Fate.WHOLE,
                    "fault": fault["what"] if fault else None,
                    "body_bytes": len(body),
                    "body_sha256": hashlib.sha256(body).hexdigest(),
                }
            )
        return response

    def _answered(self, request: Request) -> Response:
        try:
            response = self.respond(request)
        except BadJson:
            return self.bad_json()
        self._shown.keep(request, response)
        return response

    def _misbehaved(self, request: Request, fault: dict[str, Any]) -> Response:
        what, details = fault["what"], fault["details"]
        if what in {"delay", "stall"}:
            time.sleep(details["seconds"])
        if what == "status":
            headers = details.get("headers", {})
            return json_response(details.get("body", {}), details["status"], headers)
        if what in {"stall", "reset_before"}:
            return Response(status=0, fate=Fate.RESET if what == "reset_before" else Fate.HANG_UP)
        answer = self._answered(request)
        if what == "stale":
            return self._shown.before(request) or answer
        if what == "invalid_json":
            headers = {**answer.headers, "content-type": "application/json; charset=utf-8"}
            broken = b'{"id": "cut off in the midd'
            return replace(answer, headers=headers, body=broken, file=None)
        fates = {"reset_after": Fate.RESET, "truncated": Fate.TRUNCATED}
        return replace(answer, fate=fates.get(what, Fate.WHOLE))

    def dispatch(self, routes: Sequence[Route], request: Request) -> Response | None:
        """Answer by the first route that fits; None when there is none."""
        for one in routes:
            found = one.path.fullmatch(request.path)
            if found and one.method == request.method:
                return one.answer(request, **found.groupdict())
        return None

    # --- the control endpoint ---

    def _controlled(self, request: Request) -> Response:
        token = request.headers.get(CONTROL_HEADER, "")
        if not hmac.compare_digest(token, self._control_token):
            return json_response({"message": f"{CONTROL_HEADER} is missing or wrong"}, 403)
        name = request.path.removeprefix("/_sandbox/")
        try:
            answer = self._control_call(request, name)
        except (BadRule, BadJson) as error:
            return json_response({"message": f"not understood: {error}"}, 400)
        return answer or json_response({"message": f"no control call {name}"}, 404)

    def _control_call(self, request: Request, name: str) -> Response | None:
        match request.method, name:
            case "POST", "faults":
                return json_response(self.faults.add(request.json()), 201)
            case "GET", "faults":
                return json_response({"rules": self.faults.all()})
            case "DELETE", "faults":
                self.faults.clear()
            case "GET", "requests":
                with self._requests_lock:
                    return json_response({"requests": list(self._requests)})
            case "DELETE", "requests":
                self._forget_requests()
            case "POST", "settings":
                self._change_settings(request.json())
            case "GET", "settings":
                with self.settings.look() as settings:
                    return json_response(dict(settings))
            case "POST", "reset":
                for document in (*self._state, self.settings):
                    document.reset()
                self.faults.clear()
                self._forget_requests()
            case _:
                return self.control(request, name)
        return json_response({})

    def _forget_requests(self) -> None:
        with self._requests_lock:
            self._requests.clear()

    def _change_settings(self, given: dict[str, Any]) -> None:
        with self.settings.look() as settings:
            if unknown := set(given) - set(settings):
                raise BadRule(f"unknown settings: {', '.join(sorted(unknown))}")
        with self.settings.change() as settings:
            settings.update(given)
