"""Supabase on its port: the Management API, and the project's own host with its Storage."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import Api
from shipway.sandbox.storage.buckets import BucketCalls
from shipway.sandbox.storage.objects import ObjectCalls
from shipway.sandbox.storage.s3 import ROOT, S3Calls, s3_keys
from shipway.sandbox.storage.signing import SigningCalls
from shipway.sandbox.storage.store import Refusal
from shipway.sandbox.storage.tus import ResumableCalls
from shipway.sandbox.supabase.advisors import NoticeCalls
from shipway.sandbox.supabase.backups import BackupCalls
from shipway.sandbox.supabase.branches import BranchCalls
from shipway.sandbox.supabase.logs import LogCalls
from shipway.sandbox.supabase.management import ManagementCalls, failure
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.state import Document
    from shipway.sandbox.storage.store import Shelf
    from shipway.sandbox.supabase.management import Project


class SupabaseApi(Api):
    """Everything that a release tool asks of Supabase over HTTP."""

    def __init__(self, *, owner: Project, document: Document, shelf: Shelf, **shared: Any) -> None:
        super().__init__(**shared)
        self._owner = owner
        self._management = ManagementCalls(owner=owner, document=document, settings=self.settings)
        self._logs = LogCalls(document=document, settings=self.settings)
        self._management_routes = (
            *self._management.routes,
            *BackupCalls(document=document, settings=self.settings).routes,
            *NoticeCalls(settings=self.settings).routes,
            *self._logs.routes,
            *BranchCalls(parent_ref=owner.ref, document=document, settings=self.settings).routes,
        )
        objects = ObjectCalls(shelf)
        signing = SigningCalls(shelf, objects)
        self._s3 = S3Calls(shelf, s3_keys(owner.secret_key))
        self._open_routes = (*signing.open_routes, *objects.open_routes)
        self._storage_routes = (
            *BucketCalls(shelf).routes,
            *ResumableCalls(shelf, self.settings).routes,
            *signing.routes,
            *objects.routes,
        )

    def bad_json(self) -> Response:
        """Answer a body that should have been JSON."""
        return failure(400, "Invalid JSON")

    def standing_headers(self, request: Request) -> dict[str, str]:
        """Return the rate-limit headers of the Management API; the project's host has none."""
        if request.path.startswith("/storage/v1/"):
            return {}
        return self._management.limit.headers()

    def respond(self, request: Request) -> Response:
        """Answer by the part of the path that says which service is asked."""
        if request.path.startswith(f"{ROOT}/"):
            return self._s3.respond(request)
        if request.path.startswith("/storage/v1/"):
            try:
                return self._storage(request)
            except Refusal as refusal:
                return refusal.response()
        refused = self._management.refused(request)
        if refused:
            return refused
        if self._management.limit.reached():
            return failure(429, "ThrottlerException: Too Many Requests")
        answer = self.dispatch(self._management_routes, request)
        return answer or failure(404, f"Cannot {request.method} {request.path}")

    def _storage(self, request: Request) -> Response:
        answer = self.dispatch(self._open_routes, request)
        if answer is None:
            key = request.bearer() or request.headers.get("apikey", "")
            if not hmac.compare_digest(key.encode(), self._owner.secret_key.encode()):
                raise Refusal(403, "Unauthorized", "Invalid Compact JWS", "AccessDenied")
            answer = self.dispatch(self._storage_routes, request)
        if answer is None:
            raise Refusal(404, "Not Found", f"Route {request.path} not found", "NoSuchRoute")
        return answer

    def control(self, request: Request, name: str) -> Response | None:
        """Answer the control calls that only Supabase has: a row for the project's log."""
        if (request.method, name) != ("POST", "log-rows"):
            return None
        return json_response(self._logs.add(request.json()))
