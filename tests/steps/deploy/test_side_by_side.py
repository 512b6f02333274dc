"""Old and new side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shipway.steps.deploy.side_by_side import compare, shape
from shipway.steps.deploy.smoke import ROOT_PAGE, SmokePage
from shipway.values.checks import Outcome
from shipway.values.hosting import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fixtures.hosting_fixtures import Hosted


def page(body: str, **changes: Any) -> Page:
    return Page(
        **{
            "url": "",
            "status": 200,
            "headers": {"content-type": "text/html; charset=utf-8"},
            "body": body,
            "body_bytes": len(body),
            "duration_ms": 10.0,
            **changes,
        }
    )


class Two:
    """Answers with one page for the old URL and another for the new one."""

    def __init__(self, old: Page, new: Page) -> None:
        self._pages = {"http://old/": old, "http://new/": new}

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        assert headers == {}
        return self._pages[url]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (page("<p>a</p>"), page("<p>b</p>"), ""),
        (page("<p>a</p>"), page("x", status=404), "status 200 before, 404 now"),
        (page("<p>a</p>"), page("", status=None), "status 200 before, none now"),
        (page("<p>"), page("{}", headers={"content-type": "application/json"}), "content type"),
        (page("<p><table >"), page("<p><ul>"), "gone: <table>; new: <ul>"),
        (page('{"a": 1}'), page('{"a": 2}'), ""),
        (page('{"a": 1}'), page('{"a": "2"}'), "gone: $.a: int; new: $.a: str"),
        (page('[{"a": {"b": 1}}]'), page("[{}]"), "gone: $[].a.b: int"),
        (page("x"), page("x", duration_ms=300.0), "slower: 10 ms before, 300 ms now"),
        (page("x"), page("x", duration_ms=60.0), ""),
    ],
)
def test_differences_of_status_shape_and_speed_are_told(old: Page, new: Page, words: str) -> None:
    (result,) = compare("http://old/", "http://new", (ROOT_PAGE,), web=Two(old, new))
    assert result.outcome is (Outcome.WARNED if words else Outcome.PASSED)
    assert words in result.detail


def test_a_page_of_many_differences_is_told_in_one_line() -> None:
    old, new = page("{}"), page("{" + ",".join(f'"k{n}": 1' for n in range(9)) + "}")
    (result,) = compare("http://old", "http://new", (ROOT_PAGE,), web=Two(old, new))
    assert result.detail.endswith("and 4 more")


def test_a_deeply_nested_document_has_a_shape_all_the_same() -> None:
    assert shape(page("[" * 100_000)) == frozenset()


def test_two_real_deployments_are_compared_over_http(hosted: Hosted) -> None:
    old = hosted.promoted("r1")
    hosted.write("index.html", "<h1>Version two</h1><ul><li>new</li></ul>")
    new = hosted.staged("r2")
    pages = (ROOT_PAGE, SmokePage(path="/about"))
    first, second = compare(old.url, new.url, pages, web=hosted.web)
    assert (first.outcome, first.detail) == (Outcome.WARNED, "new: <li>, <ul>")
    assert second.outcome is Outcome.PASSED
