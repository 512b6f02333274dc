"""One HTTP client for the APIs, with our rules: what is repeated, how long, what an answer is."""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import httpx

from shipway.cleanup import afterwards
from shipway.edges.web.answers import ApiAnswer, NoAnswer, decode
from shipway.edges.web.base_url import is_on_this_machine
from shipway.edges.web.headers import refuse_unsendable
from shipway.edges.web.line_stream import LineStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shipway.values.basics import Clock, Secret

__all__ = ["Api", "ApiAnswer", "LineStream", "NoAnswer"]

_ATTEMPTS = 4
_MAX_BODY_BYTES = 64 * 1024 * 1024
_LONGEST_PAUSE_S = 60.0
"""A Retry-After beyond this is cut: a person waits for the command."""
_SHOWN_BYTES = 2000


class Api:
    """One API: its base URL, its bearer token and the rules for repeating a request.

    Repeated up to 4 times in all: GET, HEAD, PUT and DELETE when no answer came, on 5xx and on
    429; anything else only on 429 and when the connection was refused before it was sent.
    Redirects are never followed, so that the token reaches no other host.

    Args:
        name: as a person calls it: `Vercel`, `Supabase`.
        base_url: https, or http on this machine only.
        setting: the setting that `base_url` came from, for messages.
        token: sent as a bearer token.
        clock: for pauses and deadlines.
        timeout_s: longest silence of the server.
        total_timeout_s: longest time for one answer, its body included.

    Raises:
        Misconfigured: a base URL that is none, or that would send the token in clear text.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        name: str,
        base_url: str,
        setting: str,
        token: Secret,
        clock: Clock,
        timeout_s: float = 30.0,
        total_timeout_s: float = 120.0,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._clock = clock
        self._total_timeout_s = total_timeout_s
        on_this_machine = is_on_this_machine(self.base_url, setting)
        refuse_unsendable(token, f"The access token for {name}")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token.reveal()}", "User-Agent": "shipway"},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
            follow_redirects=False,
            # A proxy of the environment must not stand between us and our own sandbox.
            trust_env=not on_this_machine,
            # The certificates of the world are read from disk only where there is TLS.
            verify=self.base_url.startswith("https:"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **params: str | float | None) -> ApiAnswer:
        """GET `path` with those params that are not None."""
        return self.request("GET", path, params=params)

    def request(  # noqa: PLR0913 - the parts of an HTTP request
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | float | None] | None = None,
        json_body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> ApiAnswer:
        """Send a request, repeat it where that is safe, and return the last answer.

        Args:
            method: GET, POST, ...
            path: below the base URL, with its leading slash.
            params: of the query; those that are None are left out.
            json_body: sent as JSON when not None.
            content: sent as it is.
            headers: more of them.
            repeatable: whether sending it twice does what sending it once does; by default
                true for GET, HEAD, PUT and DELETE.

        Raises:
            NoAnswer: none came; `sent` says whether the server may have acted.
        """
        safe = method in {"GET", "HEAD", "PUT", "DELETE"} if repeatable is None else repeatable
        query = {name: value for name, value in (params or {}).items() if value is not None}
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                answer = self._once(
                    method,
                    path,
                    params=query or None,
                    json=json_body,
                    content=content,
                    headers=headers,
                )
            except NoAnswer as lost:
                if last or (lost.sent and not safe):
                    raise
                self._clock.sleep(_pause_s(attempt))
                continue
            cut = not answer.complete and safe
            busy = answer.status == HTTPStatus.TOO_MANY_REQUESTS
            fault = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and safe
            if last or not (cut or busy or fault):
                return answer
            self._clock.sleep(self._asked_pause_s(answer, attempt))
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    def get_once(self, path: str, **params: str | float | None) -> ApiAnswer:
        """GET as `get` does, but tried once: who polls asks again anyway."""
        query = {name: value for name, value in params.items() if value is not None}
        return self._once("GET", path, params=query or None)

    def _once(self, method: str, path: str, **parts: Any) -> ApiAnswer:
        with self._opened(method, path, **parts) as response:
            return self._read(response)

    def _read(self, response: httpx.Response) -> ApiAnswer:
        body, complete = self._body(response)
        shown = body[:_SHOWN_BYTES].decode("utf-8", "replace")
        return ApiAnswer(
            status=response.status_code,
            json=decode(body, response.headers.get("content-type", "")) if complete else None,
            text=shown.replace(self._token.reveal(), "(hidden)"),
            headers={name.lower(): value for name, value in response.headers.items()},
            complete=complete,
        )

    @contextmanager
    def _opened(self, method: str, path: str, **parts: Any) -> Iterator[httpx.Response]:
        """Send a request and hand out the answer once its head is here."""
        response = self._sent(method, path, **parts)
        with afterwards(response.close):
            yield response

    def _sent(self, method: str, path: str, **parts: Any) -> httpx.Response:
        given = {name: value for name, value in parts.items() if value is not None}
        request = self._client.build_request(method, self.base_url + path, **given)
        try:
            return self._client.send(request, stream=True)
        except httpx.TransportError as error:
            before = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
            raise NoAnswer(
                f"{self.name} at {self.base_url} gave no answer to {method} {path}: "
                f"{_reason(error)}",
                sent=not isinstance(error, before),
            ) from None

    def lines(
        self, path: str, *, params: Mapping[str, str | float | None], silence_s: float
    ) -> LineStream | ApiAnswer:
        """Open a stream of JSON lines; an answer that is no 2xx comes back as it is.

        It is tried once: whoever follows a stream connects again anyway.

        Args:
            path: below the base URL.
            params: of the query; those that are None are left out.
            silence_s: longest silence of the server before the stream counts as ended.

        Raises:
            NoAnswer: none came.
        """
        response = self._sent(
            "GET",
            path,
            params={name: value for name, value in params.items() if value is not None} or None,
            headers={"Accept": "application/stream+json"},
            timeout=httpx.Timeout(silence_s, connect=10.0),
        )
        if response.is_success:
            return LineStream(response)
        with afterwards(response.close):
            return self._read(response)

    def _body(self, response: httpx.Response) -> tuple[bytes, bool]:
        """Return the body and whether all of it came, in time and within bounds."""
        until = self._clock.monotonic() + self._total_timeout_s
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _MAX_BODY_BYTES or self._clock.monotonic() > until:
                    return bytes(body), False
        except (httpx.TransportError, httpx.DecodingError):
            return bytes(body), False
        return bytes(body), True

    def _asked_pause_s(self, answer: ApiAnswer, attempt: int) -> float:
        """Return how long the server asks us to wait, else a growing pause of our own."""
        asked = answer.headers.get("retry-after", "").strip()
        if not asked:
            return _pause_s(attempt)
        try:
            seconds = float(asked)
        except ValueError:
            try:
                moment = parsedate_to_datetime(asked)
            except ValueError:
                return _pause_s(attempt)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = (moment - self._clock.now()).total_seconds()
        # The comparison's order turns a NaN into the shortest pause.
        return min(seconds, _LONGEST_PAUSE_S) if seconds > 0 else 0.0


def _pause_s(attempt: int) -> float:
    # Spread, so that many runners that failed together do not come back together.
    return 0.25 * 2.0 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return str(error) or type(error).__name__
