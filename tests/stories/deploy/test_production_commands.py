"""deploy.status, deploy.promote, deploy.rollback, deploy --compare and logs.tail at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.stories.conftest import DEADLINE_S, clean_environment

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project

ON_SANDBOX = ("--target", "sandbox")


def deployed(project: Project, word: str, *flags: str) -> Ended:
    page = project.root / "app" / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + f"<em>{word}</em>", encoding="utf-8")
    # Without a database the app alone is deployed, and says so.
    return project.invoke("deploy", *ON_SANDBOX, "--yes", *flags, DATABASE_URL="")


def test_production_is_told_compared_rolled_back_and_promoted_by_commands(
    project: Project,
) -> None:
    empty = project.invoke("deploy.status", *ON_SANDBOX)
    assert (empty.code, "nothing serves production yet" in empty.out) == (0, True)
    assert project.quick_release().code == 0
    first = project.production()

    compared = deployed(project, "two", "--compare")
    assert compared.code == 0, compared.err
    assert "new: <em>" in compared.out
    second = project.production()
    assert second != first

    planned = project.invoke("--dry", "deploy.rollback", *ON_SANDBOX)
    assert f"Would let {first} serve production again" in planned.out
    asked = project.invoke("deploy.rollback", *ON_SANDBOX)
    assert asked.code == 3
    assert project.production() == second

    back = project.invoke("deploy.rollback", *ON_SANDBOX, "--yes", "--format", "json")
    assert back.code == 0, back.err
    assert back.document["result"]["to_id"] == first == project.production()
    assert "<em>two</em>" not in project.live().text
    told = project.invoke("deploy.status", *ON_SANDBOX)
    assert f"production is {first}" in told.out
    assert "put there by a rollback" in told.out + told.err

    again = project.invoke("deploy.promote", "--deployment", str(second), *ON_SANDBOX, "--yes")
    assert again.code == 0, again.err
    assert project.production() == second
    assert "<em>two</em>" in project.live().text


def test_the_log_is_followed_for_a_while(project: Project) -> None:
    nothing = project.invoke("logs.tail", *ON_SANDBOX)
    assert nothing.code == 3
    assert deployed(project, "one").code == 0

    followed = project.invoke("logs.tail", *ON_SANDBOX, "--window", "0.5", "--format", "json")

    assert followed.code == 0, followed.err
    assert followed.document["result"] == []
    wrong = project.invoke("logs.tail", *ON_SANDBOX, "--window", "soon")
    assert wrong.code == 2

    back = ("--deployment", str(project.production()), "--since", "30m")
    looked_back = project.invoke("logs", *ON_SANDBOX, *back, SHIPWAY_WATCH_MIN_REQUESTS="3")
    assert looked_back.code == 0, looked_back.err
    assert "GOOD" in looked_back.out
    both = project.invoke("logs", *ON_SANDBOX, *back, "--window", "1")
    assert both.code == 2


def test_what_a_line_of_the_log_quotes_is_shown_on_a_terminal_and_kept_nowhere(
    project: Project,
) -> None:
    assert deployed(project, "one").code == 0
    for ago_s in range(60, 90):
        project.vercel.log_row(
            deployment=str(project.production()),
            timestampInMs=int((time.time() - ago_s) * 1000),
            level="error",
            responseStatusCode=500,
            message="no user with the mail ada@example.test",
        )
    back = ("logs", *ON_SANDBOX, "--since", "30m")

    for how in ((), ("--format", "json")):
        kept = project.invoke(*back, *how)
        assert kept.code == 7, kept.err
        assert "no user with the mail" in kept.out + kept.err
        assert "ada@" not in kept.out + kept.err

    assert "ada@example.test" in project.invoke(*back, SHIPWAY_SHOW_ROWS="true").err
    assert "ada@example.test" in on_a_terminal(project, *back)


def on_a_terminal(project: Project, *arguments: str) -> str:
    """Return what a command writes to a person's terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 200))
    command = subprocess.Popen(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=project.root,
        env=clean_environment() | project.environ | {"TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how Linux tells that nobody is there any more who could write
        while piece := os.read(ours, 1 << 16):
            written += piece
    os.close(ours)
    command.wait(DEADLINE_S)
    return written.decode()
