"""GitHub: what its checks and the statuses of other CI systems say about a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shipway.edges.web.answers import NoAnswer
from shipway.errors import Refused
from shipway.values.gates import CheckState, CommitCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.edges.web.answers import ApiAnswer
    from shipway.edges.web.http import Api

__all__ = ["GitHub"]

_PAGE = 100
_PAGES = 10
"""GitHub keeps a thousand check runs of a name at most."""
_NOT_A_FAILURE = frozenset({"success", "neutral", "skipped"})
_GRAVITY = (CheckState.GREEN, CheckState.RUNNING, CheckState.RED)
_UNCHANGED = "Nothing was changed on GitHub."


class GitHub:
    """One repository, asked through the REST API.

    Args:
        api: the client.
        repository: `owner/name`.
        run_id: of the Actions run that we are part of: its own jobs are not waited for.
    """

    def __init__(self, api: Api, *, repository: str, run_id: str | None) -> None:
        self._api = api
        self._root = f"/repos/{repository}"
        self._repository = repository
        self._run_id = run_id

    def checks(self, commit: str) -> tuple[CommitCheck, ...]:
        """Return how every check run and commit status stands, by name.

        Raises:
            Refused: the token or the call was refused, or the API did not answer.
        """
        root = f"{self._root}/commits/{commit}"
        statuses = self._all(f"{root}/status", "statuses", "commit statuses: read")
        runs = self._all(f"{root}/check-runs", "check_runs", "checks: read")
        found: dict[str, CommitCheck] = {}
        for one in (
            *map(_of_status, statuses),
            *(_of_run(run) for run in runs if not self._is_ours(run)),
        ):
            known = found.get(one.name)
            # Two workflows may each have a job of one name: that one is green hides no other.
            if known is None or _GRAVITY.index(one.state) > _GRAVITY.index(known.state):
                found[one.name] = one
        return tuple(found[name] for name in sorted(found))

    def _all(self, path: str, kind: str, permission: str) -> list[Mapping[str, Any]]:
        """Return every page of a list; what is not told whole is no answer."""
        found: list[Mapping[str, Any]] = []
        for page in range(1, _PAGES + 1):
            answer = self._get(path, permission, page=page)
            told, total = answer.object.get(kind), answer.object.get("total_count")
            if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
                raise self._not_told(f"what came has no list of {kind}", permission)
            found += told
            if len(told) < _PAGE:
                break
        if isinstance(total, int) and len(found) < total:
            raise self._not_told(f"{len(found)} of {total} {kind} came", permission)
        return found

    def _is_ours(self, run: Mapping[str, Any]) -> bool:
        url = run.get("details_url")
        return bool(self._run_id) and f"/actions/runs/{self._run_id}/" in f"{url}/"

    def _get(self, path: str, permission: str, **params: int) -> ApiAnswer:
        try:
            answer = self._api.get(path, per_page=_PAGE, **params)
        except NoAnswer as lost:
            raise Refused(
                lost.what,
                unchanged=_UNCHANGED,
                next_step="Look at https://www.githubstatus.com, then run it again.",
            ) from None
        if answer.ok and answer.complete and isinstance(answer.json, dict):
            return answer
        told = "what came is not what its description says" if answer.ok else str(answer)
        raise self._not_told(told, permission)

    def _not_told(self, why: str, permission: str) -> Refused:
        return Refused(
            f"GitHub would not tell the checks of {self._repository}: {why}",
            unchanged=_UNCHANGED,
            next_step=f"Give GITHUB_TOKEN the permission '{permission}' for {self._repository} "
            "(GITHUB_REPOSITORY names another), or leave the token out.",
        )


def _of_run(run: Mapping[str, Any]) -> CommitCheck:
    status, conclusion = _text(run.get("status")), _text(run.get("conclusion"))
    if status != "completed":
        state = CheckState.RUNNING
    else:
        # A conclusion that we do not know is no success.
        state = CheckState.GREEN if conclusion in _NOT_A_FAILURE else CheckState.RED
    return CommitCheck(
        name=_text(run.get("name")) or "a check without a name",
        state=state,
        word=(conclusion or status) or "no word for it",
    )


def _of_status(status: Mapping[str, Any]) -> CommitCheck:
    word = _text(status.get("state"))
    states = {"success": CheckState.GREEN, "pending": CheckState.RUNNING}
    return CommitCheck(
        name=_text(status.get("context")) or "default",
        state=states.get(word, CheckState.RED),
        word=word or "no word for it",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
