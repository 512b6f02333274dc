"""Where copies of backups are kept: an S3 bucket, or one of Supabase Storage."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shipway.errors import Misconfigured, Stopped
from shipway.wiring.given import required

if TYPE_CHECKING:
    from shipway.edges.storage.s3 import S3
    from shipway.edges.storage.storage import Storage
    from shipway.settings import Settings
    from shipway.wiring import Wiring

__all__ = ["bucket_of", "open_vault", "upload_limit"]


def bucket_of(settings: Settings) -> str | None:
    """Return where copies go, for people; None when they stay on this machine."""
    name = settings.backup_s3_bucket
    return f"s3://{name}" if name else settings.backup_bucket


def open_vault(wiring: Wiring) -> S3 | Storage | None:
    """Return what keeps copies; None when no bucket is set.

    The libraries cost half a second each: only those pay who keep copies there.

    Raises:
        Misconfigured: something that it takes is not set, or not installed.
    """
    vault = _s3(wiring.settings) if wiring.settings.backup_s3_bucket else _storage(wiring)
    if vault is not None:
        wiring.closing().callback(vault.close)
    return vault


def _s3(settings: Settings) -> S3:
    try:
        from shipway.edges.storage.s3 import S3
    except ImportError:
        raise Misconfigured(
            "boto3 is not installed, and backup_s3_bucket wants it.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step="Install it with: pip install 'shipway[s3]'",
        ) from None
    return S3(
        bucket=settings.backup_s3_bucket or "",
        endpoint=settings.backup_s3_endpoint,
        region=settings.backup_s3_region,
        prefix=settings.backup_s3_prefix,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
        session_token=settings.aws_session_token,
        dies_with_project=_is_the_projects_own(settings),
    )


def _is_the_projects_own(settings: Settings) -> bool:
    """Return whether the S3 endpoint is Storage of the project that is backed up."""
    there = urlsplit(settings.backup_s3_endpoint or "")
    own = urlsplit(settings.supabase_url or "")
    refs = {settings.project_ref, _hosted_ref(own.hostname)} - {None}
    return bool(there.netloc) and (
        there.netloc == own.netloc or _hosted_ref(there.hostname) in refs
    )


def _hosted_ref(host: str | None) -> str | None:
    """Return the project that a host of Supabase's own domain belongs to."""
    return host.partition(".")[0] if host and host.endswith(".supabase.co") else None


def _storage(wiring: Wiring) -> Storage | None:
    settings = wiring.settings
    if settings.backup_bucket is None:
        return None
    from shipway.edges.storage.storage import Storage

    why = f"backup_bucket = {settings.backup_bucket} wants it"
    return Storage(
        url=required(settings.supabase_url, "SUPABASE_URL", settings, because=why),
        key=required(settings.supabase_secret_key, "SUPABASE_SECRET_KEY", settings, because=why),
        bucket=settings.backup_bucket,
        clock=wiring.clock,
        project_limit=lambda: upload_limit(wiring),
    )


def upload_limit(wiring: Wiring) -> int | None:
    """Return the largest file that the project's Storage takes; None where it will not say."""
    if wiring.platform is None:
        return None
    try:
        return wiring.platform.upload_limit_bytes()
    except Stopped:
        # The token may not ask; Storage itself will refuse what is too large.
        return None
