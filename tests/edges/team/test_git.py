"""What git tells of a project, and what is said where it cannot."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from shipway.edges.team.git import head_of, read_tree
from shipway.errors import Refused
from shipway.steps.gates.readiness import on_branch
from shipway.values.gates import GateState

if TYPE_CHECKING:
    from pathlib import Path


def _git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    said = subprocess.run(
        ["git", *person, "-C", folder, *arguments], check=True, capture_output=True, text=True
    )
    return said.stdout.strip()


def _commit(folder: Path, name: str) -> None:
    _git(folder, "commit", "-q", "--allow-empty", "-m", name)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A remote with two commits on main, made in the folder `other`."""
    hub, other = tmp_path / "hub.git", tmp_path / "other"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", hub], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", other], check=True)
    _git(other, "remote", "add", "origin", f"file://{hub}")
    _commit(other, "first")
    _commit(other, "second")
    _git(other, "push", "-q", "origin", "main")
    return hub


def _clone(hub: Path, *options: str) -> Path:
    work = hub.parent / "work"
    subprocess.run(["git", "clone", "-q", *options, f"file://{hub}", work], check=True)
    _git(work, "checkout", "-q", "--detach")
    return work


def _later(hub: Path) -> None:
    _commit(hub.parent / "other", "later")
    _git(hub.parent / "other", "push", "-q", "origin", "main")


def _refused(work: Path) -> Refused:
    with pytest.raises(Refused) as stopped:
        on_branch(read_tree(work, branch="main", without=".shipway"), "main")
    return stopped.value


def test_a_folder_without_a_repository_has_no_commit_that_could_be_released(
    tmp_path: Path,
) -> None:
    with pytest.raises(Refused, match="is no git repository"):
        head_of(tmp_path)


def test_a_repository_without_a_commit_is_named_as_that(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    with pytest.raises(Refused, match="has no commit"):
        head_of(tmp_path)


def test_a_repository_that_git_refuses_is_told_in_gits_words(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    (tmp_path / ".git" / "config").write_text("[broken")
    with pytest.raises(Refused, match=r"git does not tell the commit of .*bad config"):
        head_of(tmp_path)


def test_a_machine_without_git_shuts_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="no program 'git'"):
        head_of(tmp_path)


def test_in_a_shallow_clone_the_cure_is_its_history_and_ends_the_refusal(hub: Path) -> None:
    work = _clone(hub, "--depth", "1")
    commit = _git(work, "rev-parse", "HEAD")
    _later(hub)
    refusal = _refused(work)
    assert "cannot be told in a shallow clone" in refusal.what
    assert refusal.next_step.startswith("git fetch --unshallow origin main")
    # The tip alone does not tell either: its history ends there.
    _git(work, "fetch", "-q", "--depth", "1", "origin", "main")
    assert "cannot be told in a shallow clone" in _refused(work).what
    _git(work, "fetch", "-q", "--unshallow", "origin", "main")
    found = on_branch(read_tree(work, branch="main", without=".shipway"), "main")
    assert found.state is GateState.WARNED
    assert _git(work, "rev-parse", "HEAD") == commit


def test_where_the_branch_moved_on_the_cure_fetches_and_releases_no_other_code(hub: Path) -> None:
    work = _clone(hub)
    commit = _git(work, "rev-parse", "HEAD")
    _later(hub)
    refusal = _refused(work)
    assert refusal.next_step == "git fetch origin main"
    _git(work, *refusal.next_step.split()[1:])
    found = on_branch(read_tree(work, branch="main", without=".shipway"), "main")
    assert found.state is GateState.WARNED
    assert _git(work, "rev-parse", "HEAD") == commit


def test_a_branch_of_ones_own_at_a_commit_of_the_release_branch_is_left_not_changed(
    hub: Path,
) -> None:
    work = _clone(hub)
    _git(work, "checkout", "-q", "-b", "fix")
    refusal = _refused(work)
    assert refusal.next_step == "git switch --detach"
    _git(work, "switch", "-q", "--detach")
    found = on_branch(read_tree(work, branch="main", without=".shipway"), "main")
    assert found.state is GateState.PASSED
    _git(work, "checkout", "-q", "fix")
    _commit(work, "not tested on main")
    assert "Merge fix into main" in _refused(work).next_step
    assert "git switch" not in _refused(work).next_step


def test_a_remote_that_does_not_answer_shuts_the_gate(hub: Path) -> None:
    work = _clone(hub)
    hub.rename(hub.with_name("gone.git"))
    assert "does not tell its branch main" in _refused(work).what
    _git(work, "remote", "remove", "origin")
    assert "does not tell its branch main" in _refused(work).what
