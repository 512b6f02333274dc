"""Fetching pages as a visitor does, from a real server."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.edges.web.visitor import Web
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator


class Site(BaseHTTPRequestHandler):
    """A site with one door for each case."""

    protocol_version = "HTTP/1.1"
    seen: dict[str, dict[str, str]]

    def do_GET(self) -> None:
        self.seen[self.path] = {name.lower(): value for name, value in self.headers.items()}
        match self.path:
            case "/moved":
                self.answer(302, b"", Location="/page")
            case "/slow":
                time.sleep(1)
            case "/drip":
                self.send_response(200)
                self.end_headers()
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            case "/big":
                self.answer(200, b"a" * 2_000_000)
            case "/latin":
                self.answer(200, b"caf\xe9")
            case _:
                self.answer(200, b"<h1>Hello</h1>")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    Site.seen = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def web() -> Iterator[Web]:
    with Web(clock=SystemClock(), timeout_s=0.5) as one:
        yield one


def test_a_page_comes_with_status_headers_body_and_duration(site: str, web: Web) -> None:
    page = web.get(site + "/page")
    assert (page.status, page.body, page.body_bytes) == (200, "<h1>Hello</h1>", 14)
    assert page.headers["content-length"] == "14"
    assert 0 < page.duration_ms < 500
    assert page.failure == ""


def test_a_redirect_is_shown_and_not_followed(site: str, web: Web) -> None:
    page = web.get(site + "/moved")
    assert (page.status, page.headers["location"]) == (302, "/page")


def test_a_large_body_is_counted_and_its_beginning_kept(site: str, web: Web) -> None:
    page = web.get(site + "/big")
    assert page.body_bytes == 2_000_000
    assert len(page.body) == 512 * 1024


def test_a_body_in_another_encoding_does_not_raise(site: str, web: Web) -> None:
    assert web.get(site + "/latin").body == "caf\ufffd"


@pytest.mark.parametrize(
    ("path", "words"), [("/slow", "no answer within 0.5 s"), ("/drip", "not complete within 0.5 s")]
)
def test_a_page_that_takes_too_long_is_no_answer(
    site: str, web: Web, path: str, words: str
) -> None:
    page = web.get(site + path)
    assert (page.status, page.failure) == (None, words)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://[bad", "nonsense", "http://"])
def test_an_address_without_a_page_is_no_answer(web: Web, url: str) -> None:
    page = web.get(url)
    assert page.status is None
    assert page.failure


def test_the_bypass_secret_and_given_headers_are_sent(site: str) -> None:
    with Web(clock=SystemClock(), timeout_s=5, bypass=Secret("let-me-in")) as web:
        web.get(site + "/protected", {"Accept-Language": "de"})
    assert Site.seen["/protected"]["x-vercel-protection-bypass"] == "let-me-in"
    assert Site.seen["/protected"]["accept-language"] == "de"


def test_without_a_secret_no_bypass_header_is_sent(site: str, web: Web) -> None:
    web.get(site + "/open")
    assert "x-vercel-protection-bypass" not in Site.seen["/open"]
