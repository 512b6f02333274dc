"""The pages in a real browser: whole, quiet, readable everywhere, and safe with hostile names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import PICTURES
from tests.browser.examples import NEW, OLD, SHA

if TYPE_CHECKING:
    from tests.browser.chromium import Chromium
    from tests.browser.conftest import Pages

pytestmark = pytest.mark.browser

NAMES = ("good", "rolled_back", "stopped", "board")
WIDE, PHONE = 1280, 380
OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
CHECK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")
SECTIONS = {
    "timeline": ["preflight", "rehearse", "44.2 s", "logs"],
    "gates": ["waived", "Ada Lovelace", "agreed with accounting", "activity"],
    "migrations": ["043_orders_total", "lossy", "expand", "squawk/changing-column-type"],
    "rehearsal": ["AccessExclusive on public.orders", "rewrites", "4.9 s", "21.8 s"],
    "schema": ["public.orders.total", "double precision", "numeric(12,2)", "public.invoices"],
    "access": ["authenticated", "select, insert", "rows by policy", "more"],
    "checks": ["public.invoices", "warned", "3 checks that passed"],
    "deployment": [OLD, NEW, "https://harbour.example", "5ab0831c2f4e"],
    "watch": ["GOOD", "2%", "3120", "e-value"],
    "back": ["invoke deploy.rollback --target production", "21.8 s", "Point in time"],
    "evidence": [SHA, "each follows the one before it"],
}


def found(browser: Chromium) -> dict[str, Any]:
    """Return what look.js measures on the open page."""
    measured: dict[str, Any] = browser.evaluate(CHECK)
    return measured


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_quiet_fits_its_screen_and_has_contrast(
    browser: Chromium, pages: Pages, name: str, width: int, *, dark: bool
) -> None:
    browser.open(getattr(pages, name), width=width, dark=dark)
    kind = "phone" if width == PHONE else "wide"
    browser.picture(PICTURES / f"{name}-{kind}{'-dark' if dark else ''}.png")
    browser.evaluate(OPEN_ALL)

    seen = found(browser)

    assert browser.complaints == []
    assert seen["wider_than_the_screen"] == []
    assert seen["too_faint"] == []
    assert seen["texts"] > 40


def test_every_section_of_a_release_shows_its_data(browser: Chromium, pages: Pages) -> None:
    browser.open(pages.good, width=WIDE)
    for section, wanted in SECTIONS.items():
        text = browser.evaluate(f"document.getElementById('{section}').innerText")
        text = text.replace("\N{NO-BREAK SPACE}", " ")
        for one in wanted:
            assert one in text, f"{section} does not show {one}"
    assert browser.evaluate("document.querySelector('h1').innerText") == "Live and good"
    assert browser.evaluate("document.querySelectorAll('#timeline svg.bar').length") == 7


def test_the_curve_of_errors_and_its_threshold_are_drawn_to_scale(
    browser: Chromium, pages: Pages
) -> None:
    browser.open(pages.rolled_back, width=WIDE)
    box = "document.querySelector('#watch {}').getBoundingClientRect()"
    field, curve, line = (
        browser.evaluate(
            f"(() => {{ const b = {box.format(one)}; "
            "return {top: b.top, bottom: b.bottom, height: b.height}; })()"
        )
        for one in (".field", "path.curve", "path.threshold")
    )
    # 45 of 221 failed, 2% is let pass; the upper edge is a quarter above the highest share.
    assert curve["bottom"] == pytest.approx(field["bottom"], abs=3)
    share = (field["bottom"] - curve["top"]) / field["height"]
    assert share == pytest.approx(1 / 1.25, abs=0.02)
    threshold = (field["bottom"] - line["top"]) / field["height"]
    assert threshold < share / 4


def test_hostile_names_and_log_lines_are_text_and_nothing_else(
    browser: Chromium, pages: Pages
) -> None:
    browser.open(pages.rolled_back, width=WIDE)
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.evaluate("document.images.length") == 0
    links = browser.evaluate("[...document.links].map(one => one.protocol)")
    assert "javascript:" not in links
    assert "<script>alert(" in browser.evaluate("document.body.innerText")
    assert browser.complaints == []


def test_the_keyboard_reaches_the_report_and_opens_what_is_folded(
    browser: Chromium, pages: Pages
) -> None:
    browser.open(pages.good, width=WIDE)
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.innerText") == "Skip to the report"
    browser.evaluate("document.querySelector('#migrations summary').focus()")
    browser.press("Enter", 13, "\r")
    assert browser.evaluate("document.querySelector('#migrations details').open")
    assert "create table public.invoices" in browser.evaluate("document.body.innerText")


def test_a_screen_reader_finds_titles_labels_and_heads(browser: Chromium, pages: Pages) -> None:
    for page in pages.all():
        browser.open(page, width=WIDE)
        assert found(browser)["unlabelled"] == []
        assert browser.evaluate("document.querySelectorAll('h1').length") == 1
        assert browser.evaluate("document.documentElement.lang") == "en"


def test_it_prints_on_paper(browser: Chromium, pages: Pages) -> None:
    browser.open(pages.good, width=WIDE, dark=True)
    path = PICTURES / "good.pdf"
    browser.printed(path)
    sheets = len(re.findall(rb"/Type\s*/Page[^s]", path.read_bytes()))
    assert 1 <= sheets <= 4, "more sheets than a lead would print"


def test_the_board_leads_to_each_release(browser: Chromium, pages: Pages) -> None:
    browser.open(pages.board, width=WIDE)
    links = browser.evaluate("[...document.querySelectorAll('main a')].map(one => one.href)")
    expected = [pages.stopped, pages.rolled_back, pages.good]
    assert links == [page.as_uri() for page in expected]
    assert "3 releases" in browser.evaluate("document.body.innerText")
