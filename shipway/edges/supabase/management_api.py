"""Supabase's Management API: the project's state, and what the platform itself could bring back."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shipway.edges.supabase.advisors import GONE, KINDS, advice_in, run_bodies
from shipway.edges.supabase.answers import moment, objects, text, unix
from shipway.edges.web.answers import NoAnswer
from shipway.errors import Refused
from shipway.values.backup import (
    Platform,
    PlatformBackup,
    RestorePoint,
    ServiceHealth,
    SupabaseProject,
)
from shipway.values.gates import Disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shipway.edges.web.answers import ApiAnswer
    from shipway.edges.web.http import Api
    from shipway.values.basics import Clock
    from shipway.values.inspection import Advice

__all__ = ["Supabase"]

_SERVICES = "auth,db,pooler,realtime,rest,storage"
_HEALTH_WAIT_MS = 5000
_UNCHANGED = "Nothing was changed on Supabase."
_PLACE_OF_TOKENS = "https://supabase.com/dashboard/account/tokens"


class Supabase:
    """One project, asked through the Management API.

    Args:
        api: the client.
        project_ref: the 20 letters that name the project.
        clock: gives the recovery time.
    """

    def __init__(self, api: Api, *, project_ref: str, clock: Clock) -> None:
        self._api = api
        self._ref = project_ref
        self._root = f"/v1/projects/{quote(project_ref, safe='')}"
        self._clock = clock

    def project(self) -> SupabaseProject:
        """Return the project; this is also the proof that the token is accepted and may see it.

        Raises:
            Refused: the token or the call was refused, or the API did not answer.
        """
        said = self._get("", permission="project_admin_read", wanted="the project").object
        database = said.get("database")
        version = database.get("version") if isinstance(database, dict) else None
        return SupabaseProject(
            ref=text(said.get("ref")) or self._ref,
            name=text(said.get("name")),
            region=text(said.get("region")),
            status=text(said.get("status")) or "UNKNOWN",
            server_version=text(version),
        )

    def health(self) -> tuple[ServiceHealth, ...]:
        """Return how the project's services are.

        Raises:
            Refused: as for `project`.
        """
        answer = self._get(
            "/health",
            permission="project_admin_read",
            wanted="the project's health",
            services=_SERVICES,
            timeout_ms=_HEALTH_WAIT_MS,
        )
        return tuple(
            ServiceHealth(
                name=text(one.get("name")),
                status=text(one.get("status")) or "UNKNOWN",
                error=text(one.get("error")) or None,
            )
            for one in objects(answer.json)
        )

    def readonly(self) -> bool:
        """Return whether the platform has made the database read-only, as it does on a full disk.

        Raises:
            Refused: as for `project`.
        """
        answer = self._get(
            "/readonly",
            permission="database_readonly_config_read",
            wanted="the read-only mode",
        )
        return answer.object.get("enabled") is True

    def disk(self) -> Disk:
        """Return the room on the disk of the project's database.

        Raises:
            Refused: as for `project`, or an answer without the fields that the API declares.
        """
        answer = self._get(
            "/config/disk/util",
            permission="infra_disk_config_read",
            wanted="the room on the project's disk",
        )
        metrics = answer.object.get("metrics")
        metrics = metrics if isinstance(metrics, dict) else {}
        whole, free = metrics.get("fs_size_bytes"), metrics.get("fs_avail_bytes")
        if not (isinstance(whole, int | float) and isinstance(free, int | float)) or not (
            0 <= free <= whole < float("inf")
        ):
            raise self._unreadable(answer, "the room on the project's disk")
        return Disk(size_bytes=int(whole), free_bytes=int(free))

    def advice(self) -> tuple[Advice, ...]:
        """Return what the platform's security and performance advisors find.

        Raises:
            Refused: as for `project`.
        """
        asks: list[Callable[[], ApiAnswer]] = [
            partial(self._api.get, f"{self._root}/advisors/{kind}") for kind in KINDS
        ]
        answers = [self._answered(ask) for ask in asks]
        if any(answer.status in GONE for answer in answers):
            path = f"/v2/projects/{quote(self._ref, safe='')}/advisors/run"
            run = partial(self._api.request, "POST", path, repeatable=True)
            answers = [self._answered(partial(run, json_body=body)) for body in run_bodies()]
        for answer in answers:
            self._check(answer, permission="advisors_read", wanted="the advisors' findings")
        return tuple(one for answer in answers for one in advice_in(answer.object))

    def backups(self) -> Platform:
        """Return the platform's backups and recovery window, with the time to go back to: now.

        Raises:
            Refused: as for `project`, or an answer without the fields that the API declares.
        """
        answer = self._get(
            "/database/backups", permission="backups_read", wanted="the platform's backups"
        )
        listed = answer.object.get("backups")
        if not isinstance(listed, list):
            raise self._unreadable(answer, "the platform's backups")
        backups = [_backup(one) for one in objects(listed)]
        backups.sort(key=lambda one: (one.at is not None, one.at, one.number), reverse=True)
        done = [one for one in backups if one.status == "COMPLETED"]
        times = [one.at for one in done if one.at is not None]
        window = answer.object.get("physical_backup_data")
        window = window if isinstance(window, dict) else {}
        now = self._clock.now()
        return Platform(
            pitr_enabled=answer.object.get("pitr_enabled") is True,
            backups_count=len(done),
            newest_at=max(times, default=None),
            recoverable_from=unix(window.get("earliest_physical_backup_date_unix")),
            recoverable_to=unix(window.get("latest_physical_backup_date_unix")),
            recovery_time=now.replace(microsecond=now.microsecond // 1000 * 1000),
            backups=tuple(backups),
            restore_point=self._restore_point(),
        )

    def upload_limit_bytes(self) -> int | None:
        """Return the largest file that the project's Storage takes: a setting, within its plan.

        Raises:
            Refused: as for `project`.
        """
        answer = self._get(
            "/config/storage", permission="storage_config_read", wanted="Storage's limits"
        )
        limit = answer.object.get("fileSizeLimit")
        return limit if isinstance(limit, int) and not isinstance(limit, bool) else None

    def _restore_point(self) -> RestorePoint | None:
        """Return the newest named point to go back to; most accounts have none, and say so."""
        try:
            answer = self._api.get(self._root + "/database/backups/restore-point")
        except NoAnswer:
            return None
        if not answer.ok or not text(answer.object.get("name")):
            return None
        said = answer.object
        return RestorePoint(name=text(said.get("name")), status=text(said.get("status")))

    def _get(
        self, path: str, *, permission: str, wanted: str, **params: str | float | None
    ) -> ApiAnswer:
        answer = self._answered(partial(self._api.get, self._root + path, **params))
        self._check(answer, permission=permission, wanted=wanted)
        return answer

    def _answered(self, ask: Callable[[], ApiAnswer]) -> ApiAnswer:
        try:
            return ask()
        except NoAnswer as lost:
            raise Refused(
                lost.what,
                unchanged=_UNCHANGED,
                next_step="Look at https://status.supabase.com and at SUPABASE_API_URL, then run "
                "it again.",
            ) from None

    def _check(self, answer: ApiAnswer, *, permission: str, wanted: str) -> None:
        if not answer.ok:
            raise self._refusal(answer, permission, wanted)
        if not answer.complete or answer.json is None:
            raise self._unreadable(answer, wanted)

    def _refusal(self, answer: ApiAnswer, permission: str, wanted: str) -> Refused:
        """Say what the API refused, with the cure for its status."""
        cures = {
            HTTPStatus.UNAUTHORIZED: "SUPABASE_ACCESS_TOKEN is wrong, expired or revoked: make "
            f"one at {_PLACE_OF_TOKENS}",
            HTTPStatus.PAYMENT_REQUIRED: "The project's plan does not include this, or its "
            "allowance is used up: see the organization's billing page.",
            HTTPStatus.FORBIDDEN: f"Give the token the permission {permission} at "
            f"{_PLACE_OF_TOKENS}, or check that SUPABASE_PROJECT_REF ({self._ref}) is a project "
            "of the token's owner.",
            HTTPStatus.NOT_FOUND: f"Check SUPABASE_PROJECT_REF: {self._ref} is not known there.",
            HTTPStatus.TOO_MANY_REQUESTS: "The API allows 120 requests a minute: wait a minute, "
            "then run it again.",
        }
        fault = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        cure = cures.get(HTTPStatus(answer.status)) if _is_known(answer.status) else None
        if cure is None:
            cure = (
                "The fault is on Supabase's side: see https://status.supabase.com, then run it "
                "again."
                if fault
                else "Check SUPABASE_PROJECT_REF and SUPABASE_API_URL."
            )
        return Refused(
            f"Supabase would not tell {wanted}: {answer}", unchanged=_UNCHANGED, next_step=cure
        )

    def _unreadable(self, answer: ApiAnswer, wanted: str) -> Refused:
        shown = "was cut off" if not answer.complete else "is not what its description says"
        return Refused(
            f"Supabase's answer about {wanted} {shown} (status {answer.status}).",
            unchanged=_UNCHANGED,
            next_step="Check that SUPABASE_API_URL leads to the Management API; run it again.",
        )


def _is_known(status: int) -> bool:
    return status in HTTPStatus._value2member_map_


def _backup(one: Mapping[str, Any]) -> PlatformBackup:
    number = one.get("id")
    return PlatformBackup(
        number=number if isinstance(number, int) else 0,
        status=text(one.get("status")) or "UNKNOWN",
        at=moment(one.get("inserted_at")),
        physical=one.get("is_physical_backup") is True,
    )
