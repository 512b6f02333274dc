"""Storage's calls about buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shipway.sandbox.server import route
from shipway.sandbox.storage.store import Refusal, now_text
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.storage.store import Shelf

_OPTIONS = ("public", "file_size_limit", "allowed_mime_types")


class BucketCalls:
    """The calls below `/storage/v1/bucket`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        root = "/storage/v1/bucket"
        self.routes: tuple[Route, ...] = (
            route("GET", root, self._list),
            route("POST", root, self._create),
            route("GET", f"{root}/{{name}}", self._get),
            route("PUT", f"{root}/{{name}}", self._update),
            route("DELETE", f"{root}/{{name}}", self._delete),
            route("POST", f"{root}/{{name}}/empty", self._empty),
        )

    def _list(self, request: Request) -> Response:
        del request
        with self._shelf.document.look() as data:
            return json_response(list(data["buckets"].values()))

    def _get(self, request: Request, name: str) -> Response:
        del request
        with self._shelf.document.look() as data:
            return json_response(self._shelf.bucket(data, name))

    def _create(self, request: Request) -> Response:
        asked = request.json()
        name = asked.get("id") or asked.get("name")
        if not isinstance(name, str) or not name:
            raise Refusal(400, "InvalidRequest", "name is missing", "InvalidRequest")
        with self._shelf.document.change() as data:
            if name in data["buckets"]:
                message = "The resource already exists"
                raise Refusal(409, "Duplicate", message, "BucketAlreadyExists")
            at = now_text()
            bucket: dict[str, Any] = {
                "id": name,
                "name": asked.get("name", name),
                "owner": "",
                "public": False,
                "created_at": at,
                "updated_at": at,
                "file_size_limit": None,
                "allowed_mime_types": None,
            }
            data["buckets"][name] = bucket | {
                key: asked[key] for key in _OPTIONS if asked.get(key) is not None
            }
            data["objects"][name] = {}
        return json_response({"name": name})

    def _update(self, request: Request, name: str) -> Response:
        asked = request.json()
        with self._shelf.document.change() as data:
            bucket = self._shelf.bucket(data, name)
            bucket |= {key: asked[key] for key in _OPTIONS if key in asked}
            bucket["updated_at"] = now_text()
        return json_response({"message": "Successfully updated"})

    def _empty(self, request: Request, name: str) -> Response:
        del request
        with self._shelf.document.change() as data:
            self._shelf.bucket(data, name)
            for one in data["objects"][name].values():
                self._shelf.blobs.drop(one["blob"])
            data["objects"][name] = {}
        return json_response({"message": "Successfully emptied"})

    def _delete(self, request: Request, name: str) -> Response:
        del request
        with self._shelf.document.change() as data:
            self._shelf.bucket(data, name)
            if data["objects"][name]:
                message = "The bucket you tried to delete is not empty"
                raise Refusal(409, "ResourceNotEmpty", message, "BucketNotEmpty")
            del data["buckets"][name], data["objects"][name]
        return json_response({"message": "Successfully deleted"})
