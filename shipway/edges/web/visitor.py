"""Plain GETs of pages, as a visitor would send them: for smoke tests and probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import httpx

from shipway.edges.web.headers import refuse_unsendable
from shipway.values.hosting import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.values.basics import Clock, Secret

__all__ = ["Web"]

_KEPT_BYTES = 512 * 1024
"""Of a body: enough for a marker; the rest is counted."""
_MAX_BYTES = 32 * 1024 * 1024


class Web:
    """A visitor without a session.

    Args:
        clock: measures durations.
        timeout_s: longest time for one page, its body included.
        bypass: Vercel's protection bypass secret; sent to these pages' own hosts only, since
            redirects are not followed.
    """

    def __init__(self, *, clock: Clock, timeout_s: float, bypass: Secret | None = None) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        if bypass:
            refuse_unsendable(bypass, "VERCEL_AUTOMATION_BYPASS_SECRET")
        self._bypass = bypass
        self._client = httpx.Client(
            timeout=timeout_s,
            follow_redirects=False,
            headers={"User-Agent": "shipway"},
            # A proxy of the environment must not stand between us and our own sandbox.
            mounts={"all://127.0.0.1": None, "all://localhost": None},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        """Fetch one page; that none came is a result, not an error.

        The connection is not used again, so that a probe meets the same doors as a new visitor.
        """
        sent = {**(headers or {}), "Connection": "close"}
        if self._bypass:
            sent["x-vercel-protection-bypass"] = self._bypass.reveal()
        began = self._clock.monotonic()
        try:
            return self._fetched(url, sent, began)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            late = isinstance(error, httpx.TimeoutException)
            reason = f"no answer within {self._timeout_s:g} s" if late else _reason(error)
            return self._none(url, began, reason)

    def _fetched(self, url: str, headers: Mapping[str, str], began: float) -> Page:
        kept = bytearray()
        size = 0
        with self._client.stream("GET", url, headers=headers) as response:
            for chunk in response.iter_bytes():
                size += len(chunk)
                kept += chunk[: max(0, _KEPT_BYTES - len(kept))]
                if self._clock.monotonic() - began > self._timeout_s:
                    return self._none(url, began, f"not complete within {self._timeout_s:g} s")
                if size > _MAX_BYTES:
                    return self._none(url, began, f"larger than {_MAX_BYTES // 2**20} MiB")
        return Page(
            url=url,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=kept.decode("utf-8", "replace"),
            body_bytes=size,
            duration_ms=(self._clock.monotonic() - began) * 1000,
        )

    def _none(self, url: str, began: float, failure: str) -> Page:
        return Page(
            url=url,
            status=None,
            headers={},
            body="",
            body_bytes=0,
            duration_ms=(self._clock.monotonic() - began) * 1000,
            failure=failure,
        )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
