"""What a deployment is made from: the Vercel CLI, files over REST, or a commit; and its log."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from shipway.edges.vercel.cli import OLDEST, TRIED, find_cli
from shipway.edges.vercel.commits import git_source
from shipway.errors import DeploymentFailed, Misconfigured, Refused
from shipway.steps.deploy.deploy import build_staged
from shipway.steps.deploy.sources import choose_way
from shipway.values.hosting import FilesSource
from tests.steps.deploy.test_deploy import planned

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.hosting import FoundCli
    from tests.fixtures.hosting_fixtures import Hosted

LINK = {"type": "github", "org": "acme", "repo": "shop", "repoId": 42, "productionBranch": "main"}


def program(folder: Path, text: str) -> Path:
    """Put a program where npm puts the Vercel CLI of a project."""
    path = folder / "node_modules" / ".bin" / "vercel"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def found(folder: Path, text: str) -> FoundCli:
    program(folder, text)
    cli = find_cli((folder,))
    assert cli is not None
    return cli


def versioned(major: int) -> str:
    return f"#!/bin/sh\necho 'Vercel CLI {major}.1.2 (Node.js 20.20.2)' >&2\necho {major}.1.2\n"


def test_auto_takes_the_cli_of_the_project_when_its_version_is_known_to_work(
    tmp_path: Path,
) -> None:
    cli = found(tmp_path, versioned(TRIED))
    assert (cli.version, cli.problem, cli.doubt) == (f"{TRIED}.1.2", "", "")
    assert cli.program.is_absolute()
    way, why = choose_way("auto", cli=cli, has_org=True)
    assert way == "cli"
    assert str(cli.program) in why
    assert choose_way("auto", cli=cli, has_org=False)[0] == "rest"
    assert choose_way("prebuilt", cli=cli, has_org=True)[0] == "prebuilt"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (versioned(OLDEST - 1), f"version {OLDEST - 1}.1.2 is older than {OLDEST}"),
        ("#!/usr/bin/env python3\nprint('Vercel CLI 64.0.2')\n", "it is Python's"),
        ("#!/bin/sh\necho no >&2\nexit 1\n", "version is not told"),
        ("#!/nowhere/node\n", "version cannot be had"),
    ],
)
def test_what_only_looks_like_the_cli_is_passed_over_with_the_reason(
    tmp_path: Path, text: str, words: str
) -> None:
    cli = found(tmp_path, text)
    way, why = choose_way("auto", cli=cli, has_org=True)
    assert way == "rest"
    assert words in why
    with pytest.raises(Misconfigured, match="wants the Vercel CLI") as caught:
        choose_way("cli", cli=cli, has_org=True)
    assert words in caught.value.what


def test_a_newer_cli_is_used_only_when_asked_for(tmp_path: Path) -> None:
    cli = found(tmp_path, versioned(TRIED + 1))
    way, why = choose_way("auto", cli=cli, has_org=True)
    assert (way, "newer than" in why) == ("rest", True)
    way, why = choose_way("cli", cli=cli, has_org=True)
    assert (way, "newer than" in why) == ("cli", True)


def test_without_a_cli_rest_is_taken_and_a_wish_for_the_cli_is_refused() -> None:
    assert choose_way("auto", cli=None, has_org=True)[0] == "rest"
    for wanted in ("cli", "prebuilt", "by hand"):
        with pytest.raises(Misconfigured, match=wanted):
            choose_way(wanted, cli=None, has_org=True)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    argv = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def test_a_pushed_commit_is_built_by_vercel_itself(hosted: Hosted, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="connected to no git repository"):
        git_source(hosted.app, hosted.vercel.hosting().git)
    remote = tmp_path / "remote.git"
    hosted.control.settings(git_link=LINK, git_folder=str(remote))
    link = hosted.vercel.hosting().git
    with pytest.raises(Misconfigured, match="in no git repository with a commit"):
        git_source(hosted.app, link)

    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(hosted.app, "init", "-q", "-b", "main")
    git(hosted.app, "add", ".")
    git(hosted.app, "commit", "-qm", "one")
    git(hosted.app, "remote", "add", "origin", str(remote))
    with pytest.raises(Refused, match="on no remote branch"):
        git_source(hosted.app, link)
    git(hosted.app, "push", "-q", "origin", "main")
    hosted.write("index.html", "<h1>Not committed</h1>")

    source = git_source(hosted.app, link)
    plan = planned(hosted, source=source, commit=f"{source.sha}+changes")
    staged = build_staged(plan, hosted.powers)

    assert (source.ref, source.sha) == ("main", git(hosted.app, "rev-parse", "HEAD"))
    assert "Version one" in hosted.eyes.get(staged.url).text
    assert any("NOT deployed" in one for one in hosted.says.warnings)
    assert any(f"commit {source.sha[:12]} (main) of acme/shop" in one for one in hosted.says.notes)


def test_every_line_of_a_build_is_told_and_kept_once(hosted: Hosted) -> None:
    hosted.control.settings(build_s=0.3)
    hosted.control.fault("ERROR", on="build", message="npm run build exited with 1")
    plan = planned(hosted, source=FilesSource(files=hosted.files()))
    with pytest.raises(DeploymentFailed, match="npm run build exited with 1"):
        build_staged(plan, hosted.powers)
    kept = [line.text for line in hosted.kept.lines]
    assert (
        kept
        == [
            "Running build in Washington, D.C., USA (East) - iad1",
            'Running "vercel build"',
            "Error: npm run build exited with 1",
        ][:1]
        + kept[1:]
    )
    assert kept[-1] == "Error: npm run build exited with 1"
    assert len(kept) == len(set(kept))
    assert [one for one in hosted.says.notes if one.startswith("build | ")] == [
        f"build | {text}" for text in kept
    ]
    # It was told while the build went on: more than once was asked.
    assert hosted.calls("GET", "/events") > 2
