"""The commit that a deployment is made from: its name, and where Vercel could fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.team.git import git
from shipway.errors import Misconfigured, Refused
from shipway.values.hosting import GitSource

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.edges.machine.process import Finished
    from shipway.values.hosting import GitLink

__all__ = ["git_commit", "git_source"]

_NOTHING_CREATED = "No deployment was created."


def git_commit(folder: Path) -> str | None:
    """Return the commit that is checked out, with `+changes` when files differ from it.

    None when this is no git repository, or git is not installed, or there is no commit yet.
    """
    if not folder.is_dir():
        return None
    try:
        head = git(folder, "rev-parse", "--verify", "HEAD")
        changed = git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except Misconfigured:
        return None
    if head.returncode != 0:
        return None
    commit = _git(head)
    return f"{commit}+changes" if changed.stdout.strip() else commit


def git_source(folder: Path, link: GitLink | None) -> GitSource:
    """Return the commit that is checked out, as a source that Vercel fetches by itself.

    Raises:
        Misconfigured: the project is connected to no repository, or this is none.
        Refused: the commit is not on the remote, so that Vercel could not fetch it.
    """
    if link is None:
        raise Misconfigured(
            "The Vercel project is connected to no git repository.",
            unchanged=_NOTHING_CREATED,
            next_step="Connect it in Vercel (Settings > Git), or set deploy_with to another way.",
        )
    head = git(folder, "rev-parse", "--verify", "HEAD")
    if head.returncode != 0:
        raise Misconfigured(
            f"{folder} is in no git repository with a commit.",
            unchanged=_NOTHING_CREATED,
            next_step="Commit and push the app, or set deploy_with to another way.",
        )
    sha = _git(head)
    on_remote = git(folder, "branch", "--remotes", "--contains", sha, "--format=%(refname:short)")
    branches = [name for name in _git(on_remote).splitlines() if "/" in name]
    if not branches:
        raise Refused(
            f"The commit {sha[:12]} is on no remote branch that is known here: Vercel could not "
            "fetch it.",
            unchanged=_NOTHING_CREATED,
            next_step="Push it (or `git fetch`, if it was pushed from elsewhere), then try again.",
        )
    here = _git(git(folder, "rev-parse", "--abbrev-ref", "HEAD"))
    names = [name.partition("/")[2] for name in branches]
    return GitSource(link=link, ref=here if here in names else names[0], sha=sha)


def _git(finished: Finished) -> str:
    return finished.stdout.decode("utf-8", "replace").strip()
