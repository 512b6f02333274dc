"""What Storage keeps: buckets and objects as records, contents as blobs, and its errors."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shipway.sandbox.wire import Response, json_response

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.sandbox.faults import FaultBook
    from shipway.sandbox.state import Blobs, Document

FRESH: dict[str, Any] = {"buckets": {}, "objects": {}, "uploads": {}, "tokens": {}, "parts": {}}
_NAME = re.compile(r"[A-Za-z0-9_\-.',!*&$@=;:+?/() ]+\Z")


class Refusal(Exception):  # noqa: N818 - it says what Storage did
    """Storage's error: nearly always HTTP 400, with the true status inside the body."""

    def __init__(self, status: int, error: str, message: str, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.code = code

    def response(self) -> Response:
        """Return it in the form of the wire."""
        body = {
            "statusCode": str(self.status),
            "error": self.error,
            "message": self.message,
            "code": self.code,
        }
        return json_response(body, 400)


def no_bucket() -> Refusal:
    """Return the error about a bucket that is not there."""
    return Refusal(404, "Bucket not found", "Bucket not found", "NoSuchBucket")


def no_object() -> Refusal:
    """Return the error about an object that is not there."""
    return Refusal(404, "not_found", "Object not found", "NoSuchKey")


def too_large() -> Refusal:
    """Return the error about a content above the limit."""
    message = "The object exceeded the maximum allowed size"
    return Refusal(413, "Payload too large", message, "EntityTooLarge")


def now_text() -> str:
    """Return the time as Storage writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Shelf:
    """Buckets and their objects."""

    def __init__(
        self, *, document: Document, blobs: Blobs, settings: Document, faults: FaultBook
    ) -> None:
        self._faults = faults
        self.document = document
        self.blobs = blobs
        self._settings = settings

    def limit_bytes(self, bucket: dict[str, Any]) -> int:
        """Return the largest content that the bucket takes."""
        with self._settings.look() as settings:
            overall = int(settings["file_size_limit"])
        own = bucket["file_size_limit"]
        return overall if own is None else min(overall, own)

    def bucket(self, data: dict[str, Any], name: str) -> dict[str, Any]:
        """Return a bucket's record.

        Raises:
            Refusal: there is none.
        """
        if name not in data["buckets"]:
            raise no_bucket()
        found: dict[str, Any] = data["buckets"][name]
        return found

    def object(self, data: dict[str, Any], bucket: str, name: str) -> dict[str, Any]:
        """Return an object's record.

        Raises:
            Refusal: there is none, or no such bucket.
        """
        self.bucket(data, bucket)
        found: dict[str, Any] | None = data["objects"][bucket].get(name)
        if found is None:
            raise no_object()
        return found

    def check_new(  # noqa: PLR0913 - what an upload says about itself
        self, data: dict[str, Any], bucket: str, name: str, *, size: int, kind: str, upsert: bool
    ) -> None:
        """Refuse an upload that the bucket does not take.

        Raises:
            Refusal: name, size or type do not fit, or the object is there and must stay.
        """
        record = self.bucket(data, bucket)
        if not _NAME.match(name):
            raise Refusal(400, "InvalidKey", f"Invalid key: {name}", "InvalidKey")
        if size > self.limit_bytes(record):
            raise too_large()
        allowed = record["allowed_mime_types"]
        plain = kind.split(";", maxsplit=1)[0].strip()
        if allowed and not {plain, plain.split("/")[0] + "/*"} & set(allowed):
            message = f"mime type {plain} is not supported"
            raise Refusal(415, "invalid_mime_type", message, "InvalidMimeType")
        if name in data["objects"][bucket] and not upsert:
            message = "The resource already exists"
            raise Refusal(409, "Duplicate", message, "ResourceAlreadyExists")

    def keep(
        self, data: dict[str, Any], bucket: str, name: str, *, blob: str, about: dict[str, Any]
    ) -> dict[str, Any]:
        """Make a stored blob the content of an object, replacing an older content."""
        objects: dict[str, Any] = data["objects"][bucket]
        old = objects.get(name)
        at = now_text()
        path = self.blobs.path(blob)
        fault = self._faults.take("store", path=f"{bucket}/{name}")
        if fault and fault["what"] == "corrupt":
            _corrupt(path)
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
        kept = {
            "id": old["id"] if old else str(uuid.uuid4()),
            "name": name,
            "blob": blob,
            "size": path.stat().st_size,
            "etag": f'"{digest.hexdigest()}"',
            "created_at": old["created_at"] if old else at,
            "updated_at": at,
            "content_type": about.get("content_type", "application/octet-stream"),
            "cache_control": about.get("cache_control", "no-cache"),
            "metadata": about.get("metadata"),
        }
        if fault and fault["what"] == "lost":
            self.blobs.drop(blob)
            return kept
        objects[name] = kept
        if old:
            self.blobs.drop(old["blob"])
        return dict(kept)


def _corrupt(path: Path) -> None:
    """Turn around the byte in the middle of a file; an empty one stays as it is."""
    size = path.stat().st_size
    if size:
        with path.open("r+b") as content:
            content.seek(size // 2)
            byte = content.read(1)[0]
            content.seek(size // 2)
            content.write(bytes([byte ^ 0xFF]))
