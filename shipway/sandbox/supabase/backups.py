"""The Management API's backups: daily ones or a recovery window, restore points, and restores."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shipway.sandbox.server import route
from shipway.sandbox.supabase.management import REGION, failure
from shipway.sandbox.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shipway.sandbox.server import Route
    from shipway.sandbox.state import Document


class BackupCalls:
    """The calls below `/v1/projects/{ref}/database/backups`."""

    def __init__(self, *, document: Document, settings: Document) -> None:
        self._document = document
        self._settings = settings
        root = "/v1/projects/{ref}/database/backups"
        get, post = "GET", "POST"
        self.routes: tuple[Route, ...] = (
            route(get, root, self._list),
            route(post, f"{root}/restore-pitr", self._restore_pitr),
            route(post, f"{root}/restore", self._restore),
            route(get, f"{root}/restore-point", self._restore_point),
            route(post, f"{root}/restore-point", self._make_restore_point),
            route(post, f"{root}/undo", self._undo),
        )

    def _list(self, request: Request, ref: str) -> Response:
        del request, ref
        now = datetime.now(UTC)
        with self._settings.look() as settings:
            pitr = bool(settings["pitr_enabled"])
            days = 0 if pitr else int(settings["backups"])
            broken = bool(settings["newest_backup_failed"])
            reach = timedelta(days=int(settings["pitr_days"]))
        newest = now.replace(hour=2, minute=10, second=0, microsecond=0)
        if newest > now:
            newest -= timedelta(days=1)
        found = [
            {
                "id": newest.toordinal() - ago,
                "is_physical_backup": True,
                "status": "FAILED" if broken and ago == 0 else "COMPLETED",
                "inserted_at": (newest - timedelta(days=ago)).isoformat(),
            }
            for ago in range(days)
        ]
        window = {}
        if pitr:
            window = {
                "earliest_physical_backup_date_unix": int((now - reach).timestamp()),
                "latest_physical_backup_date_unix": int(now.timestamp()) - 120,
            }
        return json_response(
            {
                "region": REGION,
                "walg_enabled": True,
                "pitr_enabled": pitr,
                "backups": found,
                "physical_backup_data": window,
            }
        )

    def _restore_pitr(self, request: Request, ref: str) -> Response:
        del ref
        target = request.json().get("recovery_time_target_unix")
        if not isinstance(target, int) or target < 0:
            return failure(400, "recovery_time_target_unix: Expected a number of at least 0")
        with self._settings.look() as settings:
            enabled = settings["pitr_enabled"]
        if not enabled:
            return failure(403, "PITR is not enabled for this project")
        return self._recover(target)

    def _restore(self, request: Request, ref: str) -> Response:
        del ref
        backup = request.json().get("id")
        if not isinstance(backup, int):
            return failure(400, "id: Expected number")
        return self._recover(backup)

    def _recover(self, to: int) -> Response:
        with self._document.change() as data:
            data["recovery"] = {"began_at": time.time(), "to": to}
        return Response(status=201)

    def _make_restore_point(self, request: Request, ref: str) -> Response:
        del ref
        name = request.json().get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 20:  # noqa: PLR2004 - the API's limit
            return failure(400, "name: String must contain at most 20 character(s)")
        done = datetime.now(UTC).isoformat()
        point = {"name": name, "status": "AVAILABLE", "completed_on": done}
        with self._document.change() as data:
            data["restore_point"] = point
        return json_response(point, 201)

    def _restore_point(self, request: Request, ref: str) -> Response:
        del ref
        with self._document.look() as data:
            point = data["restore_point"]
        if point is None or request.first("name", point["name"]) != point["name"]:
            return failure(404, "Restore point not found")
        return json_response(point)

    def _undo(self, request: Request, ref: str) -> Response:
        del ref
        with self._document.look() as data:
            point = data["restore_point"]
        if point is None or request.json().get("name") != point["name"]:
            return failure(404, "Restore point not found")
        return self._recover(0)
