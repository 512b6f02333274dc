"""A deployment's log of the past: what was requested, and which errors were written meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shipway.edges.vercel.answers import line_of, text
from shipway.edges.web.http import NoAnswer
from shipway.errors import Refused
from shipway.values.logs import LogRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.edges.web.http import Api, ApiAnswer
    from shipway.values.basics import Clock

__all__ = ["VercelHistory"]

_PATH = "/v1/observability/events"
_PAGE = 1000
_KEPT_ERRORS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One of the two kinds of records."""

    event: str
    reason: str
    select: tuple[str, ...]
    filter: str


_REQUESTS = _Kind(
    event="vercel.proxy_response",
    reason="shipway/requests",
    select=("requestId", "requestPath", "requestMethod", "httpStatus"),
    filter='NOT pathType:"background_func"',
)
_WRITTEN = _Kind(
    event="vercel.log",
    reason="shipway/errors",
    select=("requestId", "requestPath", "level", "message", "source"),
    filter="level:(error OR fatal)",
)


class VercelHistory:
    """Asks as the Vercel CLI 64 does for `vercel logs`; Vercel documents the call nowhere.

    Args:
        api: the client.
        project_id: `prj_…`.
        team_id: the owner; the call knows teams only.
        clock: gives the end of the range.
    """

    def __init__(self, api: Api, *, project_id: str, team_id: str | None, clock: Clock) -> None:
        self._api = api
        self._project_id = project_id
        self._team_id = team_id if (team_id or "").startswith("team_") else None
        self._clock = clock
        self._gaps: dict[tuple[str, str], None] = {}
        self._dropped = False

    def rows(self, deployment_id: str, since: datetime) -> Iterator[list[LogRow]]:
        """Give the requests since a moment, with the errors that they wrote; the newest first.

        Errors that belong to none of these requests come last, as rows without a status.

        Raises:
            Refused: Vercel does not tell: the project is no team's, the token may not, or the
                plan does not keep logs for so long.
        """
        if self._team_id is None:
            raise Refused(
                "Vercel tells the past of logs for projects of teams only.",
                unchanged="Nothing was changed.",
                next_step="Watch what comes instead: leave --since out.",
            )
        until = self._clock.now()
        written: OrderedDict[str, LogRow] = OrderedDict()
        for page in self._pages(_WRITTEN, deployment_id, since, until):
            for event in page:
                self._keep(written, event)
        for page in self._pages(_REQUESTS, deployment_id, since, until):
            yield [self._request(event, written) for event in page]
        yield list(written.values())

    def unseen(self) -> str:
        """Return what the answers left out; empty when they told everything."""
        told = [f"Vercel's log from {start} to {end}" for start, end in self._gaps]
        if self._dropped:
            told.append(f"the messages of all but {_KEPT_ERRORS} errors")
        return "; ".join(told)

    def _keep(self, written: OrderedDict[str, LogRow], event: dict[str, Any]) -> None:
        row = LogRow(
            row_id=text(event.get("requestId")),
            at=_moment(event.get("timestamp")),
            level=text(event.get("level")),
            source=text(event.get("source")),
            message=line_of(event.get("message")),
            path=line_of(event.get("requestPath")) or None,
            status=None,
        )
        if len(written) >= _KEPT_ERRORS:
            self._dropped = True
            return
        # One request may write several; they are one failure, told by its first line.
        written[row.row_id or f"{len(written)}"] = row

    def _request(self, event: dict[str, Any], written: OrderedDict[str, LogRow]) -> LogRow:
        said = written.pop(text(event.get("requestId")), None)
        status = event.get("httpStatus")
        return LogRow(
            row_id=text(event.get("requestId")),
            at=_moment(event.get("timestamp")),
            level=said.level if said else "info",
            source="request",
            message=said.message if said else "",
            path=line_of(event.get("requestPath")) or None,
            status=status if isinstance(status, int) and status > 0 else None,
        )

    def _pages(
        self, kind: _Kind, deployment_id: str, since: datetime, until: datetime
    ) -> Iterator[list[dict[str, Any]]]:
        size, cursor = _PAGE, None
        while True:
            answer = self._page(kind, deployment_id, since, until, size, cursor)
            # Vercel itself finds it too large, or it was too large to be read.
            large = answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (
                answer.ok and not answer.complete
            )
            if large and size > 1:
                size //= 2
                continue
            events = answer.object.get("events")
            if not answer.ok or not isinstance(events, list):
                raise _refusal(answer)
            self._note_gaps(answer)
            yield [one for one in events if isinstance(one, dict)]
            pages = answer.object.get("pagination")
            following = pages.get("nextCursor") if isinstance(pages, dict) else None
            if not following or following == cursor:
                return
            cursor = following

    def _page(  # noqa: PLR0913, PLR0917 - the parts of the question
        self,
        kind: _Kind,
        deployment_id: str,
        since: datetime,
        until: datetime,
        size: int,
        cursor: str | None,
    ) -> ApiAnswer:
        body: dict[str, Any] = {
            "event": kind.event,
            "scope": {"ownerId": self._team_id, "projectIds": [self._project_id]},
            # Requests are kept by whole seconds.
            "timeRange": {"start": _iso(since), "end": _iso(until)},
            "select": list(kind.select),
            "filter": f'(deploymentId:"{deployment_id}") AND ({kind.filter})',
            "order": "desc",
            "limit": size,
        }
        try:
            return self._api.request(
                "POST",
                _PATH,
                params={"teamId": self._team_id},
                json_body=body | ({"cursor": cursor} if cursor else {}),
                headers={"x-vercel-observability-query-reason": kind.reason},
                # It only reads.
                repeatable=True,
            )
        except NoAnswer as lost:
            raise Refused(
                f"{lost.what}.",
                unchanged="Nothing was changed.",
                next_step="Check the network and VERCEL_API_URL, then try again.",
            ) from None

    def _note_gaps(self, answer: ApiAnswer) -> None:
        meta = answer.object.get("meta")
        listed = meta.get("excludedIntervals") if isinstance(meta, dict) else None
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict):
                self._gaps[text(one.get("start")), text(one.get("end"))] = None


def _refusal(answer: ApiAnswer) -> Refused:
    return Refused(
        f"Vercel does not tell the past of the log: {answer}",
        unchanged="Nothing was changed.",
        next_step="Plans keep logs for an hour (Hobby) to a month: ask for less with --since, or "
        "leave it out to watch what comes.",
    )


def _moment(given: object) -> datetime:
    """Read a time in epoch milliseconds or as ISO 8601; the wire's form is not documented."""
    try:
        if isinstance(given, str) and not given.isdigit():
            moment = datetime.fromisoformat(given)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(str(given)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
