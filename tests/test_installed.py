"""The wheel, as somebody gets it: installed into an empty environment, used in an empty folder.

The shell examples of the README and the guide are run with it, in their order, in one sandbox.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.installed, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[1]
GUIDE = ("first-release", "existing-project", "ci", "team", "from-by-hand", "when-it-goes-wrong")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / "guide" / f"{name}.md" for name in GUIDE)]
_BLOCK = re.compile(
    r"(?P<mark><!-- not run: (?P<why>[^>]+) -->\n)?```console\n(?P<text>.*?)```", re.DOTALL
)


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and a folder to work in."""

    wheel: Path
    programs: Path
    folder: Path

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as somebody who has activated the environment does."""
        foreign = ("PYTHON", "VIRTUAL_ENV", "SHIPWAY", "DATABASE_URL", "SUPABASE", "VERCEL", "GIT_")
        environ = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
        environ |= {
            "PATH": f"{self.programs}{os.pathsep}{environ['PATH']}",
            "HOME": str(self.folder.parent),
            "SHIPWAY_WATCH_WINDOW_S": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Return the wheel in an environment of its own; its sandbox is deleted at the end."""
    home = tmp_path_factory.mktemp("installed")
    wheel = _wheel(home / "dist")
    programs = _environment(home / "environment", wheel)
    folder = home / "empty folder"
    folder.mkdir()
    made = Installed(wheel=wheel, programs=programs, folder=folder)
    yield made
    if (folder / "tasks.py").exists():
        ended = made.run("shipway sandbox.reset --yes")
        assert ended.returncode == 0, ended.stderr


def _wheel(folder: Path) -> Path:
    # From a copy: what git ignores and what an earlier build left behind is no part of it.
    source = folder.parent / "source"
    shutil.copytree(ROOT / "shipway", source / "shipway")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source)
    if uv := shutil.which("uv"):
        _done([uv, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)])
    else:
        _done([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source])
    (wheel,) = folder.glob("*.whl")
    return wheel


def _environment(folder: Path, wheel: Path) -> Path:
    wanted = f"{wheel}[sandbox]"
    locked = ["--constraint", str(ROOT / "constraints.txt")]
    if uv := shutil.which("uv"):
        _done([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        python = str(folder / "bin" / "python")
        _done([uv, "pip", "install", "--quiet", "--python", python, *locked, wanted])
    else:
        _done([sys.executable, "-m", "venv", folder])
        _done([folder / "bin" / "python", "-m", "pip", "install", "-q", *locked, wanted])
    return folder / "bin"


def _done(command: list[str | Path]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_wheel_holds_what_is_no_python_and_says_that_it_is_typed(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    beside = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "shipway").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert "shipway/py.typed" in beside
    assert beside <= names


def test_it_is_the_wheel_that_is_used_and_not_the_checkout(installed: Installed) -> None:
    where = installed.run("python -c 'import shipway; print(shipway.__file__)'")
    assert str(installed.programs.parent) in where.stdout, where.stderr


@pytest.mark.timeout(600)
def test_the_examples_of_readme_and_guide_work_in_their_order(installed: Installed) -> None:
    ran: list[str] = []
    since_change: set[str] = set()
    for page in PAGES:
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            if block["mark"]:
                continue
            for line in block["text"].splitlines():
                command = line.removeprefix("$ ")
                assert command != line, f"{page.name}: {line} is no command"
                if command in since_change:
                    continue  # Another page tells it too, and nothing was changed in between.
                ended = installed.run(command)
                said = f"{page.name}: {command}\n{ended.stdout}\n{ended.stderr}"
                assert ended.returncode == 0, said
                ran.append(command)
                since_change = since_change | {command} if ">" not in command else set()
    assert sum("release --target sandbox --yes" in command for command in ran) >= 2
    records = sorted((installed.folder / ".shipway" / "releases").glob("*/release.md"))
    assert len(records) >= 2


@pytest.mark.timeout(600)
def test_the_first_commands_of_the_readme_work_in_a_clone(installed: Installed) -> None:
    first = next(_BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8")))
    assert "in a clone of this checkout" in (first["why"] or "")
    cloned, tried, tested = (line.removeprefix("$ ") for line in first["text"].splitlines())
    cloned = cloned.replace("ADDRESS-OF-THIS-REPOSITORY", shlex.quote(str(ROOT)))
    (installed.folder.parent / "elsewhere").mkdir()
    there = "cd ../elsewhere"
    try:
        ended = installed.run(f"{there} && {cloned} && {tried}")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert re.search(r"^release \S+ is live", ended.stdout, re.MULTILINE), ended.stdout
        ended = installed.run(f"{there}/shipway && {tested} tests/test_packaging.py")
        assert ended.returncode == 0, ended.stdout + ended.stderr
    finally:
        ended = installed.run(f"{there}/shipway && .venv/bin/invoke sandbox.reset --yes")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.timeout(600)
def test_the_workflow_of_a_pull_request_reports_what_the_change_does(installed: Installed) -> None:
    text = (installed.folder / ".github" / "workflows" / "shipway.yml").read_text(encoding="utf-8")
    steps = {
        name: textwrap.dedent(script)
        for name, script in re.findall(r"- name: (.+)\n        run: \|\n((?: {10}.*\n|\n)+)", text)
    }
    begin, check = (script for script in steps.values() if "shipway" in script)
    for command in (
        "git init --quiet --bare ../origin && git remote add origin ../origin",
        "git push --quiet origin HEAD:main && git switch --quiet --create change",
        "echo 'alter table public.notes add column pinned boolean;' > migrations/003_pinned.sql",
    ):
        assert installed.run(command).returncode == 0, command
    told = "export SHIPWAY_TARGET=sandbox BASE=origin/main\n"
    for script in (begin, check):
        ended = installed.run(f"set -e\n{told}{script}")
        assert ended.returncode == 0, ended.stdout + ended.stderr
    report = (installed.folder / "report.md").read_text(encoding="utf-8")
    assert report.startswith("## The database of this change")
    assert "003_pinned" in report
    assert report.count("```") % 2 == 0
    assert installed.run("echo 'select 1;' > migrations/broken.sql").returncode == 0
    ended = installed.run(f"set -e\n{told}{check}")
    assert ended.returncode == 2, ended.stderr
    report = (installed.folder / "report.md").read_text(encoding="utf-8")
    assert report.endswith("**It stopped here.**\n")
    assert "broken.sql is no migration" in report


def test_what_is_not_run_says_why() -> None:
    marked = [
        block["why"]
        for page in PAGES
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8"))
        if block["mark"]
    ]
    assert marked
    assert all(len(why) > 20 for why in marked)
