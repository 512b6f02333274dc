"""Finds out whether anyone could read what is put into an S3 bucket, before a backup lies there.

No endpoint's word for "private" is taken. Supabase does not know GetBucketPolicyStatus and answers
with a list of objects, MinIO says FALSE of a bucket that anyone may read but not write, R2 and B2
answer 501, and a key may not be allowed to ask. So a harmless object is put there and asked for as
a visitor would, without a key.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shipway.errors import Failed, Refused

__all__ = ["PublicAccess"]

_PROBE: Final = b"Put here by shipway to find out whether anyone can read this bucket.\n"
_SUPABASE: Final = "/storage/v1/s3"
# What the endpoints say to a visitor whom they let read nothing; R2 says 400.
_SHUT: Final = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
}


class PublicAccess:
    """What visitors may read of one bucket.

    Args:
        s3: boto3's client, with the key.
        bucket: its name.
        prefix: of the backups' names, a slash at its end; the probe lies beside them.
        endpoint: base URL of one that is not AWS.
        timeout_s: longest silence of the server.
    """

    def __init__(
        self,
        *,
        s3: Any,
        bucket: str,
        prefix: str,
        endpoint: str | None,
        timeout_s: float,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._endpoint = (endpoint or "").rstrip("/")
        self._timeout_s = timeout_s
        self._is_shut = False

    def refuse(self) -> None:
        """Refuse a bucket that visitors can read; it is asked once.

        Raises:
            Refused: they can.
            Failed: it could not be found out.
            ClientError: the key may not put the probe there, or not read it back.
        """
        if self._is_shut:
            return
        if self._policy_is_public():
            raise self._public("its policy lets anyone in")
        key = f"{self._prefix}shipway-probe-{secrets.token_hex(8)}.txt"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=_PROBE)
        try:
            # Once it is there for the key, that a visitor does not find it is an answer.
            self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            for url in self._addresses(key):
                self._judge(self._seen_by_a_visitor(url))
        finally:
            # A key that may not delete leaves it there; it holds one sentence.
            with suppress(BotoCoreError, ClientError, ResponseParserError):
                self._s3.delete_object(Bucket=self._bucket, Key=key)
        self._is_shut = True

    def _policy_is_public(self) -> bool:
        """Return whether the endpoint says so; anything else it says is no answer."""
        with suppress(ClientError, ResponseParserError):
            told = self._s3.get_bucket_policy_status(Bucket=self._bucket)
            return bool(told.get("PolicyStatus", {}).get("IsPublic"))
        return False

    def _addresses(self, key: str) -> list[str]:
        """Return where a visitor could find an object."""
        signed = self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}
        )
        found = [str(signed).partition("?")[0]]
        if self._endpoint.endswith(_SUPABASE):
            root = self._endpoint.removesuffix("/s3")
            found.append(f"{root}/object/public/{self._bucket}/{quote(key)}")
        return found

    def _seen_by_a_visitor(self, url: str) -> int:
        """Return the HTTP status of an answer to a request without a key."""
        local = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
        try:
            with httpx.Client(timeout=self._timeout_s, mounts=local) as visitor:
                return visitor.get(url).status_code
        except httpx.HTTPError as error:
            raise self._unclear(str(error) or type(error).__name__) from None

    def _judge(self, status: int) -> None:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._public("a probe that was put there could be read without a key")
        if status not in _SHUT:
            raise self._unclear(f"asked for a probe without a key, it answers {status}")

    def _public(self, why: str) -> Refused:
        return Refused(
            f"The bucket {self._bucket} is public: {why}, and so could the backup be.",
            unchanged="Nothing of the backup was uploaded.",
            next_step="Make the bucket private (block public access to it), or set "
            "SHIPWAY_BACKUP_S3_BUCKET to another one.",
        )

    def _unclear(self, why: str) -> Failed:
        return Failed(
            f"Whether anyone could read the bucket {self._bucket} was not to be found out: {why}",
            unchanged="Nothing of the backup was uploaded.",
            next_step="Look at the endpoint's own state, then run it again.",
        )
