"""Which files are deployed, looked at with real git."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipway.edges.vercel.app_files import app_files
from shipway.edges.vercel.commits import git_commit
from shipway.edges.vercel.ignore_rules import IgnoreRules
from shipway.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    argv = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")


def names(folder: Path) -> list[str]:
    return [one.name for one in app_files(folder)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def test_outside_git_all_files_are_taken_but_secrets_and_what_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, "index.html", "a b/ü.txt", ".env", ".env.production", "sub/.env.local")
    write(
        tmp_path, "node_modules/x/i.js", ".git/HEAD", ".shipway/k", ".venv/p", ".vercel/o", "t.log"
    )
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert names(tmp_path) == [".gitignore", "a b/ü.txt", "index.html"]


def test_in_git_only_tracked_files_are_taken_with_what_is_on_disk(repository: Path) -> None:
    write(repository, "app/index.html", "app/gone.html", "app/new.html", "app/.env", "README.md")
    git(repository, "add", "-f", "app/index.html", "app/gone.html", "app/.env", "README.md")
    (repository / "app/gone.html").unlink()
    (repository / "app/index.html").write_text("changed")
    (found,) = app_files(repository / "app")
    assert found.name == "index.html"
    assert found.size_bytes == len("changed")
    assert found.sha1 == hashlib.sha1(b"changed", usedforsecurity=False).hexdigest()


def test_what_vercelignore_names_stays_here(repository: Path) -> None:
    write(repository, "index.html", "docs/a.md", "docs/keep.md", "big.bin", "sub/big.bin")
    (repository / ".vercelignore").write_text("# heavy\n/docs/*\n!/docs/keep.md\n*.bin\n")
    git(repository, "add", ".")
    assert names(repository) == [".vercelignore", "docs/keep.md", "index.html"]


IGNORED_BY_THE_CLI = (
    ("FOLDER\nPKG/\n*.Key\n", ("folder/a.txt", "pkg/b.txt", "sub/Pkg/c", "my.KEY", "GEHEIM.key")),
    ("./top\n", ("top",)),
    ("ÄRGER.txt\n", ("ärger.txt",)),
    ("?.txt\n", ("é.txt",)),
    ("[!n]otes\n", ("notes", "!otes")),
    (r"back\slash", (r"back\slash",)),
    ("*\n!*/\n!*.html\n", ("sub/page.html", "sub/deep/page.html")),
)
"""Rules, and what they keep back; the first of each shows how the CLI's rules differ from git's."""


@pytest.mark.parametrize(("rules", "kept_back"), IGNORED_BY_THE_CLI)
def test_what_the_vercel_cli_would_leave_out_is_left_out(
    tmp_path: Path, rules: str, kept_back: tuple[str, ...]
) -> None:
    write(tmp_path, "index.html", *kept_back)
    (tmp_path / ".vercelignore").write_text(rules, encoding="utf-8")
    assert set(names(tmp_path)) - {".vercelignore"} == {"index.html"}


def test_a_gitignore_is_read_as_git_reads_it_with_the_case_of_its_letters(tmp_path: Path) -> None:
    write(tmp_path, "index.html", "folder/a.txt", "Build/b.txt", "xotes", "notes")
    (tmp_path / ".gitignore").write_text("FOLDER\nBuild\n[!x]otes\n")
    assert names(tmp_path) == [".gitignore", "folder/a.txt", "index.html", "xotes"]


def test_a_link_that_leads_out_of_the_app_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "secret.txt", "app/index.html")
    (tmp_path / "app/leak.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "app/inside.html").symlink_to("index.html")
    (tmp_path / "app/broken").symlink_to("nowhere")
    assert names(tmp_path / "app") == ["index.html", "inside.html"]


@pytest.mark.parametrize("content", [(), (".env",)])
def test_an_app_without_files_is_refused(tmp_path: Path, content: tuple[str, ...]) -> None:
    write(tmp_path, *content)
    with pytest.raises(Misconfigured, match="holds no file"):
        app_files(tmp_path)


def test_an_app_that_git_does_not_track_is_refused_with_the_cure(repository: Path) -> None:
    write(repository, "app/index.html")
    with pytest.raises(Misconfigured, match="git tracks no file") as caught:
        app_files(repository / "app")
    assert "git add" in caught.value.next_step


def test_an_app_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        app_files(tmp_path / "nowhere")


def test_a_repository_that_git_cannot_read_is_refused_rather_than_walked(repository: Path) -> None:
    write(repository, "untracked-secret.txt")
    (repository / ".git/index").write_text("no index")
    with pytest.raises(Misconfigured, match="git cannot list"):
        app_files(repository)


def test_the_commit_is_told_with_whether_files_differ_from_it(repository: Path) -> None:
    assert git_commit(repository) is None
    write(repository, "index.html")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "one")
    head = git(repository, "rev-parse", "HEAD").strip()
    assert git_commit(repository) == head
    write(repository, "untracked.html")
    assert git_commit(repository) == head
    (repository / "index.html").write_text("changed")
    assert git_commit(repository) == f"{head}+changes"


def test_there_is_no_commit_outside_git(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    assert git_commit(tmp_path / "nowhere") is None


NAMES = ("a", "b.log", "ab", "d/a", "d/e/b.log", "d/e/f/a", "x y", "[q]", "#h", "!n", "d/.k", "é")
SEGMENTS = (
    *("a", "b", "d", "e", "f", "ab", "*", "**", "?", "*.log", "[ab]", "[!a]", "[a-e]*", "d*"),
    *("é", ".k", "\\#h", "[[]q]", "x?y"),
)
LINES = st.tuples(
    st.sampled_from(["", "!", "/", "!/", "#", "\\"]),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "/", " ", "\\ "]),
).map("".join)


@pytest.fixture(scope="module")
def many_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    git(folder, "init", "-q")
    write(folder, *NAMES)
    git(folder, "add", ".")
    return folder


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=st.lists(LINES, min_size=1, max_size=4))
def test_ignore_rules_mean_what_git_takes_them_to_mean(many_files: Path, lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    rules = many_files / ".git" / "rules"
    rules.write_text(text)
    listed = git(many_files, "ls-files", "-z", "-c", "-i", "-X", str(rules))
    ours = {name for name in NAMES if IgnoreRules.of_git(text).ignores(name)}
    assert ours == {name for name in listed.split("\0") if name}
