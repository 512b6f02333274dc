"""Vercel's answers turned into values: unknown words and missing fields never crash a release."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeGuard

from shipway.values.hosting import AliasJob, BuildLine, Deployment, GitLink, Hosting
from shipway.values.logs import LogRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from shipway.edges.web.http import ApiAnswer

__all__ = ["alias_names", "build_lines", "cure", "deployment", "hosting", "log_row", "text"]

_ERROR_TYPES = frozenset({"stderr", "fatal"})
_SYSTEM_DOMAIN = ".vercel.app"
_REPOSITORY_IDS = {
    "repoId": "repoId",  # GitHub
    "projectId": "projectId",  # GitLab
    "uuid": "repoUuid",  # Bitbucket
    "workspaceUuid": "workspaceUuid",
}
"""How a connected repository names itself, to how a request for a build of it does."""


LONGEST_LINE_CHARS = 4096
"""Of a line that an app or a build writes; what is longer is cut before anything works on it."""


def text(value: object) -> str:
    """Return a string as it is, and anything else as the empty string."""
    return value if isinstance(value, str) else ""


def line_of(value: object) -> str:
    """Return a line that somebody else has written, its end left out when it is long."""
    whole = text(value)
    return whole if len(whole) <= LONGEST_LINE_CHARS else whole[:LONGEST_LINE_CHARS] + "…"


def deployment(found: Mapping[str, Any], *, scheme: str) -> Deployment | None:
    """Read a deployment of any view (full, minimal, public, list); None without an id.

    Args:
        found: the JSON object.
        scheme: of the deployment's URL, which Vercel writes without one.
    """
    deployment_id = text(found.get("id")) or text(found.get("uid"))
    if not deployment_id:
        return None
    assigned = found.get("autoAssignCustomDomains")
    meta = found.get("meta")
    host = text(found.get("url"))
    return Deployment(
        deployment_id=deployment_id,
        url=host if not host or "://" in host else f"{scheme}://{host}",
        ready_state=_state(found),
        production=found.get("target") == "production",
        auto_assign_domains=assigned if isinstance(assigned, bool) else None,
        meta={str(k): str(v) for k, v in meta.items()} if isinstance(meta, dict) else {},
        error=_trouble(found) or None,
        inspector_url=text(found.get("inspectorUrl")) or None,
        build_s=_build_s(found),
    )


def _build_s(found: Mapping[str, Any]) -> float | None:
    """Return the seconds from creation to READY: what somebody who deploys waits for."""
    began = found.get("createdAt", found.get("created"))
    ready = found.get("ready")
    if isinstance(began, int) and isinstance(ready, int) and ready >= began:
        return (ready - began) / 1000
    return None


def _state(found: Mapping[str, Any]) -> str:
    for name in ("readyState", "state", "status"):
        if text(found.get(name)):
            return text(found[name])
    return "UNKNOWN"


def _trouble(found: Mapping[str, Any]) -> str:
    """Return everything that the server says is wrong with a deployment, as one phrase."""
    said = []
    if text(found.get("errorMessage")) or text(found.get("errorCode")):
        said.append(_with_code(found.get("errorCode"), found.get("errorMessage")))
    if text(found.get("readyStateReason")):
        said.append(text(found["readyStateReason"]))
    alias_error = found.get("aliasError")
    if isinstance(alias_error, dict):
        said.append(_with_code(alias_error.get("code"), alias_error.get("message")))
    if found.get("checksConclusion") in {"failed", "canceled"}:
        said.append(f"its checks on Vercel {found['checksConclusion']}")
    seat = found.get("seatBlock")
    if isinstance(seat, dict):
        said.append(f"blocked: {text(seat.get('blockCode')) or 'no seat'}")
    if text(found.get("oomReport")):
        said.append("the build ran out of memory")
    return "; ".join(dict.fromkeys(said))


def _with_code(code: object, message: object) -> str:
    return ": ".join(part for part in (text(code), text(message)) if part)


def hosting(
    found: Mapping[str, Any], domains: Iterable[Mapping[str, Any]], *, scheme: str
) -> Hosting:
    """Read a project and the list of its production domains."""
    targets = found.get("targets")
    production = targets.get("production") if isinstance(targets, dict) else None
    production = production if isinstance(production, dict) else {}
    auto = found.get("autoAssignCustomDomains")
    job = _job(found.get("lastAliasRequest"))
    return Hosting(
        project_id=text(found.get("id")),
        name=text(found.get("name")),
        production_id=text(production.get("id")) or None,
        production_urls=_urls(found, domains, production, scheme),
        auto_assign_domains=auto if isinstance(auto, bool) else None,
        rolled_back=job is not None and job.kind == "rollback" and job.status == "succeeded",
        git=_git_link(found.get("link")),
        last_job=job,
        rolling_release=isinstance(found.get("rollingRelease"), dict),
    )


def _job(found: object) -> AliasJob | None:
    if not isinstance(found, dict):
        return None
    moment = found.get("requestedAt")
    return AliasJob(
        kind=text(found.get("type")),
        to_id=text(found.get("toDeploymentId")),
        status=text(found.get("jobStatus")),
        requested_at_ms=int(moment) if _is_finite(moment) else 0,
    )


def _urls(
    found: Mapping[str, Any],
    domains: Iterable[Mapping[str, Any]],
    production: Mapping[str, Any],
    scheme: str,
) -> tuple[str, ...]:
    """Return the public URLs, the team's own domains before those of vercel.app."""
    names = [
        text(one.get("name"))
        for one in domains
        if not one.get("redirect") and one.get("verified") is not False
    ]
    if not any(names):
        aliases = found.get("alias")
        names = [
            text(one.get("domain"))
            for one in (aliases if isinstance(aliases, list) else [])
            if isinstance(one, dict)
            and one.get("target") == "PRODUCTION"
            and not one.get("redirect")
        ]
    if not any(names):
        served = production.get("alias")
        names = [text(one) for one in (served if isinstance(served, list) else [])]
    known = dict.fromkeys(name for name in names if name)
    return tuple(
        f"{scheme}://{name}" for name in sorted(known, key=lambda n: n.endswith(_SYSTEM_DOMAIN))
    )


def _git_link(link: object) -> GitLink | None:
    if not isinstance(link, dict):
        return None
    owner = text(link.get("org")) or text(link.get("owner")) or text(link.get("projectNamespace"))
    name = text(link.get("repo")) or text(link.get("slug")) or text(link.get("projectName"))
    if not name:
        return None
    ids = {
        wanted: link[given]
        for given, wanted in _REPOSITORY_IDS.items()
        if isinstance(link.get(given), str | int)
    }
    return GitLink(
        provider=text(link.get("type")),
        repository=f"{owner}/{name}" if owner else name,
        ids=ids,
    )


def build_lines(events: Iterable[object]) -> Iterator[BuildLine]:
    """Read build events of each of their three shapes; what holds no text is left out."""
    for event in events:
        if not isinstance(event, dict):
            continue
        payload = event.get("payload")
        inner: dict[str, Any] = payload if isinstance(payload, dict) else event
        line = line_of(inner.get("text")).rstrip()
        if line:
            bad = event.get("type") in _ERROR_TYPES or event.get("level") == "error"
            moment = event.get("created")
            yield BuildLine(
                text=line,
                error=bad,
                serial=text(inner.get("serial")) or text(inner.get("id")),
                at_ms=int(moment) if _is_finite(moment) else 0,
            )


def alias_names(listed: object) -> tuple[str, ...]:
    """Read the domains of a promotion: `{alias: str}`, or `{alias: {alias, deploymentId}}`."""
    names = []
    for one in listed if isinstance(listed, list) else []:
        named = one.get("alias") if isinstance(one, dict) else None
        names.append(text(named.get("alias") if isinstance(named, dict) else named))
    return tuple(name for name in names if name)


def log_row(found: object) -> LogRow | None:
    """Read one row of the runtime log; None when it is no object.

    The row that marks the stream's limit keeps its source `delimiter`.
    """
    if not isinstance(found, dict):
        return None
    moment = found.get("timestampInMs")
    status = found.get("responseStatusCode")
    # -1 and 0 stand for "no response" in rows that are not requests.
    answered = isinstance(status, int) and not isinstance(status, bool) and status > 0
    return LogRow(
        row_id=text(found.get("rowId")),
        at=_moment(moment),
        level=text(found.get("level")),
        source=text(found.get("source")),
        message=line_of(found.get("message")),
        path=line_of(found.get("requestPath")) or None,
        status=status if answered else None,
    )


def _moment(milliseconds: object) -> datetime:
    if _is_finite(milliseconds):
        with suppress(OverflowError, OSError, ValueError):
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return datetime.fromtimestamp(0, UTC)


def _is_finite(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    )


def cure(answer: ApiAnswer, project_id: str) -> str:
    """Return what an operator does about an answer that is no success."""
    status = answer.status
    inner = answer.object.get("error")
    not_a_token = isinstance(inner, dict) and inner.get("invalidToken") is True
    if status == HTTPStatus.UNAUTHORIZED or not_a_token:
        return "Vercel does not know this token: make a new one and set VERCEL_TOKEN."
    known = {
        HTTPStatus.FORBIDDEN: (
            f"The token is known but may not use the project {project_id}: check "
            "VERCEL_ORG_ID, VERCEL_PROJECT_ID and the token's scope."
        ),
        HTTPStatus.NOT_FOUND: (
            f"Check VERCEL_PROJECT_ID ({project_id}) and VERCEL_ORG_ID: what belongs to "
            "another team is not found either."
        ),
        HTTPStatus.PAYMENT_REQUIRED: "The team's plan on Vercel does not include this.",
        HTTPStatus.TOO_MANY_REQUESTS: "Vercel asks for a pause: try again in a few minutes.",
    }
    for one, advice in known.items():
        if status == one:
            return advice
    return "Try again; if it stays so, look at https://www.vercel-status.com."
