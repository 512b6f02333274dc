"""Keeps copies of backups in a bucket of any S3 endpoint, with boto3."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shipway.edges.storage.read_back import digest_of, write
from shipway.edges.storage.s3_public_access import PublicAccess
from shipway.errors import Failed, Misconfigured, Refused, Stopped
from shipway.formats.signed_file import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.edges.storage.read_back import Begin
    from shipway.values.basics import Secret

__all__ = ["PART_BYTES", "S3"]

PART_BYTES = 8 * 1024 * 1024
"""S3 wants parts of at least 5 MiB, but for the last; one at a time is in memory."""
_MOST_PARTS = 9_000  # S3 takes 10,000
_CHUNK_BYTES = 1 << 20
_READS = 3
_UNCHANGED = "No copy is in the bucket."
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CURES = {
    "NoSuchBucket": "Make the bucket, private, or correct SHIPWAY_BACKUP_S3_BUCKET.",
    "AccessDenied": "Look whether AWS_ACCESS_KEY_ID is a key of that endpoint, and allow it "
    "s3:PutObject, s3:GetObject, s3:DeleteObject and s3:AbortMultipartUpload there.",
    "InvalidAccessKeyId": "Correct AWS_ACCESS_KEY_ID: the endpoint does not know that key.",
    "SignatureDoesNotMatch": "Correct AWS_SECRET_ACCESS_KEY, or SHIPWAY_BACKUP_S3_REGION where the "
    "endpoint wants its own (Supabase: the project's).",
    "ExpiredToken": "The session token has expired: get a new one.",
    "PermanentRedirect": "Set SHIPWAY_BACKUP_S3_REGION to the region that the bucket is in.",
    "AuthorizationHeaderMalformed": "Set SHIPWAY_BACKUP_S3_REGION to the bucket's region.",
    "EntityTooLarge": "Raise the endpoint's limit for an object, or use another one.",
}
# What answers to HEAD, which have no body, come as; also where the body names no code.
_OF_STATUS = {"403": "AccessDenied", "404": "NoSuchBucket", "413": "EntityTooLarge"}


class S3:
    """One bucket. Lost connections are taken up again by boto3, part by part.

    Args:
        bucket: its name; it has to exist.
        endpoint: base URL of one that is not AWS; None for AWS.
        region: None for boto3's own choice.
        prefix: folder in the bucket; empty for its root.
        access_key_id: with the two below; None for what boto3 finds by itself (a role of the
            machine, a profile).
        secret_access_key: of that key.
        session_token: of a temporary key.
        dies_with_project: whether it lies in Storage of the Supabase project that is backed up.
        timeout_s: longest silence of the server.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        bucket: str,
        endpoint: str | None = None,
        region: str | None = None,
        prefix: str = "",
        access_key_id: str | None = None,
        secret_access_key: Secret | None = None,
        session_token: Secret | None = None,
        dies_with_project: bool = False,
        timeout_s: float = 60.0,
    ) -> None:
        self.dies_with_project = dies_with_project
        host = urlsplit(endpoint or "").hostname or ""
        if endpoint and not endpoint.startswith("https://") and host not in _LOOPBACK:
            raise Misconfigured(
                "backup_s3_endpoint would send the backup unencrypted: http is for this machine "
                "only.",
                unchanged="Nothing was contacted and nothing was changed.",
                next_step="Write it as https://…",
            )
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        config = Config(
            connect_timeout=min(timeout_s, 10.0),
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": 5},
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Not every endpoint knows the newer checksums, and we read back all that we send.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            proxies={} if host in _LOOPBACK else None,
        )
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region or ("us-east-1" if endpoint else None),
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key.reveal() if secret_access_key else None,
            aws_session_token=session_token.reveal() if session_token else None,
            config=config,
        )
        self._public_access = PublicAccess(
            s3=self._s3,
            bucket=bucket,
            prefix=self._prefix,
            endpoint=endpoint,
            timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._s3.close()

    def keep(self, path: Path, name: str) -> str:
        """Store a file, read it back, and return `s3://bucket/prefix/name`.

        Args:
            path: the file.
            name: its name in the bucket; a copy that is already there counts when it has the same
                content, and is never overwritten.

        Raises:
            Refused: the bucket is not there or public, or the key may not use it.
            Failed: it did not arrive, or not as it was sent.
        """
        key = self._prefix + name
        with self._explained():
            self._public_access.refuse()
            if not self._is_there(key):
                self._send(path, key)
            there = self._digest_there(key)
        here = digest_of_file(path)
        place = f"s3://{self._bucket}/{key}"
        if there != here:
            raise Failed(
                f"{place} does not hold what was uploaded: sha256 {there[:12]}… instead of "
                f"{here[:12]}…",
                unchanged="What lies in the bucket is not this backup.",
                next_step=f"Delete {key} in the bucket, then run it again.",
            )
        return place

    def fetch(self, name: str, path: Path) -> None:
        """Write a copy from the bucket to a file.

        Raises:
            Refused: it is not there, or the key may not read it.
            Failed: it did not come through.
        """
        with self._explained():
            write(path, partial(self._read, self._prefix + name))

    def _is_there(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            # A key that may not list gets 403 for what is missing: the upload will tell.
            if _status(error) in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                return False
            raise
        return True

    def _send(self, path: Path, key: str) -> None:
        size = path.stat().st_size
        if size <= PART_BYTES:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=path.read_bytes())
            return
        part_bytes = max(PART_BYTES, -(-size // _MOST_PARTS))
        begun = self._s3.create_multipart_upload(Bucket=self._bucket, Key=key)
        upload = {"Bucket": self._bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            with path.open("rb") as file:
                while part := file.read(part_bytes):
                    number = len(parts) + 1
                    sent = self._s3.upload_part(**upload, PartNumber=number, Body=part)
                    parts.append({"PartNumber": number, "ETag": sent["ETag"]})
            self._complete(upload, parts)
        except BaseException:
            # Parts that nobody asks for again would be paid for.
            with suppress(BotoCoreError, ClientError):
                self._s3.abort_multipart_upload(**upload)
            raise

    def _complete(self, upload: dict[str, Any], parts: list[dict[str, Any]]) -> None:
        try:
            self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except ClientError as error:
            # It was completed, and the answer was lost: reading back tells.
            if _code_and_message(error)[0] != "NoSuchUpload":
                raise

    def _digest_there(self, key: str) -> str:
        """Return the SHA-256 of what the bucket holds."""
        return digest_of(partial(self._read, key))

    def _read(self, key: str, begin: Begin) -> None:
        """Read what the bucket holds; `begin` is called for each try."""
        for attempt in range(1, _READS + 1):
            take = begin()
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key)
                for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                    take(chunk)
            except BotoCoreError:
                if attempt == _READS:
                    raise
            else:
                return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn boto3's errors into ours."""
        try:
            yield
        except ClientError as error:
            raise self._refusal(error) from None
        except (BotoCoreError, ResponseParserError) as error:
            raise Failed(
                f"What was asked of the bucket {self._bucket} did not come through: {error}",
                unchanged=_UNCHANGED,
                next_step="Look at backup_s3_endpoint, the network and AWS_ACCESS_KEY_ID, then "
                "run it again.",
            ) from None

    def _refusal(self, error: ClientError) -> Stopped:
        code, message = _code_and_message(error)
        kind = Failed if _status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
        return kind(
            f"S3 refused the copy in {self._bucket}: {code} {message}".rstrip(),
            unchanged=_UNCHANGED,
            next_step=_CURES.get(code, "Look at the endpoint's own state, then run it again."),
        )


def _code_and_message(error: ClientError) -> tuple[str, str]:
    """Return the code and the message of an endpoint's refusal."""
    # botocore finds them below Error; where the body has a namespace (Supabase), beside it.
    below = error.response.get("Error", {})
    code = below.get("Code") or error.response.get("Code") or str(_status(error))
    return _OF_STATUS.get(code, code), below.get("Message") or error.response.get("Message", "")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
