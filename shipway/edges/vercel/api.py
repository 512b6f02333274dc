"""Vercel's REST API: what shipway asks of it and orders from it, one method a call."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from shipway.edges.vercel import answers as reading
from shipway.edges.vercel.creation import Creation, unreachable
from shipway.edges.web.http import NoAnswer
from shipway.errors import Refused
from shipway.values.hosting import RELEASE_META, Asked, CliSource, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.edges.vercel.cli import VercelCli
    from shipway.edges.web.http import Api, ApiAnswer
    from shipway.values.hosting import BuildLine, Deployment, Hosting, Source

__all__ = ["Vercel"]


class Vercel:
    """One project of one team.

    Args:
        api: the client; deployments' URLs get the scheme of its base URL.
        project_id: `prj_…` or the project's name.
        team_id: `team_…`; anything else, such as a personal account's id, is no scope.
        cli: makes the deployments whose source is the Vercel CLI.
    """

    def __init__(self, api: Api, *, project_id: str, team_id: str | None, cli: VercelCli) -> None:
        self._api = api
        self._cli = cli
        self._project_id = project_id
        self._project = quote(project_id, safe="")
        self._scope: dict[str, str | float | None] = {
            "teamId": team_id if (team_id or "").startswith("team_") else None
        }
        self._scheme = urlsplit(api.base_url).scheme
        self._creation = Creation(api, project_id=project_id, scope=self._scope)

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

    def build_log(self, deployment_id: str, *, since_ms: int = 0) -> tuple[BuildLine, ...]:
        """Return the build log as far as it has been written; empty when it cannot be had.

        Args:
            deployment_id: whose.
            since_ms: only lines from this moment of the server's clock on, as far as Vercel obeys.
        """
        try:
            answer = self._get(
                f"/v3/deployments/{quote(deployment_id, safe='')}/events",
                direction="forward",
                follow=0,
                limit=-1,
                since=since_ms or None,
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
        return reading.alias_names(listed)

    # --- changing -----------------------------------------------------------------------------

    def create_staged(
        self, *, name: str, source: Source, meta: Mapping[str, str]
    ) -> Deployment | None:
        """Start a production build that is assigned no domain.

        Returns:
            The new deployment; None when the answer was lost, so that it may exist.

        Raises:
            Failed: Vercel, or its CLI, refused it; nothing was created.
        """
        if not isinstance(source, CliSource):
            return self._creation.create_staged(name=name, source=source, meta=meta)
        made = self._cli.deploy(source, meta)
        try:
            return self.get(made) if made else None
        except Refused:
            # It exists, and is looked for by its metadata as any other whose answer was lost.
            return None

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

    def _get(self, path: str, **params: str | float | None) -> ApiAnswer:
        try:
            return self._api.request("GET", path, params={**self._scope, **params})
        except NoAnswer as lost:
            raise unreachable(lost) from None

    def _refusal(self, answer: ApiAnswer, wish: str) -> Refused:
        return Refused(
            f"Vercel did not {wish}: {answer}",
            unchanged="Nothing was changed on Vercel.",
            next_step=reading.cure(answer, self._project_id),
        )
