"""Smoke test: the pages that have to answer before, and after, a deployment is production."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from shipway.errors import Misconfigured
from shipway.values.checks import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shipway.values.basics import Clock
    from shipway.values.hosting import Page

__all__ = [
    "PAGE_KEYS",
    "ROOT_PAGE",
    "SmokePage",
    "Web",
    "failures_of",
    "judge",
    "probe",
    "read_pages",
    "smoke",
    "wait_settled",
]

_OK = 200
_REDIRECTS = range(300, 400)
_UNAUTHORIZED = 401
_SHOWN_CHARS = 120
_SETTLING_S = 30.0
"""Longest time that a public domain gets to show what Vercel says that it serves."""
PAGE_KEYS: Final[dict[str, tuple[type | tuple[type, ...], str]]] = {
    "path": (str, "what is fetched; begins with one slash; it has to be said"),
    "status": (int, "the answer's status, 200 unless given; redirects are not followed"),
    "contains": (str, "a text that only the right page holds"),
    "headers": (dict, "sent along, a table of texts"),
    "within_ms": ((int, float), "longest time for the whole page, milliseconds"),
}
"""What a page of checks/smoke.toml may say: its type and its meaning."""


class Web(Protocol):
    """Plain GETs."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        """Fetch one page without following redirects; that none came is a result too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokePage:
    """A page and what it has to answer."""

    path: str
    status: int = _OK
    contains: str = ""
    """A text that only the right page holds."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with the request, for example a language or a host."""
    within_ms: float | None = None
    """Longest time for the whole page."""


ROOT_PAGE = SmokePage(path="/")
"""What is tested when a project says nothing: the front page answers 200."""


def read_pages(file: Path) -> tuple[SmokePage, ...]:
    """Read the `[[page]]` tables of checks/smoke.toml; without the file it is the front page.

    Raises:
        Misconfigured: the file is not of that form, or holds no page.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return (ROOT_PAGE,)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _wrong(file, f"cannot be read: {error}") from None
    pages = table.pop("page", None)
    if table or not isinstance(pages, list) or not pages:
        raise _wrong(file, "has to consist of [[page]] tables")
    return tuple(_page(file, number, one) for number, one in enumerate(pages, 1))


def _page(file: Path, number: int, given: Mapping[str, Any]) -> SmokePage:
    for key, value in given.items():
        if key not in PAGE_KEYS:
            raise _wrong(
                file, f"page {number}: unknown key '{key}' (known: {', '.join(PAGE_KEYS)})"
            )
        if not isinstance(value, PAGE_KEYS[key][0]) or isinstance(value, bool):
            raise _wrong(file, f"page {number}: {key} = {value!r} is not of the right type")
    path = given.get("path", "")
    if not path.startswith("/") or path.startswith("//"):
        raise _wrong(file, f"page {number}: path has to begin with one slash")
    headers = given.get("headers", {})
    if not all(isinstance(value, str) for value in headers.values()):
        raise _wrong(file, f"page {number}: headers have to be texts")
    return SmokePage(**{**given, "headers": tuple(headers.items())})


def _wrong(file: Path, problem: str) -> Misconfigured:
    return Misconfigured(
        f"{file.name} {problem}.",
        unchanged="Nothing was contacted and nothing was changed.",
        next_step=f"Mend {file}; its form is in docs/deploy.md.",
    )


def smoke(base_url: str, pages: tuple[SmokePage, ...], *, web: Web) -> tuple[CheckResult, ...]:
    """Fetch every page below `base_url` and judge it."""
    return tuple(probe(base_url, page, web=web) for page in pages)


def probe(base_url: str, page: SmokePage, *, web: Web) -> CheckResult:
    """Fetch one page below `base_url` and judge it."""
    return judge(page, web.get(base_url.rstrip("/") + page.path, dict(page.headers)))


def wait_settled(
    base_url: str, pages: tuple[SmokePage, ...], *, within_s: float, web: Web, clock: Clock
) -> tuple[CheckResult, ...]:
    """Return how the pages answer, after waiting a while for caches to let go of the old."""
    until = clock.monotonic() + min(within_s, _SETTLING_S)
    pause_s = 0.2
    while True:
        results = smoke(base_url, pages, web=web)
        if not failures_of(results) or clock.monotonic() >= until:
            return results
        clock.sleep(pause_s)
        pause_s = min(2 * pause_s, 5.0)


def failures_of(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """Return those that failed."""
    return tuple(one for one in results if one.outcome is Outcome.FAILED)


def judge(wanted: SmokePage, page: Page) -> CheckResult:
    """Compare what came with what has to come. A login wall is a failure, never a pass."""
    problem, cure = _problem(wanted, page)
    came = f"{page.status}, {page.body_bytes} bytes in {page.duration_ms:.0f} ms"
    return CheckResult(
        group="smoke",
        name=wanted.path,
        outcome=Outcome.FAILED if problem else Outcome.PASSED,
        detail=problem or came,
        cure=cure,
        duration_ms=page.duration_ms,
    )


def _problem(wanted: SmokePage, page: Page) -> tuple[str, str]:
    """Return what is wrong with a page and its cure; both empty when nothing is."""
    if page.status is None:
        return f"no answer: {page.failure}", "See whether the deployment's function starts at all."
    if _is_login_wall(page):
        return (
            f"{page.status}: Vercel's login wall answered, not the app",
            "Set VERCEL_AUTOMATION_BYPASS_SECRET (in the project's Deployment Protection).",
        )
    if page.status != wanted.status:
        shown = page.headers.get("location", "") or " ".join(page.body.split())
        return (
            f"answered {page.status} instead of {wanted.status}: {shown[:_SHOWN_CHARS]}",
            "See the deployment's runtime log.",
        )
    if wanted.contains not in page.body:
        return (
            f"answered {page.status}, but without the text {wanted.contains!r}",
            "See what the page shows, or correct checks/smoke.toml.",
        )
    if wanted.within_ms is not None and page.duration_ms > wanted.within_ms:
        return (
            f"took {page.duration_ms:.0f} ms, allowed are {wanted.within_ms:g} ms",
            "Find out what is slow, or raise within_ms in checks/smoke.toml.",
        )
    return "", ""


def _is_login_wall(page: Page) -> bool:
    """Tell whether Vercel's deployment protection answered in the app's place."""
    if page.status in _REDIRECTS:
        try:
            target = urlsplit(page.headers.get("location", ""))
            host = target.hostname or ""
        except ValueError:  # what no address can be is not Vercel's
            return False
        return (host == "vercel.com" or host.endswith(".vercel.com")) and (
            target.path.startswith(("/sso-api", "/login"))
        )
    if page.status == _UNAUTHORIZED:
        cookies = page.headers.get("set-cookie", "")
        return "_vercel_sso_nonce" in cookies or "Vercel Authentication" in page.body
    return False
