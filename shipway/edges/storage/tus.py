"""Resumable uploads to Supabase Storage (TUS 1.0.0), which supabase-py does not have."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shipway.values.basics import Clock

__all__ = ["CHUNK_BYTES", "TusRefused", "upload"]

CHUNK_BYTES = 6 * 1024 * 1024
"""The hosted service wants chunks of exactly this size, but for the last."""
_TRIES = 5
_VERSION = {"tus-resumable": "1.0.0"}


class TusRefused(Exception):  # noqa: N818 - it carries the server's word
    """The server refused the upload."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


def upload(  # noqa: PLR0913 - what an upload is made of
    http: httpx.Client,
    endpoint: str,
    path: Path,
    *,
    headers: Mapping[str, str],
    bucket: str,
    name: str,
    clock: Clock,
) -> None:
    """Send a file in chunks; after a cut it goes on where the server stands.

    Args:
        http: the client.
        endpoint: `…/storage/v1/upload/resumable`.
        path: the file; never whole in memory.
        headers: the caller's authorization.
        bucket: where it goes.
        name: under which name; refused when it exists.
        clock: waits between tries.

    Raises:
        TusRefused: the server said no.
        httpx.TransportError: the connection broke five times without a byte of progress.
    """
    size = path.stat().st_size
    told = {
        "bucketName": bucket,
        "objectName": name,
        "contentType": "application/octet-stream",
        "cacheControl": "0",
    }
    created = http.post(
        endpoint,
        headers={
            **headers,
            **_VERSION,
            "upload-length": str(size),
            "x-upsert": "false",
            "upload-metadata": ",".join(
                f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items()
            ),
        },
    )
    if created.status_code != HTTPStatus.CREATED:
        raise TusRefused(created.status_code, created.text[:300])
    location = str(created.url.join(created.headers["location"]))
    offset, tries = 0, 0
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            before = offset
            try:
                offset = _send(http, location, headers, file.read(CHUNK_BYTES), offset)
            except httpx.TransportError:
                tries += 1
                if tries == _TRIES:
                    raise
                clock.sleep(0.1 * 2**tries)
                offset = _offset_there(http, location, headers)
            if offset > before:
                tries = 0


def _send(
    http: httpx.Client, location: str, headers: Mapping[str, str], chunk: bytes, offset: int
) -> int:
    """Send a chunk and return how far the server is by now."""
    answer = http.patch(
        location,
        content=chunk,
        headers={
            **headers,
            **_VERSION,
            "content-type": "application/offset+octet-stream",
            "upload-offset": str(offset),
        },
    )
    if answer.status_code == HTTPStatus.CONFLICT or answer.is_server_error:
        # Another place than we believe, or a fault: the server says where it stands.
        raise httpx.RemoteProtocolError(f"status {answer.status_code}", request=answer.request)
    if not answer.is_success:
        raise TusRefused(answer.status_code, answer.text[:300])
    return int(answer.headers["upload-offset"])


def _offset_there(http: httpx.Client, location: str, headers: Mapping[str, str]) -> int:
    """Ask the server how much of the upload it has."""
    answer = http.head(location, headers={**headers, **_VERSION})
    if not answer.is_success:
        raise TusRefused(answer.status_code, "the unfinished upload is gone")
    return int(answer.headers["upload-offset"])
