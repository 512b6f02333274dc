"""Vercel's REST API: what shipway asks of it and orders from it, one method a call."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from shipway.edges import vercel_reading as reading
from shipway.edges.http import NoAnswer
from shipway.errors import Failed, Refused
from shipway.values import RELEASE_META, Asked, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shipway.edges.http import Api, ApiAnswer
    from shipway.values import AppFile, BuildLine, Deployment, Hosting

__all__ = ["Vercel"]

_UPLOADS_AT_ONCE = 4
_CREATE_ROUNDS = 3
_NOTHING_CHANGED = "Nothing was changed on Vercel."


class Vercel:
    """One project of one team.

    Args:
        api: the client; deployments' URLs get the scheme of its base URL.
        project_id: `prj_…` or the project's name.
        team_id: `team_…`; anything else, such as a personal account's id, is no scope.
    """

    def __init__(self, api: Api, *, project_id: str, team_id: str | None) -> None:
        self._api = api
        self._project_id = project_id
        self._project = quote(project_id, safe="")
        self._scope: dict[str, str | float | None] = {
            "teamId": team_id if (team_id or "").startswith("team_") else None
        }
        self._scheme = urlsplit(api.base_url).scheme

    # --- looking ------------------------------------------------------------------------------

    def hosting(self) -> Hosting:
        """Return the project: what serves production, its domains, its last promotion.

        This is also the proof that the token is accepted and may see the project.

        Raises:
            Refused: token refused (401, 403), no such project (404), or Vercel cannot answer.
        """
        answer = self._get(f"/v9/projects/{self._project}")
        if not answer.ok or not reading.text(answer.object.get("id")):
            raise self._refusal(answer, "show the project")
        domains = self._get(f"/v9/projects/{self._project}/domains", production="true", limit=100)
        listed = domains.object.get("domains") if domains.ok else []
        return reading.hosting(
            answer.object,
            [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else [],
            scheme=self._scheme,
        )

    def get(self, deployment_id: str) -> Deployment:
        """Return a deployment as it is now.

        Raises:
            Refused: it is not there, or Vercel cannot answer.
        """
        answer = self._get(f"/v13/deployments/{quote(deployment_id, safe='')}")
        found = reading.deployment(answer.object, scheme=self._scheme) if answer.ok else None
        if found is None:
            raise self._refusal(answer, f"show the deployment {deployment_id}")
        return found

    def find(self, release_id: str) -> Deployment | None:
        """Return the newest production deployment that carries this release id.

        Raises:
            Refused: Vercel cannot answer.
        """
        answer = self._get(
            "/v7/deployments", projectId=self._project_id, target="production", limit=100
        )
        listed = answer.object.get("deployments")
        if not answer.ok or not isinstance(listed, list):
            raise self._refusal(answer, "list the deployments")
        for one in listed:
            found = reading.deployment(one, scheme=self._scheme) if isinstance(one, dict) else None
            if found is not None and found.meta.get(RELEASE_META) == release_id:
                return self.get(found.deployment_id)
        return None

    def events(self, deployment_id: str) -> tuple[BuildLine, ...]:
        """Return the build log as far as it has been written; empty when it cannot be had."""
        try:
            answer = self._get(
                f"/v3/deployments/{quote(deployment_id, safe='')}/events",
                direction="forward",
                follow=0,
                limit=-1,
            )
        except Refused:
            return ()
        listed = answer.json if isinstance(answer.json, list) else [answer.json]
        return tuple(reading.build_lines(listed)) if answer.ok else ()

    def serves(self, url: str) -> str | None:
        """Return the id of the deployment behind a public URL; None when Vercel does not say."""
        try:
            answer = self._get(f"/v4/aliases/{quote(urlsplit(url).netloc, safe=':')}")
        except Refused:
            return None
        return reading.text(answer.object.get("deploymentId")) or None if answer.ok else None

    def failed_aliases(self) -> tuple[str, ...]:
        """Return the domains that the last promotion could not move, as far as Vercel says."""
        try:
            answer = self._get(
                f"/v1/projects/{self._project}/promote/aliases", failedOnly="true", limit=100
            )
        except Refused:
            return ()
        listed = answer.object.get("aliases") if answer.ok else []
        names = (one.get("alias") for one in listed or [] if isinstance(one, dict))
        return tuple(reading.text(name) for name in names if reading.text(name))

    # --- changing -----------------------------------------------------------------------------

    def create_staged(
        self, *, name: str, files: Sequence[AppFile], meta: Mapping[str, str]
    ) -> Deployment | None:
        """Upload what Vercel lacks and start a production build that is assigned no domain.

        Returns:
            The new deployment; None when the answer was lost, so that it may exist.

        Raises:
            Failed: Vercel refused it; nothing was created.
        """
        body = {
            "name": name,
            "project": self._project_id,
            "target": "production",
            # Not in the documented request, but what the CLI's --skip-domain sends.
            "autoAssignCustomDomains": False,
            "files": [{"file": one.name, "sha": one.sha1, "size": one.size_bytes} for one in files],
            "meta": dict(meta),
        }
        uploaded: set[str] = set()
        for _ in range(_CREATE_ROUNDS):
            try:
                answer = self._api.request(
                    "POST",
                    "/v13/deployments",
                    params=self._scope | {"forceNew": 1, "skipAutoDetectionConfirmation": 1},
                    json_body=body,
                )
            except NoAnswer as lost:
                if lost.sent:
                    return None
                raise self._unreachable(lost) from None
            missing = _missing(answer)
            if not missing:
                return self._created(answer)
            self._upload(missing, files, uploaded)
        raise Failed(
            "Vercel goes on asking for files that were uploaded.",
            unchanged="No deployment was created.",
            next_step="Try again; if it stays so, look at https://www.vercel-status.com.",
        )

    def _created(self, answer: ApiAnswer) -> Deployment | None:
        if answer.ok or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # After a fault of the server, or a broken body, the deployment may exist.
            return reading.deployment(answer.object, scheme=self._scheme) if answer.ok else None
        raise self._failure(answer, "create the deployment", "No deployment was created.")

    def _upload(self, missing: set[str], files: Sequence[AppFile], uploaded: set[str]) -> None:
        ours = {one.sha1: one for one in files}
        wanted = missing & set(ours)
        if not wanted or wanted <= uploaded:
            raise Failed(
                "Vercel asks for files that this deployment does not have.",
                unchanged="No deployment was created.",
                next_step="Try again; if it stays so, look at https://www.vercel-status.com.",
            )
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda sha1: self._upload_one(ours[sha1]), sorted(wanted)))
        uploaded |= wanted

    def _upload_one(self, one: AppFile) -> None:
        try:
            content = one.path.read_bytes()
        except OSError as error:
            raise _changed_meanwhile(one, error.strerror or "it cannot be read") from None
        if hashlib.sha1(content, usedforsecurity=False).hexdigest() != one.sha1:
            raise _changed_meanwhile(one, "its content is another one now")
        try:
            answer = self._api.request(
                "POST",
                "/v2/files",
                params=self._scope,
                content=content,
                headers={"x-vercel-digest": one.sha1, "Content-Type": "application/octet-stream"},
                # A file is named by its digest: sending it twice stores it once.
                repeatable=True,
            )
        except NoAnswer as lost:
            raise self._unreachable(lost) from None
        if not answer.ok:
            raise self._failure(answer, f"take the file {one.name}", "No deployment was created.")

    def cancel(self, deployment_id: str) -> bool:
        """Stop a build; False when Vercel did not: it had ended, or cannot answer."""
        path = f"/v12/deployments/{quote(deployment_id, safe='')}/cancel"
        try:
            return self._api.request("PATCH", path, params=self._scope, repeatable=True).ok
        except NoAnswer:
            return False

    def promote(self, deployment_id: str) -> Asked:
        """Ask to let a deployment serve production. That it does has to be looked for."""
        return self._ask(f"/v10/projects/{self._project}/promote/{quote(deployment_id, safe='')}")

    def roll_back(self, deployment_id: str, *, why: str) -> Asked:
        """Ask to let an earlier deployment serve production again."""
        path = f"/v1/projects/{self._project}/rollback/{quote(deployment_id, safe='')}"
        # Vercel keeps at most 250 characters.
        return self._ask(path, description=why[:250])

    def _ask(self, path: str, **params: str) -> Asked:
        try:
            answer = self._api.request("POST", path, params={**self._scope, **params}, json_body={})
        except NoAnswer as lost:
            return Asked(reply=Reply.LOST if lost.sent else Reply.NOT_SENT, message=lost.what)
        if answer.status == HTTPStatus.ACCEPTED:
            reply = Reply.QUEUED
        elif answer.ok:
            reply = Reply.ACCEPTED
        elif answer.status == HTTPStatus.CONFLICT:
            reply = Reply.CONFLICT
        elif answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reply = Reply.LOST
        else:
            reply = Reply.REJECTED
        return Asked(reply=reply, message=str(answer))

    # --- answers ------------------------------------------------------------------------------

    def _get(self, path: str, **params: str | int) -> ApiAnswer:
        try:
            return self._api.request("GET", path, params={**self._scope, **params})
        except NoAnswer as lost:
            raise self._unreachable(lost) from None

    def _unreachable(self, lost: NoAnswer) -> Refused:
        return Refused(
            f"{lost.what}.",
            unchanged=_NOTHING_CHANGED,
            next_step="Check the network and VERCEL_API_URL, then try again.",
        )

    def _refusal(self, answer: ApiAnswer, wish: str) -> Refused:
        return Refused(
            f"Vercel did not {wish}: {answer}",
            unchanged=_NOTHING_CHANGED,
            next_step=reading.cure(answer, self._project_id),
        )

    def _failure(self, answer: ApiAnswer, wish: str, unchanged: str) -> Failed:
        return Failed(
            f"Vercel did not {wish}: {answer}",
            unchanged=unchanged,
            next_step=reading.cure(answer, self._project_id),
        )


def _missing(answer: ApiAnswer) -> set[str]:
    """Return the digests that Vercel wants uploaded before it creates a deployment."""
    inner = answer.object.get("error")
    if answer.code != "missing_files" or not isinstance(inner, dict):
        return set()
    listed = inner.get("missing")
    return (
        {text for text in map(reading.text, listed) if text} if isinstance(listed, list) else set()
    )


def _changed_meanwhile(one: AppFile, how: str) -> Failed:
    return Failed(
        f"The file {one.name} changed while it was being uploaded: {how}.",
        unchanged="No deployment was created.",
        next_step="Let nothing write to the app's folder during a release, and try again.",
    )
