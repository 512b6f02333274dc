"""Tells a running stand-in how to misbehave, and asks which calls it received."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One call that a stand-in received."""

    at: float
    """Epoch seconds."""
    method: str
    path: str
    query: dict[str, str]
    status: int
    """What it answered; 0 when it never meant to answer."""
    lost: bool
    """The answer did not reach the client whole."""
    fault: str | None
    """The fault that was applied."""
    body_bytes: int
    body_sha256: str


class Control:
    """Speaks to the control endpoint of one API.

    Args:
        url: base of the API, as standins.json names it.
        token: `control_token` of standins.json.
    """

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/_sandbox/",
            headers={"x-sandbox-control": token},
            timeout=_TIMEOUT_S,
            trust_env=False,
            # An empty one: loading certificates takes longer than a whole call on loopback.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def fault(  # noqa: PLR0913 - each is one column of a rule
        self,
        what: str,
        *,
        on: str = "request",
        method: str = "",
        path: str = "",
        times: int | None = 1,
        after: int = 0,
        **details: Any,
    ) -> str:
        """Add a rule and return its id; the words are those of `shipway.sandbox.faults.WHAT`.

        Args:
            what: what goes wrong, for example `status` or `reset_after`; for builds `ERROR`.
            on: `request`, `build`, `alias`, `store`, `serve` or `runtime-logs`.
            method: only calls with this method; empty means any.
            path: regular expression to be found in the path.
            times: how often it applies; None means for ever.
            after: so many matching events pass unharmed first.
            details: what that fault needs: `status`, `body`, `headers`, `seconds`, `rows` ...
        """
        rule = {"on": on, "what": what, "method": method, "path": path, "times": times}
        answer = self._call("POST", "faults", {**rule, "after": after, "details": details})
        return str(answer["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules that may still apply."""
        return list(self._call("GET", "faults")["rules"])

    def clear(self) -> None:
        """Drop every rule."""
        self._call("DELETE", "faults")

    def requests(self) -> list[Received]:
        """Return the calls received since the process started or `forget_requests`, in order."""
        return [Received(**one) for one in self._call("GET", "requests")["requests"]]

    def forget_requests(self) -> None:
        """Empty the record of calls."""
        self._call("DELETE", "requests")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change lasting switches of the API (its `SETTINGS`), and return all as they are now."""
        if changes:
            self._call("POST", "settings", changes)
        return self._call("GET", "settings")

    def log_row(self, **row: Any) -> dict[str, Any]:
        """Put a row into the log: for Vercel `deployment` names whose, by id or host."""
        return self._call("POST", "log-rows", row)

    def notices(self) -> list[dict[str, Any]]:
        """Return what the team was told, oldest first; of the team's chat alone."""
        return list(self._call("GET", "notices")["notices"])

    def reset(self) -> None:
        """Return this API to the state of its first start; credentials and ports stay."""
        self._call("POST", "reset")

    def _call(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.request(method, name, json=body)
        answer.raise_for_status()
        value: dict[str, Any] = answer.json()
        return value
