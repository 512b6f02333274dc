"""Making a deployment over Vercel's REST API: from uploaded files, or from a git commit."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shipway.edges.vercel import answers as reading
from shipway.edges.web.http import NoAnswer
from shipway.errors import Failed, Refused
from shipway.values.hosting import GitSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shipway.edges.web.http import Api, ApiAnswer
    from shipway.values.hosting import AppFile, Deployment, FilesSource

__all__ = ["Creation", "unreachable"]

_UPLOADS_AT_ONCE = 4
_CREATE_ROUNDS = 3
_NOT_CREATED = "No deployment was created."
_STRANGE = "Try again; if it stays so, look at https://www.vercel-status.com."


class Creation:
    """Starts staged production builds.

    Args:
        api: the client.
        project_id: `prj_…` or the project's name.
        scope: the team, as a query.
    """

    def __init__(
        self, api: Api, *, project_id: str, scope: Mapping[str, str | float | None]
    ) -> None:
        self._api = api
        self._project_id = project_id
        self._scope = dict(scope)
        self._scheme = urlsplit(api.base_url).scheme

    def create_staged(
        self, *, name: str, source: FilesSource | GitSource, meta: Mapping[str, str]
    ) -> Deployment | None:
        """Upload what Vercel lacks and start a production build that is assigned no domain.

        Returns:
            The new deployment; None when the answer was lost, so that it may exist.

        Raises:
            Failed: Vercel refused it; nothing was created.
        """
        body: dict[str, Any] = {
            "name": name,
            "project": self._project_id,
            "target": "production",
            # Not in the documented request, but what the CLI's --skip-domain sends.
            "autoAssignCustomDomains": False,
            "meta": dict(meta),
        }
        if isinstance(source, GitSource):
            link = source.link
            origin = {"type": link.provider, **link.ids, "ref": source.ref, "sha": source.sha}
            return self._from(body | {"gitSource": origin}, ())
        listed = [
            {"file": one.name, "sha": one.sha1, "size": one.size_bytes} for one in source.files
        ]
        return self._from(body | {"files": listed}, source.files)

    def _from(self, body: dict[str, Any], files: Sequence[AppFile]) -> Deployment | None:
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
                raise unreachable(lost) from None
            missing = _missing(answer)
            if not missing:
                return self._created(answer)
            self._upload(missing, files, uploaded)
        raise Failed(
            "Vercel goes on asking for files that were uploaded.",
            unchanged=_NOT_CREATED,
            next_step=_STRANGE,
        )

    def _created(self, answer: ApiAnswer) -> Deployment | None:
        if answer.ok or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # After a fault of the server, or a broken body, the deployment may exist.
            return reading.deployment(answer.object, scheme=self._scheme) if answer.ok else None
        raise self._failure(answer, "create the deployment")

    def _upload(self, missing: set[str], files: Sequence[AppFile], uploaded: set[str]) -> None:
        ours = {one.sha1: one for one in files}
        wanted = missing & set(ours)
        if not wanted or wanted <= uploaded:
            raise Failed(
                "Vercel asks for files that this deployment does not have.",
                unchanged=_NOT_CREATED,
                next_step=_STRANGE,
            )
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda sha1: self._upload_one(ours[sha1]), sorted(wanted)))
        uploaded |= wanted

    def _upload_one(self, one: AppFile) -> None:
        try:
            content = one.path.read_bytes()
        except OSError as error:
            raise _changed_file(one, error.strerror or "it cannot be read") from None
        if hashlib.sha1(content, usedforsecurity=False).hexdigest() != one.sha1:
            raise _changed_file(one, "its content is another one now")
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
            raise unreachable(lost) from None
        if not answer.ok:
            raise self._failure(answer, f"take the file {one.name}")

    def _failure(self, answer: ApiAnswer, wish: str) -> Failed:
        return Failed(
            f"Vercel did not {wish}: {answer}",
            unchanged=_NOT_CREATED,
            next_step=reading.cure(answer, self._project_id),
        )


def unreachable(lost: NoAnswer) -> Refused:
    """Return the error for a request that Vercel never got."""
    return Refused(
        f"{lost.what}.",
        unchanged="Nothing was changed on Vercel.",
        next_step="Check the network and VERCEL_API_URL, then try again.",
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


def _changed_file(one: AppFile, how: str) -> Failed:
    return Failed(
        f"The file {one.name} changed while it was being uploaded: {how}.",
        unchanged=_NOT_CREATED,
        next_step="Let nothing write to the app's folder during a release, and try again.",
    )
