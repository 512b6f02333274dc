"""Storage's resumable uploads (TUS 1.0.0): create, send chunks, ask how far it came."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.storage.store import Refusal, too_large
from shipway.sandbox.wire import Request, Response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document
    from shipway.sandbox.storage.store import Shelf

_CHUNK_BYTES = 6 * 1024 * 1024
_LIVES_S = 24 * 3600
_VERSION = {"tus-resumable": "1.0.0"}


class ResumableCalls:
    """The calls below `/storage/v1/upload/resumable`."""

    def __init__(self, shelf: Shelf, settings: Document) -> None:
        self._shelf = shelf
        self._settings = settings
        root = "/storage/v1/upload/resumable"
        self.routes: tuple[Route, ...] = (
            route("POST", root, self._create),
            route("PATCH", f"{root}/{{upload}}", self._take),
            route("HEAD", f"{root}/{{upload}}", self._how_far),
            route("DELETE", f"{root}/{{upload}}", self._give_up),
        )

    def _create(self, request: Request) -> Response:
        length = request.headers.get("upload-length", "")
        about = _metadata(request.headers.get("upload-metadata", ""))
        if not length.isdigit() or not {"bucketName", "objectName"} <= set(about):
            return _refusal(400, "upload-length, bucketName and objectName are needed")
        if request.headers.get("tus-resumable") != "1.0.0":
            return _refusal(412, "tus-resumable: 1.0.0 is needed")
        upsert = request.headers.get("x-upsert", "false").lower() == "true"
        kind = about.get("contentType", "application/octet-stream")
        upload = uuid.uuid4().hex
        with self._shelf.document.change() as data:
            bucket, name = about["bucketName"], about["objectName"]
            try:
                self._shelf.check_new(
                    data, bucket, name, size=int(length), kind=kind, upsert=upsert
                )
            except Refusal as refusal:
                return _refusal(refusal.status, refusal.message)
            data["uploads"][upload] = {
                "bucket": bucket,
                "name": name,
                "length": int(length),
                "whole": False,
                "upsert": upsert,
                "content_type": kind,
                "cache_control": f"max-age={about.get('cacheControl', '3600')}",
                "metadata": json.loads(about["metadata"]) if about.get("metadata") else None,
                "ends_at": time.time() + _LIVES_S,
            }
            self._shelf.blobs.put(upload, b"")
        location = f"http://{request.headers['host']}/storage/v1/upload/resumable/{upload}"
        return Response(status=201, headers=_VERSION | {"location": location})

    def _found(self, data: dict[str, Any], upload: str) -> dict[str, Any] | None:
        one: dict[str, Any] | None = data["uploads"].get(upload)
        return one if one and one["ends_at"] > time.time() else None

    def _offset(self, one: dict[str, Any], upload: str) -> int:
        """Return how far an upload has come; a whole one is remembered, its content may be gone."""
        if one["whole"]:
            return int(one["length"])
        return self._shelf.blobs.path(upload).stat().st_size

    def _finish(self, data: dict[str, Any], one: dict[str, Any], upload: str) -> None:
        one["whole"] = True
        self._shelf.keep(data, one["bucket"], one["name"], blob=upload, about=one)

    def _take(self, request: Request, upload: str) -> Response:
        """Append a chunk whose offset is exactly where the upload stands."""
        if request.headers.get("content-type") != "application/offset+octet-stream":
            return _refusal(415, "content-type: application/offset+octet-stream is needed")
        with self._settings.look() as settings:
            exact = settings["tus_exact_chunks"]
        with self._shelf.document.change() as data:
            one = self._found(data, upload)
            if one is None:
                return _refusal(404, "The file for this url was not found")
            offset = self._offset(one, upload)
            if request.headers.get("upload-offset") != str(offset):
                return _refusal(409, "Upload-Offset conflict")
            size = len(request.body)
            if offset + size > one["length"]:
                return _refusal(too_large().status, "Maximum size exceeded")
            if exact and size != _CHUNK_BYTES and offset + size < one["length"]:
                return _refusal(400, "Every chunk but the last has to be exactly 6 MB")
            if not one["whole"]:
                with self._shelf.blobs.path(upload).open("ab") as blob:
                    blob.write(memoryview(request.body))
                if offset + size == one["length"]:
                    self._finish(data, one, upload)
        return Response(status=204, headers=_VERSION | {"upload-offset": str(offset + size)})

    def _how_far(self, request: Request, upload: str) -> Response:
        del request
        with self._shelf.document.change() as data:
            one = self._found(data, upload)
            if one is None:
                return Response(status=404, headers=_VERSION)
            offset = self._offset(one, upload)
            if offset == one["length"] and not one["whole"]:
                # Killed between the last byte and the record: the upload is whole all the same.
                self._finish(data, one, upload)
            headers = {
                "upload-offset": str(offset),
                "upload-length": str(one["length"]),
                "cache-control": "no-store",
            }
        return Response(status=200, headers=_VERSION | headers)

    def _give_up(self, request: Request, upload: str) -> Response:
        del request
        with self._shelf.document.change() as data:
            one = data["uploads"].pop(upload, None)
            if one is None:
                return _refusal(404, "The file for this url was not found")
            if not one["whole"]:
                self._shelf.blobs.drop(upload)
        return Response(status=204, headers=_VERSION)


def _metadata(header: str) -> dict[str, str]:
    """Return the pairs of `upload-metadata`: `key base64(value)`, separated by commas."""
    pairs = (pair.strip().partition(" ") for pair in header.split(",") if pair.strip())
    return {key: base64.b64decode(value).decode() for key, _, value in pairs}


def _refusal(status: int, text: str) -> Response:
    headers = _VERSION | {"content-type": "text/plain; charset=utf-8"}
    return Response(status=status, headers=headers, body=f"{text}\n".encode())
