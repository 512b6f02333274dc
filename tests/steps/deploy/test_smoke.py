"""What a page has to answer, and how checks/smoke.toml says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shipway.errors import Misconfigured
from shipway.steps.deploy.smoke import ROOT_PAGE, SmokePage, judge, read_pages, smoke
from shipway.values.checks import Outcome
from shipway.values.hosting import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def page(**changes: Any) -> Page:
    return Page(
        **{
            "url": "http://x/",
            "status": 200,
            "headers": {},
            "body": "<h1>Harbour</h1>",
            "body_bytes": 16,
            "duration_ms": 12.0,
            **changes,
        }
    )


def test_a_page_that_answers_as_it_should_passes() -> None:
    wanted = SmokePage(path="/", contains="Harbour", within_ms=50)
    result = judge(wanted, page())
    assert (result.outcome, result.detail) == (Outcome.PASSED, "200, 16 bytes in 12 ms")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 500, "body": "A server error"}, "answered 500 instead of 200: A server error"),
        ({"status": 302, "headers": {"location": "/login"}}, "answered 302 instead of 200: /login"),
        ({"body": "<h1>Nothing</h1>"}, "without the text 'Harbour'"),
        ({"duration_ms": 51.0}, "took 51 ms, allowed are 50 ms"),
        ({"status": None, "failure": "no answer within 5 s"}, "no answer: no answer within 5 s"),
        (
            {"status": 302, "headers": {"location": "https://vercel.com/sso-api?url=x"}},
            "Vercel's login wall",
        ),
        ({"status": 401, "headers": {"set-cookie": "_vercel_sso_nonce=1"}}, "Vercel's login wall"),
    ],
)
def test_anything_else_fails_with_what_came(changes: dict[str, Any], words: str) -> None:
    wanted = SmokePage(path="/", contains="Harbour", within_ms=50)
    result = judge(wanted, page(**changes))
    assert result.outcome is Outcome.FAILED
    assert words in result.detail
    assert result.cure


def test_a_wall_is_a_failure_even_where_a_redirect_is_expected() -> None:
    wall = page(status=302, headers={"location": "https://vercel.com/sso-api?url=x"})
    assert judge(SmokePage(path="/", status=302), wall).outcome is Outcome.FAILED
    own = page(status=302, headers={"location": "https://vercel.com.evil.example/sso-api"})
    assert judge(SmokePage(path="/", status=302), own).outcome is Outcome.PASSED


def test_without_a_file_the_front_page_has_to_answer(tmp_path: Path) -> None:
    assert read_pages(tmp_path / "smoke.toml") == (ROOT_PAGE,)


def test_a_file_names_pages_with_headers_and_a_time_budget(tmp_path: Path) -> None:
    path = tmp_path / "smoke.toml"
    path.write_text(
        '[[page]]\npath = "/de"\nstatus = 404\nwithin_ms = 300\n'
        'headers = { Accept-Language = "de" }\n[[page]]\npath = "/"\ncontains = "x"\n'
    )
    first, second = read_pages(path)
    assert first == SmokePage(
        path="/de", status=404, within_ms=300, headers=(("Accept-Language", "de"),)
    )
    assert second == SmokePage(path="/", contains="x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "consist of"),
        ("page = 1", "consist of"),
        ("[[page]]\n[other]", "consist of"),
        ("[[page]]\nstatus = 200", "path has to begin"),
        ('[[page]]\npath = "about"', "path has to begin"),
        ('[[page]]\npath = "//evil.example"', "path has to begin"),
        ('[[page]]\npath = "/"\nstatus = "200"', "status = '200' is not of the right type"),
        ('[[page]]\npath = "/"\nstatus = true', "status = True"),
        ('[[page]]\npath = "/"\nstaus = 200', "unknown key 'staus'"),
        ('[[page]]\npath = "/"\nheaders = { a = 1 }', "headers have to be texts"),
        ("[[page", "cannot be read"),
    ],
)
def test_a_file_that_is_not_of_this_form_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "smoke.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        read_pages(path)
    assert words in caught.value.what


class Visitor:
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, str] | None]] = []

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        self.asked.append((url, headers))
        return page()


def test_each_page_is_asked_for_with_its_headers() -> None:
    visitor = Visitor()
    pages = (SmokePage(path="/a", headers=(("X-A", "1"),)), SmokePage(path="/b"))
    smoke("http://x/", pages, web=visitor)
    assert visitor.asked == [("http://x/a", {"X-A": "1"}), ("http://x/b", {})]
