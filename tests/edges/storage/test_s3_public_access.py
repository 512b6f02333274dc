"""Whether a bucket is public, asked of endpoints that answer as AWS, R2, B2 and MinIO do."""

from __future__ import annotations

import os
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from shipway.edges.storage.s3 import S3
from shipway.errors import Failed, Refused
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AMAZON = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
YES = (200, f"<PolicyStatus {AMAZON}><IsPublic>true</IsPublic></PolicyStatus>")
NO = (200, f"<PolicyStatus {AMAZON}><IsPublic>false</IsPublic></PolicyStatus>")
MINIO_NO = (200, f"<PolicyStatus {AMAZON}><IsPublic>FALSE</IsPublic></PolicyStatus>")
MINIO_YES = (200, f"<PolicyStatus {AMAZON}><IsPublic>TRUE</IsPublic></PolicyStatus>")
A_LIST = (200, f"<ListBucketResult {AMAZON}><Name>b</Name></ListBucketResult>")
AN_EMPTY_ONE = (200, f"<PolicyStatus {AMAZON}/>")
A_PAGE = (200, "<!doctype html><p>Sign in<br>")
NOTHING = (200, "")
NO_POLICY = (404, "<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>")
FORBIDDEN = (403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
NOT_ALLOWED = (405, "<Error><Code>MethodNotAllowed</Code><Message>no</Message></Error>")
UNKNOWN = (501, "<Error><Code>NotImplemented</Code><Message>no</Message></Error>")
UNSIGNED_AT_R2 = (
    400,
    "<Error><Code>InvalidArgument</Code><Message>Authorization</Message></Error>",
)

POLICY_ANSWERS = [
    *(NO, MINIO_NO, A_LIST, AN_EMPTY_ONE, A_PAGE, NOTHING),
    *(NO_POLICY, FORBIDDEN, NOT_ALLOWED, UNKNOWN),
]


@dataclass(kw_only=True)
class Endpoint:
    """Keeps objects, and answers two questions as it is told."""

    policy: tuple[int, str]
    visitor: tuple[int, str] | None
    """What a request without a key gets for an object; None: the object."""
    deletes: bool = True
    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    ever: list[str] = field(default_factory=list)
    """All that was ever put there."""


class Handler(BaseHTTPRequestHandler):
    """Speaks for the endpoint that its server was given."""

    @property
    def endpoint(self) -> Endpoint:
        assert isinstance(self.server, Server)
        return self.server.endpoint

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def said(self, told: tuple[int, str]) -> None:
        self.answer(told[0], told[1].encode())

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.endpoint.objects[self.path] = body
        self.endpoint.ever.append(self.path)
        self.answer(200)

    def do_GET(self) -> None:
        found = self.endpoint.objects.get(urlsplit(self.path).path)
        if "policyStatus" in self.path:
            self.said(self.endpoint.policy)
        elif "authorization" not in self.headers and self.endpoint.visitor is not None:
            self.said(self.endpoint.visitor)
        elif found is None:
            self.answer(404)
        else:
            self.answer(200, found)

    do_HEAD = do_GET  # noqa: N815 - http.server's names

    def do_DELETE(self) -> None:
        if self.endpoint.deletes:
            self.endpoint.objects.pop(self.path, None)
        self.said((204, "") if self.endpoint.deletes else FORBIDDEN)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """One endpoint on a free port of this machine."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoint = endpoint


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[None]:
    server = Server(endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kept(endpoint: Endpoint, tmp_path: Path) -> None:
    backup = tmp_path / "dump.pgc"
    backup.write_bytes(os.urandom(100))
    with serving(endpoint):
        s3 = S3(
            bucket="b",
            endpoint=endpoint.url,
            prefix="acme",
            access_key_id="id",
            secret_access_key=Secret("the key"),
            timeout_s=10.0,
        )
        with closing(s3):
            s3.keep(backup, "dump.pgc")


@pytest.mark.parametrize("policy", POLICY_ANSWERS)
@pytest.mark.parametrize("visitor", [FORBIDDEN, (401, ""), (404, ""), UNSIGNED_AT_R2])
def test_a_bucket_that_shows_visitors_nothing_gets_the_backup(
    tmp_path: Path, policy: tuple[int, str], visitor: tuple[int, str]
) -> None:
    endpoint = Endpoint(policy=policy, visitor=visitor)

    kept(endpoint, tmp_path)

    assert list(endpoint.objects) == ["/b/acme/dump.pgc"]


@pytest.mark.parametrize("policy", [*POLICY_ANSWERS, MINIO_YES])
def test_whatever_is_said_of_policies_what_a_visitor_can_read_is_public(
    tmp_path: Path, policy: tuple[int, str]
) -> None:
    endpoint = Endpoint(policy=policy, visitor=None)

    with pytest.raises(Refused, match="The bucket b is public"):
        kept(endpoint, tmp_path)

    assert all("shipway-probe" in one for one in endpoint.ever)
    assert endpoint.objects == {}


def test_a_bucket_whose_policy_is_public_gets_not_even_a_probe(tmp_path: Path) -> None:
    endpoint = Endpoint(policy=YES, visitor=FORBIDDEN)

    with pytest.raises(Refused, match="its policy lets anyone in"):
        kept(endpoint, tmp_path)

    assert endpoint.ever == []


@pytest.mark.parametrize("visitor", [(429, ""), (302, ""), (409, ""), (418, "")])
def test_an_answer_to_a_visitor_that_is_neither_yes_nor_no_stops_the_copy(
    tmp_path: Path, visitor: tuple[int, str]
) -> None:
    endpoint = Endpoint(policy=UNKNOWN, visitor=visitor)

    with pytest.raises(Failed, match=rf"not to be found out.*{visitor[0]}"):
        kept(endpoint, tmp_path)

    assert endpoint.objects == {}


def test_a_key_that_may_not_delete_can_keep_backups_all_the_same(tmp_path: Path) -> None:
    endpoint = Endpoint(policy=NO_POLICY, visitor=FORBIDDEN, deletes=False)

    kept(endpoint, tmp_path)

    assert "/b/acme/dump.pgc" in endpoint.objects
