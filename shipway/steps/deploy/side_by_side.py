"""Old production and the new deployment side by side: the same pages, their differences."""

from __future__ import annotations

import json
import re
from statistics import median
from typing import TYPE_CHECKING

from shipway.values.checks import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.steps.deploy.smoke import SmokePage, Web
    from shipway.values.hosting import Page

__all__ = ["compare", "shape"]

_TIMES = 3
_MUCH_SLOWER = 2.0
_NOTICEABLE_MS = 100.0
"""A page that is slower by less than this is not called slower: networks waver."""
_SHOWN_DIFFERENCES = 5
_TAG = re.compile(r"<([a-z][a-z0-9-]*)[\s/>]", re.IGNORECASE)


def compare(
    old_url: str, new_url: str, pages: tuple[SmokePage, ...], *, web: Web
) -> tuple[CheckResult, ...]:
    """Fetch each page of both, three times in turn, and tell where they differ.

    A difference is a warning, not a failure: a new version is there to be different.
    """
    return tuple(_compare(old_url.rstrip("/"), new_url.rstrip("/"), one, web) for one in pages)


def _compare(old_url: str, new_url: str, wanted: SmokePage, web: Web) -> CheckResult:
    old, new = [], []
    for _ in range(_TIMES):
        # In turn, so that a slow moment of the network meets both.
        old.append(web.get(old_url + wanted.path, dict(wanted.headers)))
        new.append(web.get(new_url + wanted.path, dict(wanted.headers)))
    old_ms = median(page.duration_ms for page in old)
    new_ms = median(page.duration_ms for page in new)
    differences = list(_differences(old[-1], new[-1]))
    if new_ms > _MUCH_SLOWER * old_ms and new_ms - old_ms > _NOTICEABLE_MS:
        differences.append(f"slower: {old_ms:.0f} ms before, {new_ms:.0f} ms now")
    same = f"same status and shape; {old_ms:.0f} ms before, {new_ms:.0f} ms now"
    return CheckResult(
        group="compare",
        name=wanted.path,
        outcome=Outcome.WARNED if differences else Outcome.PASSED,
        detail="; ".join(differences) or same,
        duration_ms=new_ms,
    )


def _differences(old: Page, new: Page) -> Iterator[str]:
    if old.status != new.status:
        yield f"status {old.status or 'none'} before, {new.status or 'none'} now"
        return
    kinds = [page.headers.get("content-type", "").split(";")[0] for page in (old, new)]
    if kinds[0] != kinds[1]:
        yield f"content type {kinds[0] or 'none'} before, {kinds[1] or 'none'} now"
        return
    before, now = shape(old), shape(new)
    gone, come = sorted(before - now), sorted(now - before)
    if gone:
        yield f"gone: {_list(gone)}"
    if come:
        yield f"new: {_list(come)}"


def _list(names: list[str]) -> str:
    more = len(names) - _SHOWN_DIFFERENCES
    return ", ".join(names[:_SHOWN_DIFFERENCES]) + (f" and {more} more" if more > 0 else "")


def shape(page: Page) -> frozenset[str]:
    """Return what a page is made of: the paths of a JSON document's fields, or HTML's tags."""
    try:
        document = json.loads(page.body)
    except (ValueError, RecursionError):
        return frozenset(f"<{tag.lower()}>" for tag in _TAG.findall(page.body))
    return frozenset(_paths(document, "$"))


def _paths(value: object, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, f"{at}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, f"{at}[]")
    else:
        yield f"{at}: {type(value).__name__}"
