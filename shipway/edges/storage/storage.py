"""Keeps copies of backups in a private bucket of Supabase Storage, with supabase-py."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from storage3.exceptions import StorageApiError
from supabase import SupabaseException, create_client
from supabase.lib.client_options import SyncClientOptions

from shipway.edges.storage import tus
from shipway.edges.storage.read_back import digest_of, write
from shipway.edges.web.headers import refuse_unsendable
from shipway.errors import Failed, Misconfigured, Refused, Stopped
from shipway.formats.figures import size
from shipway.formats.signed_file import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shipway.edges.storage.read_back import Begin
    from shipway.values.basics import Clock, Secret

__all__ = ["Storage"]

_CHUNK_BYTES = 1 << 20
_TRIES = 3
_SIGNED_FOR_S = 3600
_UNCHANGED = "No copy is in the bucket."
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Storage:
    """One private bucket.

    Args:
        url: SUPABASE_URL.
        key: a secret key; the publishable one may not write to a private bucket.
        bucket: its name; it is created when it does not exist.
        clock: waits between tries.
        timeout_s: longest silence of the server.
        project_limit: tells the largest file that the project takes, where it can be asked.
    """

    dies_with_project = True

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        url: str,
        key: Secret,
        bucket: str,
        clock: Clock,
        timeout_s: float = 60.0,
        project_limit: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._project_limit = project_limit
        self._bucket = bucket
        self._clock = clock
        self._key = key
        refuse_unsendable(key, "SUPABASE_SECRET_KEY")
        host = urlsplit(url).hostname or ""
        if not url.startswith("https://") and host not in _LOOPBACK:
            raise Misconfigured(
                "SUPABASE_URL would send the key unencrypted: http is for this machine only.",
                unchanged="Nothing was contacted and nothing was changed.",
                next_step="Write it as https://<ref>.supabase.co",
            )
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
            # The key must not follow a redirect to another host.
            follow_redirects=False,
            trust_env=host not in _LOOPBACK,
        )
        try:
            client = create_client(url, key.reveal(), SyncClientOptions(httpx_client=self._http))
        except SupabaseException as error:
            raise Misconfigured(
                f"supabase-py does not take SUPABASE_URL or SUPABASE_SECRET_KEY: {error}",
                unchanged="Nothing was contacted and nothing was changed.",
                next_step="Copy both from the project's API settings.",
            ) from None
        self._storage = client.storage
        self._uploads = _resumable_endpoint(url)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def keep(self, path: Path, name: str) -> str:
        """Store a file, read it back, and return `bucket/name`.

        Args:
            path: the file.
            name: its name in the bucket; a copy of that name that is already there counts when it
                has the same content, and is never overwritten.

        Raises:
            Refused: the bucket is public, too small, or the key may not use it.
            Failed: it did not arrive, or not as it was sent.
        """
        with self._explained():
            self._prepare_bucket(path.stat().st_size)
            self._send(path, name)
            there = self._digest_there(name)
        here = digest_of_file(path)
        if there != here:
            raise Failed(
                f"{self._bucket}/{name} does not hold what was uploaded: sha256 {there[:12]}… "
                f"instead of {here[:12]}…",
                unchanged="What lies in the bucket is not this backup.",
                next_step=f"Delete {name} in the bucket, then run it again.",
            )
        return f"{self._bucket}/{name}"

    def fetch(self, name: str, path: Path) -> None:
        """Write a copy from the bucket to a file.

        Raises:
            Refused: it is not there, or the key may not read it.
            Failed: it did not come through.
        """
        with self._explained():
            write(path, partial(self._read, name))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the libraries' errors into ours."""
        try:
            yield
        except StorageApiError as error:
            raise self._refusal(_status(error), error.message) from None
        except tus.TusRefused as error:
            raise self._refusal(error.status, error.message) from None
        except httpx.HTTPError as error:
            raise Failed(
                f"What was asked of the bucket {self._bucket} did not come through: "
                f"{str(error) or type(error).__name__}",
                unchanged=_UNCHANGED,
                next_step="Look at https://status.supabase.com, then run it again.",
            ) from None

    def _prepare_bucket(self, size_bytes: int) -> None:
        """Make the bucket if it is missing; refuse one that the world can read."""
        try:
            bucket = self._storage.get_bucket(self._bucket)
        except StorageApiError as error:
            if _status(error) != HTTPStatus.NOT_FOUND:
                raise
            self._storage.create_bucket(self._bucket, options={"public": False})
            bucket = self._storage.get_bucket(self._bucket)
        if bucket.public:
            raise Refused(
                f"The bucket {self._bucket} is public: anyone could read the backup.",
                unchanged="Nothing was uploaded.",
                next_step="Make it private in the dashboard (Storage, Edit bucket), or set "
                "SHIPWAY_BACKUP_BUCKET to another one.",
            )
        limit = bucket.file_size_limit
        if limit is not None and size_bytes > limit:
            raise self._refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"it has {size(size_bytes)}, and the bucket takes {size(limit)}",
            )
        # Whatever the plan takes, it takes this: only larger files are worth the question.
        whole = self._project_limit() if size_bytes > tus.CHUNK_BYTES else None
        if whole is not None and size_bytes > whole:
            raise self._refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"it has {size(size_bytes)}, and the project's plan and settings take "
                f"{size(whole)}",
            )

    def _send(self, path: Path, name: str) -> None:
        """Upload the file: small ones at once, large ones in chunks that can be taken up again."""
        if path.stat().st_size > tus.CHUNK_BYTES:
            self._send_large(path, name)
            return
        options = {"content-type": "application/octet-stream", "cache-control": "0"}
        for attempt in range(1, _TRIES + 1):
            try:
                self._storage.from_(self._bucket).upload(name, path, options)  # type: ignore[arg-type]
            except StorageApiError as error:
                # It is there, perhaps from a try whose answer was lost: reading back tells.
                if _status(error) != HTTPStatus.CONFLICT:
                    raise
                return
            except httpx.TransportError:
                if attempt == _TRIES:
                    raise
                self._clock.sleep(0.25 * 2**attempt)
            else:
                return

    def _send_large(self, path: Path, name: str) -> None:
        key = self._key.reveal()
        try:
            tus.upload(
                self._http,
                self._uploads,
                path,
                headers={"apikey": key, "authorization": f"Bearer {key}"},
                bucket=self._bucket,
                name=name,
                clock=self._clock,
            )
        except tus.TusRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def _digest_there(self, name: str) -> str:
        """Return the SHA-256 of what the bucket holds."""
        return digest_of(partial(self._read, name))

    def _read(self, name: str, begin: Begin) -> None:
        """Read what the bucket holds through a signed URL; `begin` is called for each try."""
        for attempt in range(1, _TRIES + 1):
            signed = self._storage.from_(self._bucket).create_signed_url(name, _SIGNED_FOR_S)
            take = begin()
            try:
                with self._http.stream("GET", str(signed["signedURL"])) as answer:
                    answer.raise_for_status()
                    for chunk in answer.iter_bytes(_CHUNK_BYTES):
                        take(chunk)
            except httpx.TransportError:
                if attempt == _TRIES:
                    raise
                self._clock.sleep(0.25 * 2**attempt)
            else:
                return

    def _refusal(self, status: int, message: str) -> Stopped:
        """Say what Storage refused. Its HTTP status is 400 for nearly all; the body has this."""
        cures = {
            HTTPStatus.UNAUTHORIZED: "Correct SUPABASE_SECRET_KEY (sb_secret_… or service_role).",
            HTTPStatus.FORBIDDEN: "Use a secret key (sb_secret_… or service_role) of this project "
            "as SUPABASE_SECRET_KEY: the publishable one may not write there.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Raise the upload limit in Storage's settings "
            "(50 MB at most on the Free plan), or unset SHIPWAY_BACKUP_BUCKET and copy the backup "
            "elsewhere.",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Let the bucket take application/octet-stream.",
            HTTPStatus.TOO_MANY_REQUESTS: "Wait a minute, then run it again.",
        }
        known = status in HTTPStatus._value2member_map_
        cure = cures.get(HTTPStatus(status)) if known else None
        kind = Failed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
        said = message.replace(self._key.reveal(), "(hidden)")
        return kind(
            f"Storage refused the copy in {self._bucket}: {status} {said}",
            unchanged=_UNCHANGED,
            next_step=cure or "Look at https://status.supabase.com, then run it again.",
        )


def _status(error: StorageApiError) -> int:
    """Return the status that the body tells; supabase-py gives it as text."""
    return int(error.status) if str(error.status).isdigit() else HTTPStatus.INTERNAL_SERVER_ERROR


def _resumable_endpoint(url: str) -> str:
    """Return where large files go: the hosted service has a host of its own for them."""
    host = urlsplit(url).hostname or ""
    if host.endswith(".supabase.co") and ".storage." not in host:
        url = f"https://{host.split('.')[0]}.storage.supabase.co"
    return url.rstrip("/") + "/storage/v1/upload/resumable"
