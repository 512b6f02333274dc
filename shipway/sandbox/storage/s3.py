"""Storage's S3 endpoint: objects at once or in parts, signed by AWS Signature Version 4."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from shipway.sandbox.server import route
from shipway.sandbox.storage.store import Refusal
from shipway.sandbox.wire import Response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.storage.store import Shelf
    from shipway.sandbox.wire import Request

__all__ = ["ROOT", "S3Calls", "s3_keys"]

ROOT = "/storage/v1/s3"
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_SMALLEST_PART_BYTES = 5 * 1024 * 1024
_PART = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_ETAG = re.compile(rb"<ETag>(?:&quot;|\")?([0-9a-f]+)(?:&quot;|\")?</ETag>")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>(?P<day>\d{8})/(?P<region>[^/]+)/s3/"
    r"aws4_request), SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def s3_keys(secret_key: str) -> tuple[str, str]:
    """Return the access key's id and secret, as the dashboard makes them: hexadecimal."""
    key_id = hashlib.sha256(f"id of {secret_key}".encode()).hexdigest()[:32]
    return key_id, hashlib.sha256(f"key of {secret_key}".encode()).hexdigest()


class _WrongError(Exception):
    """An error of S3's own form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class S3Calls:
    """The calls below `/storage/v1/s3`, path style.

    Args:
        shelf: what keeps buckets and objects; the same as for Storage's other calls.
        keys: id and secret of the one access key.
    """

    def __init__(self, shelf: Shelf, keys: tuple[str, str]) -> None:
        self._shelf = shelf
        self._keys = keys
        one = f"{ROOT}/{{bucket}}/{{name...}}"
        self._routes: tuple[Route, ...] = (
            route("GET", f"{ROOT}/{{bucket}}", self._list),
            route("PUT", one, self._put),
            route("POST", one, self._multipart),
            route("GET", one, self._get),
            route("HEAD", one, self._get),
            route("DELETE", one, self._delete),
        )

    def respond(self, request: Request) -> Response:
        """Answer a call; an error has the form of S3's."""
        try:
            self._check_signature(request)
            for one in self._routes:
                found = one.path.fullmatch(request.path)
                if found and one.method == request.method:
                    return one.answer(request, **found.groupdict())
            return Response(status=404)
        except _WrongError as wrong:
            return _error(request, wrong.status, wrong.code, str(wrong))
        except Refusal as refusal:
            return _error(request, refusal.status, refusal.code, refusal.message)

    # --- what is asked ---

    def _list(self, request: Request, bucket: str) -> Response:
        """List the objects, which is also the answer to what the real server does not know.

        It looks for routes by the queries that it knows, and `policyStatus` or `acl` are none.
        """
        with self._shelf.document.look() as data:
            self._shelf.bucket(data, bucket)
            known = sorted(data["objects"][bucket].items())
        prefix = request.first("prefix")
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{one['size']}</Size></Contents>"
            for name, one in known
            if name.startswith(prefix)
        )
        return _xml("ListBucketResult", f"<Name>{escape(bucket)}</Name>{found}")

    def _get(self, request: Request, bucket: str, name: str) -> Response:
        del request
        with self._shelf.document.look() as data:
            one = self._shelf.object(data, bucket, name)
        headers = {"content-type": one["content_type"], "etag": one["etag"]}
        return Response(headers=headers, file=self._shelf.blobs.path(one["blob"]))

    def _put(self, request: Request, bucket: str, name: str) -> Response:
        if "uploadId" in request.query:
            return self._put_part(request)
        blob = uuid.uuid4().hex
        self._check_new(bucket, name, len(request.body))
        self._shelf.blobs.put(blob, memoryview(request.body))
        with self._shelf.document.change() as data:
            kept = self._shelf.keep(data, bucket, name, blob=blob, about={})
        return Response(headers={"etag": kept["etag"]})

    def _check_new(self, bucket: str, name: str, size: int) -> None:
        kind = "application/octet-stream"
        with self._shelf.document.look() as data:
            self._shelf.check_new(data, bucket, name, size=size, kind=kind, upsert=True)

    # --- in parts ---

    def _multipart(self, request: Request, bucket: str, name: str) -> Response:
        if "uploads" in request.query:
            self._check_new(bucket, name, 0)
            upload = uuid.uuid4().hex
            with self._shelf.document.change() as data:
                data["parts"][upload] = {"bucket": bucket, "name": name, "parts": {}}
            told = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(name)}</Key>"
            return _xml("InitiateMultipartUploadResult", f"{told}<UploadId>{upload}</UploadId>")
        return self._complete(request, bucket, name)

    def _upload(self, data: dict[str, Any], request: Request) -> dict[str, Any]:
        found: dict[str, Any] | None = data["parts"].get(request.first("uploadId"))
        if found is None:
            raise _WrongError(404, "NoSuchUpload", "The specified upload does not exist")
        return found

    def _put_part(self, request: Request) -> Response:
        number = request.first("partNumber")
        etag = hashlib.md5(request.body[:], usedforsecurity=False).hexdigest()
        blob = f"part-{request.first('uploadId')}-{number}"
        with self._shelf.document.change() as data:
            upload = self._upload(data, request)
            self._shelf.blobs.put(blob, memoryview(request.body))
            upload["parts"][number] = {"etag": etag, "blob": blob, "size": len(request.body)}
        return Response(headers={"etag": f'"{etag}"'})

    def _complete(self, request: Request, bucket: str, name: str) -> Response:
        body = request.body[:]
        wanted = list(zip(_PART.findall(body), _ETAG.findall(body), strict=True))
        blob = uuid.uuid4().hex
        with self._shelf.document.change() as data:
            parts = self._upload(data, request)["parts"]
            chosen = [parts.get(number.decode()) for number, _ in wanted]
            if not chosen or any(
                part is None or part["etag"] != etag.decode()
                for part, (_, etag) in zip(chosen, wanted, strict=True)
            ):
                raise _WrongError(400, "InvalidPart", "One of the specified parts is not there")
            if any(part["size"] < _SMALLEST_PART_BYTES for part in chosen[:-1]):
                raise _WrongError(400, "EntityTooSmall", "A part is smaller than allowed")
            size = sum(part["size"] for part in chosen)
            self._check_new(bucket, name, size)
            with self._shelf.blobs.path(blob).open("wb") as whole:
                for part in chosen:
                    whole.write(self._shelf.blobs.path(part["blob"]).read_bytes())
            kept = self._shelf.keep(data, bucket, name, blob=blob, about={})
            self._forget(data, request)
        told = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(name)}</Key>"
        return _xml("CompleteMultipartUploadResult", f"{told}<ETag>{escape(kept['etag'])}</ETag>")

    def _delete(self, request: Request, bucket: str, name: str) -> Response:
        """Delete an object, missing or not, or what was sent of one in parts."""
        with self._shelf.document.change() as data:
            if "uploadId" in request.query:
                self._upload(data, request)
                self._forget(data, request)
            else:
                self._shelf.bucket(data, bucket)
                one = data["objects"][bucket].pop(name, None)
                if one:
                    self._shelf.blobs.drop(one["blob"])
        return Response(status=204)

    def _forget(self, data: dict[str, Any], request: Request) -> None:
        for part in data["parts"].pop(request.first("uploadId"))["parts"].values():
            self._shelf.blobs.drop(part["blob"])

    # --- who asks ---

    def _check_signature(self, request: Request) -> None:
        """Hold the request against its signature, over all that it covers."""
        signed = _SIGNED.fullmatch(request.headers.get("authorization", ""))
        if signed is None:
            raise _WrongError(403, "AccessDenied", "Missing signature")
        key_id, secret = self._keys
        if signed["key"] != key_id:
            raise _WrongError(403, "AccessDenied", "Invalid Access Key")
        told = request.headers.get("x-amz-content-sha256", "")
        if told != "UNSIGNED-PAYLOAD" and told != hashlib.sha256(request.body[:]).hexdigest():
            raise _WrongError(400, "XAmzContentSHA256Mismatch", "The payload is another")
        to_sign = "\n".join(
            (
                "AWS4-HMAC-SHA256",
                request.headers.get("x-amz-date", ""),
                signed["scope"],
                hashlib.sha256(_canonical(request, signed["headers"], told).encode()).hexdigest(),
            )
        )
        key = f"AWS4{secret}".encode()
        for piece in (signed["day"], signed["region"], "s3", "aws4_request", to_sign):
            key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(key.hex(), signed["signature"]):
            raise _WrongError(
                403, "SignatureDoesNotMatch", "The request signature we calculated does not match"
            )


def _canonical(request: Request, headers: str, payload: str) -> str:
    """Return the request in the form that its signature covers."""
    query = sorted(
        (quote(k, safe=""), quote(v, safe="")) for k, vs in request.query.items() for v in vs
    )
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{request.headers.get(name, '').strip()}" for name in headers.split(";")),
            "",
            headers,
            payload,
        )
    )


def _xml(kind: str, inside: str, status: int = 200) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="{_NAMESPACE}">{inside}</{kind}>'
    headers = {"content-type": "application/xml"}
    return Response(status=status, headers=headers, body=body.encode())


def _error(request: Request, status: int, code: str, message: str) -> Response:
    resource = request.path.removeprefix(f"{ROOT}/")
    told = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    return _xml("Error", f"<Resource>{escape(resource)}</Resource>{told}", status)
