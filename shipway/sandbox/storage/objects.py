"""Storage's calls about objects: upload, download, list, move, copy and remove."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.storage.form import BadForm, Part, parts
from shipway.sandbox.storage.store import Refusal
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.storage.store import Shelf


class ObjectCalls:
    """The calls below `/storage/v1/object`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        root = "/storage/v1/object"
        get, post, put = "GET", "POST", "PUT"
        self.open_routes: tuple[Route, ...] = (
            route(get, f"{root}/public/{{bucket}}/{{name...}}", self._public_download),
        )
        self.routes: tuple[Route, ...] = (
            route(post, f"{root}/list/{{bucket}}", self._list),
            route(post, f"{root}/list-v2/{{bucket}}", self._list_v2),
            route(post, f"{root}/(?P<verb>move|copy)", self._move_or_copy),
            route(get, f"{root}/info/{{bucket}}/{{name...}}", self._info),
            route(get, f"{root}/authenticated/{{bucket}}/{{name...}}", self.download),
            route(get, f"{root}/{{bucket}}/{{name...}}", self.download),
            route("HEAD", f"{root}/{{bucket}}/{{name...}}", self.download),
            route(post, f"{root}/{{bucket}}/{{name...}}", self._upload),
            route(put, f"{root}/{{bucket}}/{{name...}}", self._update),
            route("DELETE", f"{root}/{{bucket}}", self._remove),
        )

    # --- contents ---

    def _upload(self, request: Request, bucket: str, name: str) -> Response:
        upsert = request.headers.get("x-upsert", "false").lower() == "true"
        return self.receive(request, bucket, name, upsert=upsert)

    def _update(self, request: Request, bucket: str, name: str) -> Response:
        with self._shelf.document.look() as data:
            self._shelf.object(data, bucket, name)
        return self.receive(request, bucket, name, upsert=True)

    def receive(self, request: Request, bucket: str, name: str, *, upsert: bool) -> Response:
        """Keep the file of an upload's form as an object."""
        fields, part = _form(request)
        about = {"content_type": part.content_type}
        if "cacheControl" in fields:
            about["cache_control"] = f"max-age={fields['cacheControl']}"
        if "metadata" in fields:
            about["metadata"] = json.loads(fields["metadata"])
        size = part.end - part.start
        kind = part.content_type
        with self._shelf.document.look() as data:
            self._shelf.check_new(data, bucket, name, size=size, kind=kind, upsert=upsert)
        blob = uuid.uuid4().hex
        # Written before the record changes: a kill in between leaves no object without content.
        self._shelf.blobs.put(blob, memoryview(request.body)[part.start : part.end])
        with self._shelf.document.change() as data:
            # Asked again: another upload may have come first meanwhile.
            self._shelf.check_new(data, bucket, name, size=size, kind=kind, upsert=upsert)
            kept = self._shelf.keep(data, bucket, name, blob=blob, about=about)
        return json_response({"Id": kept["id"], "Key": f"{bucket}/{name}"})

    def download(self, request: Request, bucket: str, name: str) -> Response:
        """Answer an object's content."""
        del request
        with self._shelf.document.look() as data:
            one = self._shelf.object(data, bucket, name)
            headers = {
                "content-type": one["content_type"],
                "cache-control": one["cache_control"],
                "etag": one["etag"],
                "accept-ranges": "bytes",
            }
        return Response(headers=headers, file=self._shelf.blobs.path(one["blob"]))

    def _public_download(self, request: Request, bucket: str, name: str) -> Response:
        with self._shelf.document.look() as data:
            if not self._shelf.bucket(data, bucket)["public"]:
                raise Refusal(404, "Bucket not found", "Bucket not found", "NoSuchBucket")
        return self.download(request, bucket, name)

    def _info(self, request: Request, bucket: str, name: str) -> Response:
        del request
        with self._shelf.document.look() as data:
            one = self._shelf.object(data, bucket, name)
        return json_response(
            {
                "id": one["id"],
                "name": one["name"],
                "version": one["blob"],
                "bucket_id": bucket,
                "size": one["size"],
                "content_type": one["content_type"],
                "cache_control": one["cache_control"],
                "etag": one["etag"],
                "metadata": one["metadata"] or {},
                "last_modified": one["updated_at"],
                "created_at": one["created_at"],
            }
        )

    # --- lists ---

    def _list(self, request: Request, bucket: str) -> Response:
        """List one folder: objects, and deeper folders as entries without an id."""
        asked = request.json()
        prefix = asked.get("prefix", "").strip("/")
        prefix = f"{prefix}/" if prefix else ""
        search = asked.get("search") or ""
        with self._shelf.document.look() as data:
            self._shelf.bucket(data, bucket)
            names = sorted(data["objects"][bucket])
            entries: dict[str, dict[str, Any]] = {}
            for name in names:
                rest = name.removeprefix(prefix)
                if not name.startswith(prefix) or not rest.startswith(search):
                    continue
                first, deeper, _ = rest.partition("/")
                entries[first] = (
                    {"name": first, "id": None, "updated_at": None, "created_at": None}
                    | {"last_accessed_at": None, "metadata": None}
                    if deeper
                    else {**_entry(data["objects"][bucket][name]), "name": first}
                )
        found = list(entries.values())
        sort = asked.get("sortBy") or {}
        column = sort.get("column", "name")
        found.sort(
            key=lambda one: str(one.get(column) or ""), reverse=sort.get("order", "asc") == "desc"
        )
        offset = int(asked.get("offset", 0))
        return json_response(found[offset : offset + int(asked.get("limit", 100))])

    def _list_v2(self, request: Request, bucket: str) -> Response:
        asked = request.json()
        prefix = asked.get("prefix") or ""
        limit = int(asked.get("limit", 1000))
        after = asked.get("cursor") or ""
        with self._shelf.document.look() as data:
            self._shelf.bucket(data, bucket)
            known = data["objects"][bucket]
            names = [name for name in sorted(known) if name.startswith(prefix) and name > after]
            folders: dict[str, dict[str, Any]] = {}
            objects = []
            for name in names[:limit]:
                first, deeper, _ = name.removeprefix(prefix).partition("/")
                if asked.get("with_delimiter") and deeper:
                    key = f"{prefix}{first}/"
                    folders[key] = {"name": key, "key": key}
                else:
                    objects.append({**_entry(known[name]), "name": name, "key": name})
        more = len(names) > limit
        answer = {"hasNext": more, "folders": list(folders.values()), "objects": objects}
        return json_response(answer | ({"nextCursor": names[limit - 1]} if more else {}))

    # --- moving and removing ---

    def _move_or_copy(self, request: Request, verb: str) -> Response:
        asked = request.json()
        bucket, old, new = asked["bucketId"], asked["sourceKey"], asked["destinationKey"]
        target = asked.get("destinationBucket") or bucket
        with self._shelf.document.change() as data:
            one = self._shelf.object(data, bucket, old)
            kind = one["content_type"]
            self._shelf.check_new(data, target, new, size=one["size"], kind=kind, upsert=False)
            if verb == "move":
                data["objects"][target][new] = data["objects"][bucket].pop(old) | {"name": new}
                return json_response({"message": "Successfully moved"})
            blob = uuid.uuid4().hex
            self._shelf.blobs.put(blob, self._shelf.blobs.path(one["blob"]).read_bytes())
            kept = self._shelf.keep(data, target, new, blob=blob, about=one)
        return json_response({"Id": kept["id"], "Key": f"{target}/{new}"})

    def _remove(self, request: Request, bucket: str) -> Response:
        names = request.json().get("prefixes", [])
        removed = []
        with self._shelf.document.change() as data:
            self._shelf.bucket(data, bucket)
            for name in names:
                one = data["objects"][bucket].pop(name, None)
                if one:
                    self._shelf.blobs.drop(one["blob"])
                    removed.append({**_entry(one), "bucket_id": bucket})
        return json_response(removed)


def _form(request: Request) -> tuple[dict[str, str], Part]:
    """Return the text fields and the file part of an upload."""
    try:
        found = parts(request.headers.get("content-type", ""), request.body)
    except BadForm:
        raise Refusal(400, "InvalidRequest", "no multipart form", "InvalidRequest") from None
    part = next((one for one in found.values() if one.filename is not None), None)
    if part is None:
        raise Refusal(400, "InvalidRequest", "no file in the form", "InvalidRequest")
    fields = {
        one.name: request.body[one.start : one.end].decode()
        for one in found.values()
        if one.filename is None
    }
    return fields, part


def _entry(one: dict[str, Any]) -> dict[str, Any]:
    """Return an object as lists show it."""
    return {
        "name": one["name"],
        "id": one["id"],
        "updated_at": one["updated_at"],
        "created_at": one["created_at"],
        "last_accessed_at": one["updated_at"],
        "metadata": {
            "eTag": one["etag"],
            "size": one["size"],
            "mimetype": one["content_type"],
            "cacheControl": one["cache_control"],
            "lastModified": one["updated_at"],
            "contentLength": one["size"],
            "httpStatusCode": 200,
        },
    }
