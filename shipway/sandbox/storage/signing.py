"""Storage's signed URLs: for a while, one object may be fetched or put without a key."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.storage.store import Refusal
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.storage.objects import ObjectCalls
    from shipway.sandbox.storage.store import Shelf

_UPLOAD_URL_LIVES_S = 2 * 3600


class SigningCalls:
    """The calls below `/storage/v1/object/sign` and `/storage/v1/object/upload/sign`."""

    def __init__(self, shelf: Shelf, objects: ObjectCalls) -> None:
        self._shelf = shelf
        self._objects = objects
        one = "/storage/v1/object/sign/{bucket}"
        upload = "/storage/v1/object/upload/sign/{bucket}/{name...}"
        self.open_routes: tuple[Route, ...] = (
            route("GET", f"{one}/{{name...}}", self._signed_download),
            route("PUT", upload, self._signed_upload),
        )
        self.routes: tuple[Route, ...] = (
            route("POST", one, self._sign_many),
            route("POST", f"{one}/{{name...}}", self._sign),
            route("POST", upload, self._sign_upload),
        )

    def _token(self, data: dict[str, Any], *, use: str, path: str, lives_s: float) -> str:
        token = secrets.token_urlsafe(24)
        now = time.time()
        alive = {key: one for key, one in data["tokens"].items() if one["ends_at"] > now}
        data["tokens"] = alive | {token: {"use": use, "path": path, "ends_at": now + lives_s}}
        return token

    def _check_token(self, request: Request, use: str, path: str) -> dict[str, Any]:
        with self._shelf.document.look() as data:
            one: dict[str, Any] = data["tokens"].get(request.first("token"), {})
        if one.get("use") != use or one.get("path") != path:
            raise Refusal(400, "InvalidJWT", "invalid signature", "InvalidJWT")
        if one["ends_at"] <= time.time():
            raise Refusal(400, "InvalidJWT", '"exp" claim timestamp check failed', "InvalidJWT")
        return one

    def _signed(self, data: dict[str, Any], bucket: str, name: str, lives_s: float) -> str:
        self._shelf.object(data, bucket, name)
        path = f"{bucket}/{name}"
        token = self._token(data, use="download", path=path, lives_s=lives_s)
        return f"/object/sign/{path}?token={token}"

    def _sign(self, request: Request, bucket: str, name: str) -> Response:
        with self._shelf.document.change() as data:
            url = self._signed(data, bucket, name, float(request.json()["expiresIn"]))
        return json_response({"signedURL": url})

    def _sign_many(self, request: Request, bucket: str) -> Response:
        asked = request.json()
        found = []
        with self._shelf.document.change() as data:
            self._shelf.bucket(data, bucket)
            for name in asked["paths"]:
                one: dict[str, Any] = {"error": None, "path": name, "signedURL": None}
                try:
                    one["signedURL"] = self._signed(data, bucket, name, float(asked["expiresIn"]))
                except Refusal:
                    one["error"] = "Either the object does not exist or you do not have access"
                found.append(one)
        return json_response(found)

    def _signed_download(self, request: Request, bucket: str, name: str) -> Response:
        self._check_token(request, "download", f"{bucket}/{name}")
        return self._objects.download(request, bucket, name)

    def _sign_upload(self, request: Request, bucket: str, name: str) -> Response:
        path = f"{bucket}/{name}"
        upsert = request.headers.get("x-upsert", "false").lower() == "true"
        with self._shelf.document.change() as data:
            self._shelf.bucket(data, bucket)
            use = "upsert" if upsert else "upload"
            token = self._token(data, use=use, path=path, lives_s=_UPLOAD_URL_LIVES_S)
        return json_response({"url": f"/object/upload/sign/{path}?token={token}", "token": token})

    def _signed_upload(self, request: Request, bucket: str, name: str) -> Response:
        with self._shelf.document.look() as data:
            use = data["tokens"].get(request.first("token"), {}).get("use", "upload")
        if use not in {"upload", "upsert"}:
            use = "upload"
        self._check_token(request, use, f"{bucket}/{name}")
        return self._objects.receive(request, bucket, name, upsert=use == "upsert")
