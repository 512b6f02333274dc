"""The checklist before a release, executed: each gate shut, waived and open."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.fixtures.in_process import run_here
from tests.stories.conftest import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Project

ADA = "Ada Lovelace <ada@example.org>"


def a_closed_window() -> str:
    """A window that closed half a day ago, by UTC."""
    past = datetime.now(UTC) - timedelta(hours=12)
    return f"{past:%a} {past:%H}:00-{past:%H}:01"


@pytest.fixture
def team_project(project: Project, tmp_path: Path) -> Project:
    """A project as a team has it: in git with a remote, every gate asked for."""
    facts = project.standins
    told = tmp_path / "told.txt"
    program = project.root / "tell"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$SHIPWAY_NOTICE" >> "{told}"\n')
    program.chmod(0o755)
    (project.root / "shipway.toml").write_text(
        "\n".join(
            [
                'app_dir = "app"',
                'protected_targets = ["sandbox"]',
                'release_branch = "main"',
                f'release_windows = ["{a_closed_window()}"]',
                'approvers = ["ada@example.org"]',
                'notify_command = "./tell"',
                "",
            ]
        )
    )
    (project.root / ".gitignore").write_text(".env*\n.shipway/\ntold.txt\n")
    project.environ |= {
        "GITHUB_API_URL": facts["github_api_url"],
        "GITHUB_TOKEN": facts["github_token"],
        "GITHUB_REPOSITORY": facts["github_repository"],
        "SLACK_WEBHOOK_URL": facts["slack_webhook_url"],
        "NOTIFY_WEBHOOK_URL": facts["notify_webhook_url"],
    }
    project.github.reset()
    project.team.reset()
    subprocess.run(["git", "init", "--bare", "-qb", "main", tmp_path / "hub.git"], check=True)
    git(project, "init", "-qb", "main")
    git(project, "config", "user.name", "Ada Lovelace")
    git(project, "config", "user.email", "ada@example.org")
    git(project, "remote", "add", "origin", str(tmp_path / "hub.git"))
    git(project, "add", "-A")
    git(project, "commit", "-qm", "the app")
    return project


def git(project: Project, *arguments: str) -> None:
    subprocess.run(["git", "-C", project.root, *arguments], check=True, capture_output=True)


def command(project: Project, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run a command on the sandbox in this process; return code, document and what was said."""
    code, out, err = run_here(
        project.root,
        clean_environment() | project.environ,
        *(*arguments, "--target", "sandbox", "--format", "json"),
    )
    document: dict[str, Any] = json.loads(out)
    return code, document, err


def gates_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in document["result"]["gates"]}


def test_doctor_names_every_gate_that_is_shut_with_its_cure(team_project: Project) -> None:
    project = team_project
    (project.root / "notes.txt").write_text("not committed")
    project.github.settings(
        check_runs=[
            {"name": "tests", "status": "completed", "conclusion": "timed_out"},
            {"name": "lint", "status": "in_progress"},
        ]
    )
    with psycopg.connect(project.env("DATABASE_URL")) as slow:
        slow.execute("select 1")
        project.environ["SHIPWAY_MAX_TRANSACTION_AGE_S"] = "0"
        code, document, _ = command(project, "doctor")
    gates = gates_of(document)
    shut = {name for name, one in gates.items() if one["state"] == "failed"}
    assert (code, shut) == (3, {"window", "git", "ci", "approval", "activity"})
    assert all(gates[name]["cure"] for name in shut)
    assert "uncommitted: notes.txt; " in gates["git"]["detail"]
    assert "has no branch main" in gates["git"]["detail"]
    assert "lint is in_progress, tests is timed_out" in gates["ci"]["detail"]
    assert "a transaction of " in gates["activity"]["detail"]
    assert gates["team"]["detail"] == "will be told by Slack, the webhook, ./tell"
    assert {gates[one]["state"] for one in ("backup", "rehearsed", "review")} == {"not checked"}
    assert project.tables() == []
    assert project.team.notices() == []


def test_a_person_takes_gates_upon_themselves_and_the_team_is_told(
    team_project: Project, tmp_path: Path
) -> None:
    project = team_project
    # A release stops at the gates that doctor names; nothing is recorded, nobody is told.
    code, document, _ = command(project, "release", "--yes")
    assert (code, project.records(), project.team.notices()) == (3, [], [])
    waived = ("--waive", "git=hotfix", "--waive", "ci=known flake", "--waive", "approval=Ada ill")
    project.environ["SHIPWAY_REVIEW_STOPS_AT"] = "never"
    code, document, err = command(
        project,
        *("release", "--yes", "--now", "data loss", "--without-rehearsal", "told below", *waived),
    )
    assert (code, document["error"]) == (0, None), err
    steps = {one["name"]: one["proof"] for one in document["result"]["steps"]}
    before = {one["name"]: one for one in steps["preflight"]["gates"]}
    last = {one["name"]: one for one in steps["gates"]["gates"]}
    assert before["ci"]["state"] == "waived"
    assert (before["ci"]["waived_by"], before["ci"]["reason"]) == (ADA, "known flake")
    assert (last["window"]["state"], last["window"]["reason"]) == ("waived", "data loss")
    assert (last["rehearsed"]["state"], last["review"]["state"]) == ("waived", "not checked")
    assert (last["backup"]["state"], last["team"]["state"]) == ("warned", "passed")
    journal = (project.records()[-1] / "journal.jsonl").read_text()
    assert all(word in journal for word in ("data loss", "known flake", ADA))

    # The team was told twice, in each way.
    notices = project.team.notices()
    assert [one["by"] for one in notices] == ["slack", "webhook"] * 2
    assert notices[0]["body"]["text"].startswith(":rocket: release ")
    assert [one["body"]["event"] for one in notices if one["by"] == "webhook"] == [
        "begins",
        "ended",
    ]
    assert notices[3]["body"]["by"] == ADA
    assert notices[3]["body"]["url"] == project.standins["production_url"]
    told = [json.loads(line) for line in (tmp_path / "told.txt").read_text().splitlines()]
    assert [one["event"] for one in told] == ["begins", "ended"]


def test_an_approval_holds_for_the_very_files_that_were_read(team_project: Project) -> None:
    project = team_project
    (project.root / "migrations" / "008_note.sql").write_text("create table note (id int);\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "note")
    git(project, "push", "-q", "origin", "main")
    project.github.settings(check_runs=[
        {"name": "tests", "status": "completed", "conclusion": "success"},
        {"name": "release", "status": "in_progress",
         "details_url": "https://github.com/o/n/actions/runs/77/job/5"},
    ], statuses=[{"context": "vercel", "state": "success"}])  # fmt: skip
    project.environ |= {"GITHUB_RUN_ID": "77", "SHIPWAY_RELEASE_WINDOWS": "Mon-Sun 00:00-24:00"}
    git(project, "config", "user.name", "Bob")
    git(project, "config", "user.email", "bob@example.org")
    code, document, _ = command(project, "release.approve", "--yes")
    assert (code, document["error"]["kind"]) == (3, "Refused")
    git(project, "config", "user.email", "ADA@example.org")
    code, document, _ = command(project, "release.approve", "--yes")
    assert (code, document["result"]["by"]) == (0, "Bob <ADA@example.org>")
    code, document, err = command(project, "doctor")
    gates = gates_of(document)
    assert code == 0, err
    assert "approved by Bob <ADA@example.org>" in gates["approval"]["detail"]
    assert gates["ci"]["detail"].startswith("2 of 2 green for ")
    assert "nothing uncommitted" in gates["git"]["detail"]

    # An edit makes another plan.
    (project.root / "migrations" / "008_note.sql").write_text("create table note (id bigint);\n")
    code, document, _ = command(project, "doctor")
    assert gates_of(document)["approval"]["state"] == "failed"
    assert gates_of(document)["git"]["state"] == "failed"


def test_a_notice_that_is_lost_stops_a_release_only_when_that_is_asked(
    team_project: Project,
) -> None:
    project = team_project
    project.environ |= {
        "SHIPWAY_RELEASE_BRANCH": "",
        "GITHUB_TOKEN": "",
        "SHIPWAY_RELEASE_WINDOWS": "Mon-Sun 00:00-24:00",
        "SHIPWAY_NOTIFY_COMMAND": "false",
        "SHIPWAY_NOTIFY_REQUIRED": "true",
    }
    asked = ("release", "--yes", "--without-rehearsal", "none", "--waive", "approval=nobody here",
             "--waive", "git=not here")  # fmt: skip
    project.team.fault("status", path="/services/", status=500, times=None)
    code, document, err = command(project, *asked)
    assert (code, document["error"]["kind"]) == (3, "Refused"), err
    assert "Slack was not told: it answered 500." in document["error"]["what"]
    assert "false ended with status 1" in document["error"]["what"]
    assert project.tables() == []
    project.environ["SHIPWAY_NOTIFY_REQUIRED"] = "false"
    code, document, err = command(project, *asked)
    assert code == 0, err
    steps = {one["name"]: one["proof"] for one in document["result"]["steps"]}
    last = {one["name"]: one for one in steps["gates"]["gates"]}
    assert last["team"]["state"] == "warned"
    assert "told by the webhook; Slack was not told" in last["team"]["detail"]
    assert project.standins["slack_webhook_url"] not in err + json.dumps(document)


ALWAYS = {"SHIPWAY_RELEASE_WINDOWS": "Mon-Sun 00:00-24:00"}
GREEN = [{"name": "tests", "status": "completed", "conclusion": "success"}]


def test_gates_that_were_asked_for_do_not_open_where_there_is_no_repository(
    team_project: Project,
) -> None:
    project = team_project
    project.environ |= ALWAYS
    project.github.settings(check_runs=GREEN)
    (project.root / ".git").rename(project.root / "gone.git")
    code, document, _ = command(project, "doctor")
    gates = gates_of(document)
    shut = {name for name, one in gates.items() if one["state"] == "failed"}
    assert (code, shut) == (3, {"git", "ci", "approval"})
    for name in ("git", "ci"):
        assert "is no git repository" in gates[name]["detail"]
        assert f"--waive {name}=REASON" in gates[name]["cure"]
    code, _, err = command(project, "release", "--yes")
    assert code == 3, err
    assert project.tables() == []
    waived = [
        word for name in ("git", "ci", "approval") for word in ("--waive", f"{name}=a tarball")
    ]
    code, document, err = command(
        project, "release", "--yes", "--without-rehearsal", "told elsewhere", *waived
    )
    assert code == 0, err
    steps = {one["name"]: one["proof"] for one in document["result"]["steps"]}
    states = {one["name"]: one["state"] for one in steps["preflight"]["gates"]}
    assert (states["git"], states["ci"]) == ("waived", "waived")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"status": 500}, "would not tell"),
        ({"status": 404, "body": {"message": "Not Found"}}, "would not tell"),
        ({"status": 200, "body": {"total_count": 1}}, "has no list of check_runs"),
        ({"status": 200, "body": {"check_runs": ["x"]}}, "has no list of check_runs"),
        ({"status": 200, "body": {"total_count": 9, "check_runs": GREEN}}, "1 of 9 check_runs"),
        ({"status": 200, "body": ["x"]}, "not what its description says"),
    ],
)
def test_an_answer_of_ci_that_is_not_understood_is_not_green(
    team_project: Project, broken: dict[str, Any], said: str
) -> None:
    project = team_project
    project.environ |= ALWAYS
    project.github.settings(check_runs=GREEN, statuses=[{"context": "vercel", "state": "success"}])
    project.github.fault("status", path="/check-runs", times=None, **broken)
    _, document, _ = command(project, "doctor")
    ci = gates_of(document)["ci"]
    assert (ci["state"], said in ci["detail"]) == ("failed", True), ci
    assert "--waive ci=REASON" in ci["cure"]


def test_a_red_check_is_not_hidden_by_a_green_one_of_its_name(team_project: Project) -> None:
    red = [{"name": "tests", "status": "completed", "conclusion": "failure"}]
    for runs in (red + GREEN, GREEN + red):
        team_project.github.settings(check_runs=runs)
        _, document, _ = command(team_project, "doctor")
        assert "tests is failure" in gates_of(document)["ci"]["detail"]


def test_checks_that_are_named_and_cannot_be_asked_for_shut_the_gate(
    team_project: Project,
) -> None:
    project = team_project
    project.environ |= {"GITHUB_TOKEN": "", "SHIPWAY_CI_CHECKS": "tests"}
    _, document, _ = command(project, "doctor")
    ci = gates_of(document)["ci"]
    assert (ci["state"], ci["detail"].startswith("ci_checks asks for tests")) == ("failed", True)
    assert "Set GITHUB_TOKEN" in ci["cure"]
    project.environ["SHIPWAY_CI_CHECKS"] = ""
    _, document, _ = command(project, "doctor")
    assert gates_of(document)["ci"]["state"] == "not asked for"


def test_approvals_that_may_not_be_read_are_none(team_project: Project) -> None:
    project = team_project
    with psycopg.connect(project.env("DATABASE_URL"), autocommit=True) as connection:
        connection.execute("create schema shipway; create table shipway.approvals (at text)")
    _, document, _ = command(project, "doctor")
    approval = gates_of(document)["approval"]
    assert approval["state"] == "failed"
    assert "The approvals cannot be read" in approval["detail"]
    assert "--waive approval=REASON" in approval["cure"]
