"""The project's git work tree, and what its remote says of the release branch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shipway.edges.machine import process
from shipway.errors import Misconfigured, Refused
from shipway.values.gates import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["git", "head_of", "read_tree", "repository_of", "tracked_files"]

_GIT_S = 60.0
_REMOTE = "origin"
_UNCHANGED = "Nothing was changed, here or there."
_FOR_THE_REMOTE = ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "XDG_CONFIG_HOME")
"""What git needs of our environment to reach a remote as the person does."""
_GITHUB = re.compile(
    r"(?:https://|ssh://)?(?:[^/@]*@)?(?:[^/:]+)[/:](?:\d+/)?([\w.-]+/[\w.-]+?)(?:\.git)?/?\Z"
)


def git(folder: Path, *arguments: str, inherit: tuple[str, ...] = ()) -> process.Finished:
    """Run git in a folder; a failure is the caller's to judge.

    Raises:
        Misconfigured: git is not installed.
        DeadlinePassed: it took more than a minute.
    """
    # No hooks and no watcher of the repository's own configuration are started, and nobody is
    # asked for a password.
    argv = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    return process.run(argv, env={"GIT_TERMINAL_PROMPT": "0"}, inherit=inherit, deadline_s=_GIT_S)


def head_of(root: Path) -> str:
    """Return the commit that is checked out.

    Raises:
        Refused: it cannot be told, and why: no git, no repository, git's own word, no commit.
    """
    try:
        here = git(root, "rev-parse", "--is-inside-work-tree")
        head = git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    except (Misconfigured, process.DeadlinePassed) as error:
        raise Refused(error.what, unchanged=_UNCHANGED, next_step=error.next_step) from None
    if here.returncode != 0:
        said = _last_line(here.stderr)
        none = "not a git repository" in said
        raise Refused(
            f"{root} is no git repository, so its commit is not known."
            if none
            else f"git does not tell the commit of {root}: {said}",
            unchanged=_UNCHANGED,
            next_step="Release from a clone, with its .git folder."
            if none
            else f"Make this work: git -C {root} status",
        )
    if head.returncode != 0:
        raise Refused(
            f"The git repository of {root} has no commit.",
            unchanged=_UNCHANGED,
            next_step="Commit what is to be released, and push it.",
        )
    return _text(head)


def read_tree(root: Path, *, branch: str, without: str) -> Tree:
    """Return the work tree, and the branch as its remote `origin` has it now.

    Args:
        root: the project's folder; the whole work tree that it lies in is looked at.
        branch: the release branch.
        without: a folder that is no part of the project's content: shipway's own.

    Raises:
        Refused: the commit cannot be told, or the remote does not answer, or there is none.
    """
    commit = head_of(root)
    status = git(
        root,
        *("status", "--porcelain", "-z", "--untracked-files=normal", "--"),
        *(":/", f":(exclude){without}"),
    )
    asked = git(root, "ls-remote", _REMOTE, f"refs/heads/{branch}", inherit=_FOR_THE_REMOTE)
    if asked.returncode != 0:
        raise Refused(
            f"The git remote '{_REMOTE}' does not tell its branch {branch}: "
            f"{_without_user(_last_line(asked.stderr))}",
            unchanged=_UNCHANGED,
            next_step=f"Make this work: git ls-remote {_REMOTE} {branch}",
        )
    tip = _text(asked).partition("\t")[0]
    return Tree(
        branch=_text(git(root, "symbolic-ref", "--quiet", "--short", "HEAD")),
        commit=commit,
        changed=_changed_files(status),
        remote=_without_user(_text(git(root, "remote", "get-url", _REMOTE))),
        tip=tip,
        contained=_is_contained(root, commit, tip) if tip else None,
        shallow=_text(git(root, "rev-parse", "--is-shallow-repository")) == "true",
    )


def tracked_files(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return which of these files git has in its index; none where there is no repository or git.

    Args:
        root: the project's folder.
        names: of files, relative to it.
    """
    try:
        said = git(root, "ls-files", "-z", "--", *names)
    except Misconfigured:
        return ()
    return tuple(name for name in said.stdout.decode(errors="replace").split("\0") if name)


def repository_of(root: Path) -> str:
    """Return `owner/name` of the remote `origin`; empty when it names none."""
    try:
        found = _GITHUB.match(_text(git(root, "remote", "get-url", _REMOTE)))
    except Misconfigured:
        return ""
    return found[1] if found else ""


def _changed_files(status: process.Finished) -> tuple[str, ...]:
    if status.returncode != 0:
        raise Refused(
            f"git cannot tell what has changed: {_last_line(status.stderr)}",
            unchanged=_UNCHANGED,
            next_step="Make this work: git status",
        )
    rows = status.stdout.decode("utf-8", "replace").split("\0")
    # A renamed file's old name stands alone, without the two letters and the space before it.
    return tuple(row[3:] for row in rows if row[2:3] == " ")


def _is_contained(root: Path, commit: str, tip: str) -> bool | None:
    if commit == tip:
        return True
    if git(root, "cat-file", "-e", f"{tip}^{{commit}}").returncode != 0:
        return None  # not fetched
    return git(root, "merge-base", "--is-ancestor", commit, tip).returncode == 0


def _text(said: process.Finished) -> str:
    text = said.stdout.decode("utf-8", "replace") if said.returncode == 0 else ""
    return "".join(one for one in text.strip() if one.isprintable() or one == "\t")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _without_user(address: str) -> str:
    """Take user and password out of https addresses: CI systems write tokens there."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", address)
