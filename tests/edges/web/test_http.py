"""The rules of the API client, against a real HTTP server that misbehaves as told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shipway.edges.web.http import Api, NoAnswer
from shipway.errors import Misconfigured
from shipway.values.basics import Secret

TOKEN = "tok_never_shown_5f1c"

Answer = Callable[[BaseHTTPRequestHandler], None]


class HurriedClock:
    """Real time, but pauses are only noted."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Server:
    """Plays one prepared answer per request; the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append((self.command, self.path, headers, body))
                one = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                one(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def plain(status: int, body: object = None, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def cut_before_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_within_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"half": "a bo')
    handler.wfile.flush()
    cut_before_answer(handler)


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
def api(server: Server, clock: HurriedClock) -> Iterator[Api]:
    with Api(
        name="Vercel",
        base_url=server.url + "/",
        setting="VERCEL_API_URL",
        token=Secret(TOKEN),
        clock=clock,
    ) as one:
        yield one


def test_the_token_travels_as_a_bearer_token_and_params_that_are_none_are_left_out(
    server: Server, api: Api
) -> None:
    server.answers = [plain(200, {"a": 1})]
    answer = api.get("/v9/projects/x", teamId="team_1", slug=None)
    assert answer.object == {"a": 1}
    method, path, headers, _ = server.seen[0]
    assert (method, path) == ("GET", "/v9/projects/x?teamId=team_1")
    assert headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("first", [plain(503), plain(500), cut_before_answer, cut_within_body])
def test_what_is_safe_to_repeat_is_repeated(
    server: Server, api: Api, method: str, first: Answer
) -> None:
    server.answers = [first, plain(200, {"ok": True})]
    assert api.request(method, "/x").object == {"ok": True}
    assert len(server.seen) == 2


def test_a_post_that_may_have_arrived_is_never_sent_twice(server: Server, api: Api) -> None:
    server.answers = [cut_before_answer, plain(201)]
    with pytest.raises(NoAnswer) as caught:
        api.request("POST", "/promote", json_body={})
    assert caught.value.sent
    assert len(server.seen) == 1


def test_a_post_that_meets_a_server_fault_is_answered_with_that_fault(
    server: Server, api: Api
) -> None:
    server.answers = [plain(500, {"error": {"code": "internal", "message": "Sorry"}}), plain(201)]
    answer = api.request("POST", "/promote", json_body={})
    assert (answer.status, str(answer)) == (500, "500 internal: Sorry")
    assert len(server.seen) == 1


def test_a_post_whose_answer_breaks_off_keeps_its_status(server: Server, api: Api) -> None:
    server.answers = [cut_within_body]
    answer = api.request("POST", "/x", json_body={})
    assert (answer.status, answer.complete, answer.json) == (200, False, None)
    assert len(server.seen) == 1


def test_nothing_was_sent_when_the_connection_is_refused(clock: HurriedClock) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        api = Api(name="Vercel", base_url=url, setting="S", token=Secret(TOKEN), clock=clock)
        with pytest.raises(NoAnswer) as caught:
            api.request("POST", "/x", json_body={})
        api.close()
    assert not caught.value.sent
    assert len(clock.pauses) == 3
    assert url in caught.value.what


def test_a_busy_server_is_waited_for_as_long_as_it_asks(
    server: Server, api: Api, clock: HurriedClock
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    server.answers = [
        plain(429, Retry_After="7"),
        plain(429, Retry_After=later),
        plain(429, Retry_After="86400"),
        plain(200, {"done": True}),
    ]
    assert api.request("POST", "/x", json_body={}).object == {"done": True}
    assert clock.pauses[0] == 7
    assert 15 < clock.pauses[1] <= 20
    assert clock.pauses[2] == 60


@pytest.mark.parametrize("asked", ["soon", "-5", "nan", "", "Wed, 99 Foo 2026 00:00:00 GMT"])
def test_a_senseless_retry_after_does_no_harm(
    server: Server, api: Api, clock: HurriedClock, asked: str
) -> None:
    server.answers = [plain(429, Retry_After=asked), plain(200, {})]
    assert api.get("/x").ok
    assert 0 <= clock.pauses[0] < 1


def test_a_server_that_stays_busy_is_answered_with_its_429(server: Server, api: Api) -> None:
    server.answers = [plain(429, {"error": {"code": "rate_limited", "message": "Slow down"}})]
    assert str(api.get("/x")) == "429 rate_limited: Slow down"
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    "body", [b"<html>oops</html>", b"\xff\xfe{", b"[" * 100_000, b"", b'{"a":', b"null", b"[1]"]
)
def test_no_body_raises(server: Server, api: Api, body: bytes) -> None:
    server.answers = [plain(400, body)]
    answer = api.get("/x")
    assert answer.object == {}
    assert answer.code == ""
    assert answer.message


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"error": {"code": "forbidden", "message": "No."}}, "403 forbidden: No."),
        ({"message": "Bad ref"}, "403: Bad ref"),
        ({"code": "PGRST1", "msg": "hm"}, "403 PGRST1: hm"),
        ({"error": "plain"}, "403: plain"),
        ({"error": {"code": 7, "message": None}}, '403: {"error": {"code": 7, "message": null}}'),
    ],
)
def test_the_apis_own_message_is_found(server: Server, api: Api, body: object, shown: str) -> None:
    server.answers = [plain(403, body)]
    assert str(api.get("/x")) == shown


def test_a_token_that_comes_back_in_a_body_is_hidden(server: Server, api: Api) -> None:
    server.answers = [plain(401, f"token {TOKEN} is not known".encode())]
    assert str(api.get("/x")) == "401: token (hidden) is not known"


def test_a_redirect_is_an_answer_and_not_followed(server: Server, api: Api) -> None:
    server.answers = [plain(302, b"", Location="http://127.0.0.1:1/steal")]
    assert api.get("/x").status == 302
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "api.vercel.com", "", "http://api.example.com", "https://u:p@x.io", "http://[bad"],
)
def test_a_base_url_that_would_leak_or_cannot_work_is_refused(
    clock: HurriedClock, url: str
) -> None:
    with pytest.raises(Misconfigured, match="VERCEL_API_URL") as caught:
        Api(name="V", base_url=url, setting="VERCEL_API_URL", token=Secret(TOKEN), clock=clock)
    assert "u:p" not in caught.value.what


@pytest.mark.parametrize("token", ["línea", "two\nlines", "two words", ""])
def test_a_token_that_cannot_be_sent_is_not_shown(clock: HurriedClock, token: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Api(name="V", base_url="https://x.io", setting="S", token=Secret(token), clock=clock)
    assert not token or token not in str(caught.value)
