"""What is so at this moment on the Vercel side: builds that progress, domains that move.

Nothing runs in the background. Every record says when it began and what becomes of it, and each
look at the world first makes true what is due by now; so a restart loses and delays nothing.
"""

from __future__ import annotations

import contextlib
import secrets
import string
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.sandbox.faults import FaultBook
    from shipway.sandbox.state import Document

FRESH: dict[str, Any] = {
    "deployments": {},
    "production": None,
    "auto_assign": True,
    "pinned_by_rollback": False,
    "rollback": None,
    "job": None,
    "added_bypass": {},
    "aliases": {},
    "env": [],
}
SETTINGS: dict[str, Any] = {
    "build_s": 0.3,
    "alias_s": 0.2,
    "auto_assign": True,  # False: the project stages every production deployment by default
    "pinned_by_rollback": False,  # as a rollback leaves it
    "protection": None,  # or all, all_except_custom_domains
    "git_link": None,  # or {"type", "repo", "productionBranch", ...}
    "git_folder": None,  # a clone that stands for what the git provider has of it
    "rolling_release": None,  # the project's configuration of it
    "rolling_release_state": None,  # the rollout that is under way
    "plan": "pro",
    "deployments_kept": 200,  # the oldest are deleted; each one open costs a file descriptor
    "log_stream_s": 300.0,  # the longest life of one runtime-log stream
}
_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return an id as Vercel writes them: `prefix_` and letters and digits."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who owns what; made once and never changed."""

    token: str
    team_id: str
    team_slug: str
    project_id: str
    project_name: str
    user_id: str
    bypass_secret: str
    created_at_ms: int


class World:
    """The project's deployments and which of them serves production."""

    def __init__(
        self, *, account: Account, document: Document, settings: Document, faults: FaultBook
    ) -> None:
        self.account = account
        self.faults = faults
        self.production_host = ""
        self._document = document
        self._settings = settings

    def setting(self, name: str) -> Any:
        """Return one of `SETTINGS` as it is set by now."""
        with self._settings.look() as settings:
            return settings[name]

    @contextlib.contextmanager
    def look(self) -> Iterator[dict[str, Any]]:
        """Give the world as it is now, for reading."""
        with self._document.look() as data:
            if _due(data, now_ms()):
                with self._document.change():
                    self._make_due_true(data)
            yield data

    @contextlib.contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """Give the world as it is now, for changing."""
        with self._document.change() as data:
            self._make_due_true(data)
            yield data

    def find(self, data: dict[str, Any], id_or_host: str) -> dict[str, Any] | None:
        """Return the record of a deployment by its id, its host or the production host."""
        known: dict[str, dict[str, Any]] = data["deployments"]
        if id_or_host == self.production_host and data["production"]:
            return known[data["production"]]
        if id_or_host in known:
            return known[id_or_host]
        hosts = {f"127.0.0.1:{one['port']}": one for one in known.values()}
        return hosts.get(id_or_host)

    def forget(self, data: dict[str, Any], one: dict[str, Any]) -> None:
        """Remove a deployment's record, the aliases on it, and the hope of a job to serve it."""
        del data["deployments"][one["id"]]
        data["aliases"] = {host: to for host, to in data["aliases"].items() if to != one["id"]}
        job = data["job"]
        if job and not job["applied"] and job["to"] == one["id"]:
            job["applied"], job["outcome"] = True, "failed"

    def auto_assigns(self, data: dict[str, Any]) -> bool:
        """Tell whether a production deployment gets the production domain by itself."""
        return bool(
            data["auto_assign"]
            and self.setting("auto_assign")
            and not self.setting("pinned_by_rollback")
        )

    def _make_due_true(self, data: dict[str, Any]) -> None:
        for at, kind, thing in _due(data, now_ms()):
            if kind == "build":
                self._finish_build(data, thing, at)
            else:
                _finish_job(data, thing, at)

    def _finish_build(self, data: dict[str, Any], one: dict[str, Any], at: int) -> None:
        outcome = one["outcome"]
        one["done_at"] = at
        one["final"] = outcome if outcome in {"ERROR", "CANCELED"} else "READY"
        if outcome == "READY" and one["target"] == "production" and one["auto_assign"]:
            _serve(data, one["id"], at)


def phase(one: dict[str, Any]) -> str:
    """Return the readyState of a deployment's record."""
    if one["final"]:
        return str(one["final"])
    if one["outcome"] == "BLOCKED":
        return "BLOCKED"
    gone = now_ms() - one["created_at"]
    if gone < 0.15 * one["build_ms"]:
        return "QUEUED"
    return "INITIALIZING" if gone < 0.3 * one["build_ms"] else "BUILDING"


def alias_request(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return `lastAliasRequest` as the project shows it."""
    job = data["job"]
    if job is None:
        return None
    now = now_ms()
    if job["outcome"] == "stale" or job["shown_at"] is None or now < job["shown_at"]:
        before: dict[str, Any] | None = job["before"]
        return before
    if job["applied"]:
        status = job["outcome"] if job["outcome"] in {"failed", "skipped"} else "succeeded"
    else:
        status = "pending" if now - job["shown_at"] < 0.3 * job["takes_ms"] else "in-progress"
    return {
        "fromDeploymentId": job["from"],
        "toDeploymentId": job["to"],
        "jobStatus": status,
        "requestedAt": job["requested_at"] + job["shift_ms"],
        "type": job["type"],
    }


def _due(data: dict[str, Any], now: int) -> list[tuple[int, str, dict[str, Any]]]:
    due: list[tuple[int, str, dict[str, Any]]] = []
    for one in data["deployments"].values():
        ends = one["created_at"] + one["build_ms"]
        if not one["final"] and one["outcome"] not in {"never", "BLOCKED"} and ends <= now:
            due.append((ends, "build", one))
    job = data["job"]
    if job and not job["applied"] and job["due_at"] is not None and job["due_at"] <= now:
        due.append((job["due_at"], "job", job))
    return sorted(due, key=lambda event: event[0])


def _finish_job(data: dict[str, Any], job: dict[str, Any], at: int) -> None:
    job["applied"] = True
    if job["outcome"] in {"failed", "skipped"}:
        return
    _serve(data, job["to"], at)
    if job["type"] == "rollback":
        data["auto_assign"] = False
        data["pinned_by_rollback"] = True
        data["rollback"] = {"at": at, "to": job["to"], "description": job["description"]}
    elif data["pinned_by_rollback"]:
        # An explicit promotion undoes the rollback, and with it the pin.
        data["auto_assign"], data["pinned_by_rollback"], data["rollback"] = True, False, None


def _serve(data: dict[str, Any], deployment_id: str, at: int) -> None:
    data["production"] = deployment_id
    one = data["deployments"][deployment_id]
    one["served_at"] = one["served_at"] or at
