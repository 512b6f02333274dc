"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shipway import errors
from shipway.tasks import namespace

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_the_reference_pages_are_what_the_code_makes(tmp_path: Path) -> None:
    # In a process of its own: Invoke's tasks give their help texts once.
    command = [sys.executable, "-m", "shipway.tasks.reference", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"settings.md", "tasks.md", "directives.md", "json.md"} <= {one.name for one in made}
    for path in made:
        kept = ROOT / "docs" / path.relative_to(tmp_path)
        assert kept.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), (
            "run: python -m shipway.tasks.reference docs"
        )
    schemas = {path.name for path in made if path.suffix == ".json"}
    assert {path.name for path in (ROOT / "docs" / "schemas").iterdir()} == schemas


def test_the_page_of_exit_codes_lists_those_of_the_code() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| \[?(\d+)\b", page, flags=re.MULTILINE)}
    classes = [getattr(errors, name) for name in errors.__all__ if name != "Place"]
    assert listed == {0} | {one.exit_code for one in classes}


def test_every_exit_code_has_its_page() -> None:
    classes = [getattr(errors, name) for name in errors.__all__ if name != "Place"]
    folder = ROOT / "docs" / "guide" / "exits"
    assert {path.stem for path in folder.iterdir()} == {str(one.exit_code) for one in classes}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link, anchor in links(page):
        target = page.parent / link if link else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), f"{link}#{anchor}"


def test_every_page_is_led_to_from_another() -> None:
    led_to = {(page.parent / link).resolve() for page in PAGES for link, _ in links(page)}
    decisions = ROOT / "docs" / "decisions"
    begin = ROOT / "README.md"
    lonely = [page for page in PAGES if page.resolve() not in led_to and page.parent != decisions]
    assert set(lonely) <= {begin}


def links(page: Path) -> list[tuple[str, str]]:
    """Return the links of a page that lead to files: path and anchor."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_the_tasks_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    called = set(re.findall(r"invoke (?:--dry )?([a-z][a-z.]*)", text))
    known = {alias for aliases in namespace.task_names.values() for alias in aliases}
    assert called
    assert called <= known | set(namespace.task_names)
