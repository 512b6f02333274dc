"""The real clients of Vercel and Supabase, driven against the stand-ins.

Deselected unless asked for with `pytest -m cli`: they need Node, npm and half a gigabyte of
packages from its registry, and a minute to install. CI runs them.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import visit

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from shipway.sandbox.control import Control
    from tests.sandbox.conftest import Releases, Standins

pytestmark = [pytest.mark.cli, pytest.mark.timeout(600)]

PAGE = "<h1>by the real client</h1>"


@dataclass(kw_only=True)
class Cli:
    """One program with the environment and the arguments that every call needs."""

    program: Path
    leading: list[str]
    environ: dict[str, str]
    folder: Path

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program), *self.leading, *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def vercel_cli(
    running: Standins, vercel_control: Control, npm_clients: Path, tmp_path: Path
) -> Cli:
    vercel_control.settings(build_s=0.3)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "index.html").write_text(PAGE)
    # Small files travel inside the request, this one has to be uploaded.
    (tmp_path / "app" / "big.bin").write_bytes(os.urandom(200_000))
    return Cli(
        program=npm_clients / "node_modules" / ".bin" / "vercel",
        leading=["--api", running.facts["vercel_api_url"]],
        folder=tmp_path / "app",
        environ={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "VERCEL_TOKEN": running.facts["vercel_token"],
            "VERCEL_ORG_ID": running.facts["vercel_team_id"],
            "VERCEL_PROJECT_ID": running.facts["vercel_project_id"],
            "VERCEL_TELEMETRY_DISABLED": "1",
            "NO_UPDATE_NOTIFIER": "1",
        },
    )


@pytest.fixture
def supabase_cli(
    running: Standins, supabase_control: Control, npm_clients: Path, tmp_path: Path
) -> Cli:
    del supabase_control
    url = running.facts["supabase_api_url"]
    profile = tmp_path / "profile.yaml"
    names = ("api_url", "dashboard_url", "docs_url")
    hosts = ("project_host", "pooler_host")
    lines = ["name: sandbox", *(f"{name}: {url}" for name in names)]
    lines += [f"{name}: 127.0.0.1" for name in hosts]
    profile.write_text("\n".join(lines) + "\n")
    return Cli(
        program=npm_clients / "node_modules" / ".bin" / "supabase",
        leading=["--profile", str(profile), "--output-format", "json"],
        folder=tmp_path,
        environ={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SUPABASE_ACCESS_TOKEN": running.facts["supabase_access_token"],
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "DO_NOT_TRACK": "1",
        },
    )


STAGED = ("deploy", "--prod", "--skip-domain", "--yes", "--json", "--non-interactive=false")


def deployed(vercel_cli: Cli) -> dict[str, Any]:
    done = vercel_cli.run(*STAGED)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def live(running: Standins) -> str:
    return visit(running.facts["production_url"]).text


def test_a_staged_deployment_is_uploaded_built_and_served(
    running: Standins, releases: Releases, vercel_cli: Cli
) -> None:
    shown = deployed(vercel_cli)
    assert (shown["readyState"], shown["target"]) == ("READY", "production")
    url = shown["url"].replace("https://", "http://")
    assert visit(url).text == PAGE
    assert len(visit(f"{url}/big.bin").content) == 200_000
    assert releases.project()["targets"] == {}
    assert live(running) != PAGE


@pytest.mark.parametrize(
    ("outcome", "name"), [("ERROR", "BUILD_ERROR"), ("CANCELED", "DEPLOYMENT_CANCELED")]
)
def test_a_build_that_fails_is_a_failed_command(
    vercel_cli: Cli, vercel_control: Control, outcome: str, name: str
) -> None:
    vercel_control.fault(outcome, on="build")
    done = vercel_cli.run(*STAGED)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["name"] == name


@pytest.mark.parametrize("outcome", ["alias_error", "checks_failed"])
def test_a_deployment_without_domain_or_checks_is_a_failed_command(
    vercel_cli: Cli, vercel_control: Control, outcome: str
) -> None:
    vercel_control.fault(outcome, on="build")
    assert vercel_cli.run(*STAGED).returncode == 1


def test_a_wrong_token_is_named(vercel_cli: Cli) -> None:
    done = vercel_cli.run(*STAGED, VERCEL_TOKEN="wrong")
    assert done.returncode == 1
    assert "token provided via VERCEL_TOKEN environment variable is not valid" in done.stderr


def test_promote_and_rollback_move_production(
    running: Standins, releases: Releases, vercel_cli: Cli
) -> None:
    first = deployed(vercel_cli)["id"]
    (vercel_cli.folder / "index.html").write_text("second")
    second = deployed(vercel_cli)["id"]
    assert vercel_cli.run("promote", first, "--yes").returncode == 0
    assert live(running) == PAGE
    assert vercel_cli.run("promote", second, "--yes").returncode == 0
    assert live(running) == "second"
    again = vercel_cli.run("promote", second, "--yes")
    assert (again.returncode, "409" in again.stderr) == (1, True)
    assert vercel_cli.run("rollback", first, "--yes").returncode == 0
    assert live(running) == PAGE
    assert releases.project()["autoAssignCustomDomains"] is False


def test_a_failed_alias_job_is_a_failed_command_and_a_skipped_one_is_not(
    running: Standins, vercel_cli: Cli, vercel_control: Control
) -> None:
    shown = deployed(vercel_cli)["id"]
    vercel_control.fault("failed", on="alias")
    assert vercel_cli.run("promote", shown, "--yes").returncode == 1
    vercel_control.fault("skipped", on="alias")
    assert vercel_cli.run("promote", shown, "--yes").returncode == 0
    assert live(running) != PAGE


def test_inspect_and_list_tell_of_the_deployments(vercel_cli: Cli) -> None:
    shown = deployed(vercel_cli)
    inspected = json.loads(vercel_cli.run("inspect", shown["id"], "--json").stdout)
    assert (inspected["id"], inspected["readyState"]) == (shown["id"], "READY")
    flags = ("--json", "--environment", "production", "--status", "READY")
    listed = json.loads(vercel_cli.run("list", *flags).stdout)
    assert [one["id"] for one in listed["deployments"]] == [shown["id"]]
    assert "Build Completed" in vercel_cli.run("inspect", shown["id"], "--logs").stderr


def test_logs_are_found_by_level(vercel_cli: Cli, vercel_control: Control) -> None:
    shown = deployed(vercel_cli)
    url = shown["url"].replace("https://", "http://")
    vercel_control.fault("status", on="serve", status=500, message="boom", after=1)
    for _ in range(3):
        visit(url)
    query = ("--query", "level:error", "--since", "10m", "--json")
    done = vercel_cli.run("logs", "runtime", "--deployment", shown["id"], *query)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["data"]["message"] for row in rows if row["type"] == "log"] == ["boom"]
    assert rows[-1]["recordsReturned"] == 1


def test_backups_are_listed_and_a_recovery_is_begun(
    running: Standins, supabase_cli: Cli, supabase_control: Control
) -> None:
    remote = f"--remote={running.facts['project_ref']}"
    listed = json.loads(supabase_cli.run("backups", "list", remote).stdout)
    assert len(listed["backups"]) == 7
    supabase_control.settings(pitr_enabled=True)
    target = str(int(time.time()) - 3600)
    done = supabase_cli.run("backups", "restore", remote, "--timestamp", target, "--yes")
    assert done.returncode == 0, done.stderr
    assert supabase_control.requests()[-1].path.endswith("/database/backups/restore-pitr")


def test_a_429_is_waited_for(
    running: Standins, supabase_cli: Cli, supabase_control: Control
) -> None:
    supabase_control.fault(
        "status", path="/database/backups$", status=429, headers={"Retry-After": "1"}, times=2
    )
    done = supabase_cli.run("backups", "list", f"--remote={running.facts['project_ref']}")
    assert done.returncode == 0, done.stderr
    asked = [one.status for one in supabase_control.requests() if one.path.endswith("/backups")]
    assert asked == [429, 429, 200]


def test_the_projects_logs_and_findings_are_shown(
    running: Standins, supabase_cli: Cli, supabase_control: Control
) -> None:
    remote = f"--remote={running.facts['project_ref']}"
    supabase_control.log_row(level="error", severity_text="ERROR", event_message="deadlock")
    rows = json.loads(supabase_cli.run("logs", remote).stdout)
    assert [row["event_message"] for row in rows] == ["deadlock"]
    assert supabase_cli.run("db", "advisors", remote).returncode == 0


def test_a_branch_is_made_found_and_deleted(
    running: Standins, supabase_cli: Cli, management: httpx.Client
) -> None:
    remote = f"--remote={running.facts['project_ref']}"
    made = supabase_cli.run("branches", "create", "rehearsal", remote, "--yes")
    assert made.returncode == 0, made.stderr
    assert [one["name"] for one in management.get("/branches").json()] == ["rehearsal"]
    gone = supabase_cli.run("branches", "delete", "rehearsal", remote, "--yes")
    assert gone.returncode == 0, gone.stderr
    assert management.get("/branches").json() == []
