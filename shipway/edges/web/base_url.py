"""Where an API may be: a URL that cannot carry the token to another place or in clear text."""

from __future__ import annotations

import ipaddress

import httpx

from shipway.errors import Misconfigured

__all__ = ["is_on_this_machine"]


def is_on_this_machine(base_url: str, setting: str) -> bool:
    """Return whether the URL is on this machine; refuse one that cannot be used safely."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    problem = ""
    if url.scheme not in {"http", "https"} or not url.host:
        problem = "is not an http(s) URL"
    elif url.userinfo:
        problem = "holds a user name or password"
    elif url.scheme == "http" and not _is_loopback(url.host):
        problem = "would send the access token unencrypted: http is for this machine only"
    if problem:
        raise Misconfigured(
            f"{setting} {problem}.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step=f"Correct {setting}, or leave it out to use the real service.",
        )
    return _is_loopback(url.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
