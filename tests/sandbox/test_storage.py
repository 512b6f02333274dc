"""The Supabase stand-in: Storage, driven by the real supabase-py, and TUS by hand."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING

import httpx
import pytest
from storage3.exceptions import StorageApiError
from supabase import ClientOptions, create_client

from tests.sandbox.conftest import NO_TLS, visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage3 import SyncStorageClient

    from shipway.sandbox.control import Control
    from tests.sandbox.conftest import Standins

MB = 1024 * 1024


@pytest.fixture
def storage(running: Standins, supabase_control: Control) -> Iterator[SyncStorageClient]:
    """Storage of the project in its first state, as supabase-py gives it."""
    del supabase_control
    facts = running.facts
    with httpx.Client(trust_env=False, timeout=20, verify=NO_TLS) as http:
        options = ClientOptions(httpx_client=http)
        yield create_client(facts["supabase_url"], facts["supabase_secret_key"], options).storage


def test_a_bucket_is_made_shown_changed_and_deleted(storage: SyncStorageClient) -> None:
    assert storage.list_buckets() == []
    storage.create_bucket("backups", options={"public": False, "file_size_limit": 5 * MB})
    bucket = storage.get_bucket("backups")
    assert (bucket.name, bucket.public, bucket.file_size_limit) == ("backups", False, 5 * MB)
    storage.update_bucket("backups", {"public": True})
    assert [one.public for one in storage.list_buckets()] == [True]
    storage.from_("backups").upload("a.txt", b"a")
    with pytest.raises(StorageApiError) as full:
        storage.delete_bucket("backups")
    assert (full.value.status, full.value.code) == ("409", "ResourceNotEmpty")
    storage.empty_bucket("backups")
    storage.delete_bucket("backups")
    with pytest.raises(StorageApiError) as gone:
        storage.get_bucket("backups")
    assert (gone.value.status, gone.value.code) == ("404", "Bucket not found")


def test_a_second_bucket_of_one_name_is_a_duplicate(storage: SyncStorageClient) -> None:
    storage.create_bucket("backups")
    with pytest.raises(StorageApiError) as duplicate:
        storage.create_bucket("backups")
    assert (duplicate.value.status, duplicate.value.code) == ("409", "Duplicate")


def test_errors_come_as_http_400_with_the_true_status_inside(
    running: Standins, storage: SyncStorageClient
) -> None:
    del storage
    url = f"{running.facts['supabase_url']}/storage/v1/bucket/none"
    answer = visit(url, headers=running.storage_headers)
    assert answer.status_code == 400
    assert answer.json() == {
        "statusCode": "404",
        "error": "Bucket not found",
        "message": "Bucket not found",
        "code": "NoSuchBucket",
    }


def test_a_wrong_key_is_unauthorized(running: Standins, storage: SyncStorageClient) -> None:
    del storage
    with httpx.Client(trust_env=False, verify=NO_TLS) as http:
        options = ClientOptions(httpx_client=http)
        wrong = create_client(running.facts["supabase_url"], "sb_secret_wrong", options).storage
        with pytest.raises(StorageApiError) as refused:
            wrong.list_buckets()
    assert (refused.value.status, refused.value.code) == ("403", "Unauthorized")


def test_bytes_a_stream_and_a_path_are_uploaded_and_come_back(
    storage: SyncStorageClient, tmp_path: Path
) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    big = os.urandom(3 * MB) + b"\r\n--boundary-like\r\n" + os.urandom(1000)
    path = tmp_path / "dump.bin"
    path.write_bytes(big)
    assert files.upload("in/bytes.txt", b"bytes").full_path == "backups/in/bytes.txt"
    with path.open("rb") as stream:
        files.upload("in/stream.bin", stream, {"content-type": "application/octet-stream"})
    files.upload("in/path.bin", path)
    files.upload("empty", b"")
    assert files.download("in/bytes.txt") == b"bytes"
    assert files.download("in/stream.bin") == big
    assert files.download("in/path.bin") == big
    assert files.download("empty") == b""


def test_an_object_is_not_replaced_unless_asked(storage: SyncStorageClient) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    files.upload("a.txt", b"first")
    with pytest.raises(StorageApiError) as duplicate:
        files.upload("a.txt", b"second")
    assert (duplicate.value.status, duplicate.value.code) == ("409", "Duplicate")
    assert files.download("a.txt") == b"first"
    files.upload("a.txt", b"third", {"upsert": "true"})
    assert files.download("a.txt") == b"third"
    files.update("a.txt", b"fourth")
    assert files.download("a.txt") == b"fourth"
    with pytest.raises(StorageApiError) as missing:
        files.update("b.txt", b"")
    assert missing.value.status == "404"


def test_info_and_exists_tell_a_missing_object_from_a_missing_bucket(
    storage: SyncStorageClient,
) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    files.upload("a b.json", b"{}", {"content-type": "application/json", "metadata": {"k": "v"}})
    info = files.info("a b.json")
    assert (info["size"], info["content_type"]) == (2, "application/json")
    assert info["metadata"] == {"k": "v"}
    assert files.exists("a b.json") is True
    assert files.exists("c.json") is False
    with pytest.raises(StorageApiError):
        storage.from_("none").exists("a")


def test_limits_of_a_bucket_are_kept(storage: SyncStorageClient, supabase_control: Control) -> None:
    storage.create_bucket(
        "small", options={"file_size_limit": 10, "allowed_mime_types": ["text/*"]}
    )
    files = storage.from_("small")
    files.upload("fits.txt", b"x" * 10, {"content-type": "text/plain"})
    with pytest.raises(StorageApiError) as large:
        files.upload("large.txt", b"x" * 11, {"content-type": "text/plain"})
    assert (large.value.status, large.value.code) == ("413", "Payload too large")
    with pytest.raises(StorageApiError) as image:
        files.upload("image.png", b"x", {"content-type": "image/png"})
    assert (image.value.status, image.value.code) == ("415", "invalid_mime_type")
    supabase_control.settings(file_size_limit=5)
    with pytest.raises(StorageApiError) as overall:
        files.upload("six.txt", b"x" * 6, {"content-type": "text/plain"})
    assert overall.value.status == "413"
    assert [one["name"] for one in files.list()] == ["fits.txt"]


def test_lists_show_folders_search_sort_and_pages(storage: SyncStorageClient) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    for name in ("b.txt", "a.txt", "day/one.txt", "day/two.txt"):
        files.upload(name, b"x")
    listed = files.list()
    assert [(one["name"], one["id"] is None) for one in listed] == [
        ("a.txt", False),
        ("b.txt", False),
        ("day", True),
    ]
    assert listed[0]["metadata"]["size"] == 1
    assert [one["name"] for one in files.list("day")] == ["one.txt", "two.txt"]
    second = files.list(
        "day", {"sortBy": {"column": "name", "order": "desc"}, "limit": 1, "offset": 1}
    )
    assert [one["name"] for one in second] == ["one.txt"]
    assert [one["name"] for one in files.list("day", {"search": "tw"})] == ["two.txt"]
    flat = files.list_v2({"limit": 3})
    assert [one.name for one in flat.objects] == ["a.txt", "b.txt", "day/one.txt"]
    rest = files.list_v2({"limit": 3, "cursor": flat.nextCursor or ""})
    assert ([one.name for one in rest.objects], rest.hasNext) == (["day/two.txt"], False)
    folders = files.list_v2({"with_delimiter": True})
    assert [one.name for one in folders.folders] == ["day/"]


def test_signed_urls_work_without_a_key_and_only_for_their_object_and_time(
    storage: SyncStorageClient,
) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    files.upload("day/a.txt", b"signed")
    files.upload("b.txt", b"other")
    url = str(files.create_signed_url("day/a.txt", 60)["signedURL"])
    with httpx.Client(trust_env=False, verify=NO_TLS) as visitor:
        assert visitor.get(url).content == b"signed"
        assert visitor.get(url.replace("day/a.txt", "b.txt")).status_code == 400
        assert visitor.get(url + "x").status_code == 400
        over = str(files.create_signed_url("b.txt", 0)["signedURL"])
        assert visitor.get(over).status_code == 400
    many = files.create_signed_urls(["b.txt", "none.txt"], 60)
    assert [one["error"] is None for one in many] == [True, False]
    upload = files.create_signed_upload_url("c.txt")
    files.upload_to_signed_url("c.txt", upload["token"], b"by url")
    assert files.download("c.txt") == b"by url"


def test_objects_are_moved_copied_and_removed(storage: SyncStorageClient) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    files.upload("a.txt", b"a")
    files.move("a.txt", "moved/a.txt")
    files.copy("moved/a.txt", "copied.txt")
    assert files.exists("a.txt") is False
    assert files.download("copied.txt") == files.download("moved/a.txt") == b"a"
    removed = files.remove(["copied.txt", "none.txt"])
    assert [one["name"] for one in removed] == ["copied.txt"]
    assert files.download("moved/a.txt") == b"a"


class Upload:
    """A resumable upload, sent by hand: supabase-py has none."""

    def __init__(self, standins: Standins, name: str, length: int) -> None:
        pairs = {"bucketName": "backups", "objectName": name, "contentType": "application/x-dump"}
        encoded = (
            f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in pairs.items()
        )
        self.headers = standins.storage_headers | {"tus-resumable": "1.0.0"}
        self.client = httpx.Client(trust_env=False, verify=NO_TLS)
        self.created = self.client.post(
            f"{standins.facts['supabase_url']}/storage/v1/upload/resumable",
            headers=self.headers
            | {"upload-length": str(length), "upload-metadata": ",".join(encoded)},
        )
        self.location = self.created.headers.get("location", "")

    def send(self, offset: int, chunk: bytes) -> httpx.Response:
        headers = {"content-type": "application/offset+octet-stream", "upload-offset": str(offset)}
        return self.client.patch(self.location, headers=self.headers | headers, content=chunk)

    def offset(self) -> int:
        return int(self.client.head(self.location, headers=self.headers).headers["upload-offset"])


def test_a_resumable_upload_goes_on_where_it_stood(
    running: Standins, storage: SyncStorageClient
) -> None:
    storage.create_bucket("backups")
    content = os.urandom(13 * MB)
    upload = Upload(running, "dump.bin", len(content))
    assert upload.created.status_code == 201
    assert upload.send(0, content[: 6 * MB]).headers["upload-offset"] == str(6 * MB)
    assert upload.send(0, content[: 6 * MB]).status_code == 409
    assert upload.send(6 * MB, content[6 * MB : 7 * MB]).status_code == 400
    assert upload.offset() == 6 * MB
    assert storage.from_("backups").exists("dump.bin") is False
    source = io.BytesIO(content)
    while (at := upload.offset()) < 12 * MB:
        source.seek(at)
        assert upload.send(at, source.read(6 * MB)).status_code == 204
    assert upload.send(12 * MB, content[12 * MB :]).headers["upload-offset"] == str(13 * MB)
    upload.client.close()
    assert storage.from_("backups").download("dump.bin") == content
    assert storage.from_("backups").info("dump.bin")["content_type"] == "application/x-dump"


def test_a_resumable_upload_whose_last_answer_is_lost_is_whole_all_the_same(
    running: Standins, storage: SyncStorageClient, supabase_control: Control
) -> None:
    storage.create_bucket("backups")
    upload = Upload(running, "dump.bin", 5)
    supabase_control.fault("reset_after", method="PATCH")
    with pytest.raises(httpx.ReadError):
        upload.send(0, b"whole")
    assert upload.offset() == 5
    upload.client.close()
    assert storage.from_("backups").download("dump.bin") == b"whole"


def test_an_upload_can_be_corrupted_or_lost_in_silence(
    storage: SyncStorageClient, supabase_control: Control
) -> None:
    storage.create_bucket("backups")
    files = storage.from_("backups")
    supabase_control.fault("corrupt", on="store", path="^backups/a$")
    supabase_control.fault("lost", on="store", path="^backups/b$")
    for name in ("a", "b", "c"):
        assert files.upload(name, b"12345").full_path == f"backups/{name}"
    assert files.download("a") == b"12\xcc45"
    assert files.exists("b") is False
    assert files.download("c") == b"12345"


def test_a_download_can_end_in_the_middle(
    storage: SyncStorageClient, supabase_control: Control
) -> None:
    storage.create_bucket("backups")
    storage.from_("backups").upload("a", b"x" * 100_000)
    supabase_control.fault("truncated", method="GET", path="/object/backups/a")
    with pytest.raises(httpx.RemoteProtocolError, match="received 50000 bytes"):
        storage.from_("backups").download("a")


def test_a_resumable_upload_above_the_limit_is_refused_when_it_is_created(
    running: Standins, storage: SyncStorageClient
) -> None:
    storage.create_bucket("backups", options={"file_size_limit": MB})
    upload = Upload(running, "dump.bin", MB + 1)
    upload.client.close()
    assert upload.created.status_code == 413
