"""The real Vercel CLI, driven by shipway against the stand-in of Vercel's API.

Deselected unless asked for with `pytest -m cli`, as tests/sandbox/test_real_clis.py is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from shipway.edges.vercel.cli import find_cli
from shipway.errors import DeploymentFailed
from shipway.steps.deploy.deploy import build_staged
from shipway.values.hosting import CliSource, Deployment
from tests.edges.vercel.test_app_files import IGNORED_BY_THE_CLI
from tests.steps.deploy.test_deploy import planned

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.steps.deploy.plan import DeployPlan
    from tests.fixtures.hosting_fixtures import Hosted
    from tests.stories.conftest import Ended, Project

pytestmark = [pytest.mark.cli, pytest.mark.timeout(600)]

ON_SANDBOX = ("--target", "sandbox", "--yes")
# Writes down how it was called, then is the CLI.
NOTING = """#!/bin/sh
printf '%s\\n' "$@" >> '{notes}'
env | grep -c '^VERCEL_TOKEN=.' >> '{notes}'
exec '{program}' "$@"
"""


def source(hosted: Hosted, npm_clients: Path, *, prebuilt: bool = False) -> CliSource:
    cli = find_cli((npm_clients,))
    assert cli is not None
    assert (cli.problem, cli.doubt) == ("", "")
    return CliSource(program=cli.program, version=cli.version, folder=hosted.app, prebuilt=prebuilt)


def built(hosted: Hosted, plan: DeployPlan) -> Deployment:
    return build_staged(plan, hosted.powers)


def test_a_staged_deployment_carries_its_release_and_is_found_again(
    hosted: Hosted, npm_clients: Path
) -> None:
    plan = planned(hosted, "r1", source=source(hosted, npm_clients))

    staged = built(hosted, plan)

    assert staged.ready_state == "READY"
    assert staged.auto_assign_domains is False
    assert dict(staged.meta) | dict(plan.meta) == dict(staged.meta)
    assert "Version one" in hosted.eyes.get(staged.url).text
    assert hosted.production() is None
    assert any("by the Vercel CLI 64" in one for one in hosted.says.notes)
    assert [line.text for line in hosted.kept.lines][-1] == "Deployment completed"

    assert built(hosted, plan).deployment_id == staged.deployment_id
    assert len(hosted.deployments()) == 1


def test_what_was_built_here_is_deployed_as_it_is(hosted: Hosted, npm_clients: Path) -> None:
    without = planned(hosted, "r1", source=source(hosted, npm_clients, prebuilt=True))
    with pytest.raises(DeploymentFailed, match=r"(?i)prebuilt"):
        built(hosted, without)
    hosted.write(".vercel/output/config.json", json.dumps({"version": 3}))
    hosted.write(".vercel/output/static/index.html", "<h1>Built here</h1>")

    staged = built(hosted, planned(hosted, "r2", source=source(hosted, npm_clients, prebuilt=True)))

    assert "Built here" in hosted.eyes.get(staged.url).text
    assert hosted.raw(f"/v13/deployments/{staged.deployment_id}")["prebuilt"] is True


@pytest.mark.parametrize(("rules", "kept_back"), IGNORED_BY_THE_CLI)
def test_the_cli_keeps_back_the_files_that_shipway_keeps_back_without_it(
    hosted: Hosted, npm_clients: Path, rules: str, kept_back: tuple[str, ...]
) -> None:
    hosted.write(".vercelignore", rules)
    for name in ("index.html", *kept_back):
        hosted.write(name, "<h1>Here</h1>")

    staged = built(hosted, planned(hosted, source=source(hosted, npm_clients)))

    assert hosted.eyes.get(staged.url).status_code == 200
    answers = {one: hosted.eyes.get(f"{staged.url}/{quote(one)}") for one in kept_back}
    assert {one: answer.status_code for one, answer in answers.items()} == dict.fromkeys(
        kept_back, 404
    )


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("ERROR", "npm run build exited with 1"),
        ("CANCELED", "was canceled on Vercel"),
        ("BLOCKED", "has blocked the deployment"),
        ("flag_ignored", "was to be staged"),
    ],
)
def test_a_build_that_does_not_end_well_is_explained(
    hosted: Hosted, npm_clients: Path, outcome: str, words: str
) -> None:
    details: dict[str, dict[str, Any]] = {
        "ERROR": {"message": "npm run build exited with 1"},
        "flag_ignored": {"seconds": 60},  # else it is live before anyone can cancel it
    }
    hosted.control.fault(outcome, on="build", **details.get(outcome, {}))
    with pytest.raises(DeploymentFailed, match=words):
        built(hosted, planned(hosted, source=source(hosted, npm_clients)))
    assert hosted.production() is None


def test_what_the_cli_says_of_a_refusal_is_shown(hosted: Hosted, npm_clients: Path) -> None:
    refused = {"error": {"code": "forbidden", "message": "You may not deploy here"}}
    hosted.control.fault(
        "status", method="POST", path="/v13/deployments", status=403, body=refused, times=None
    )
    with pytest.raises(DeploymentFailed, match="The Vercel CLI 64") as caught:
        built(hosted, planned(hosted, source=source(hosted, npm_clients)))
    assert "You may not deploy here" in caught.value.what


def test_auto_deploys_by_the_cli_of_the_project_then_promotes_and_goes_back(
    project: Project, npm_clients: Path
) -> None:
    notes = project.root / "notes"
    real = npm_clients / "node_modules" / ".bin" / "vercel"
    program = project.root / "node_modules" / ".bin" / "vercel"
    program.parent.mkdir(parents=True)
    program.write_text(NOTING.format(notes=notes, program=real))
    program.chmod(0o755)

    def deployed(word: str) -> Ended:
        page = project.root / "app" / "index.html"
        page.write_text(page.read_text(encoding="utf-8") + f"<em>{word}</em>", encoding="utf-8")
        ended = project.invoke("deploy", *ON_SANDBOX, SHIPWAY_DEPLOY_WITH="auto")
        assert ended.code == 0, ended.err
        return ended

    assert project.invoke("db.migrate", "--without-rehearsal", "x", *ON_SANDBOX).code == 0
    told = deployed("one")
    first = str(project.production())
    assert f"({program} is the Vercel CLI 64" in told.out
    said = notes.read_text(encoding="utf-8")
    assert project.env("VERCEL_TOKEN") not in said
    assert "--skip-domain" in said
    assert "--non-interactive=false" in said
    assert said.splitlines()[-1] == "1"
    assert not (project.root / "app" / ".vercel").exists()

    deployed("two")
    second = str(project.production())
    assert second != first
    assert "<em>two</em>" in project.live().text

    back = project.invoke("deploy.rollback", *ON_SANDBOX)
    assert back.code == 0, back.err
    assert project.production() == first
    again = project.invoke("deploy.promote", "--deployment", second, *ON_SANDBOX)
    assert again.code == 0, again.err
    assert project.production() == second
