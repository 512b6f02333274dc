"""Vercel's stand-in in a process of its own, the real edges to it, and a second pair of eyes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shipway.edges.app_files import app_files
from shipway.edges.clock import SystemClock
from shipway.edges.http import Api
from shipway.edges.vercel import Vercel
from shipway.edges.vercel_cli import VercelCli
from shipway.edges.vercel_logs import VercelLogs
from shipway.edges.web import Web
from shipway.sandbox.control import Control
from shipway.values import AppFile, BuildLine, Deployment, FilesSource, Plainly, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STARTS_WITHIN_S = 20.0


@dataclass
class Said(Plainly):
    """Keeps what a step told."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class BriskClock(SystemClock):
    """Real time; pauses between two looks are a tenth of what they are in earnest."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 10)


@dataclass
class KeptLog:
    """Keeps the lines of builds."""

    lines: list[BuildLine] = field(default_factory=list)

    def add(self, line: BuildLine) -> None:
        self.lines.append(line)


@dataclass(kw_only=True)
class Hosted:
    """The edges under test, and the world as seen past them."""

    facts: dict[str, Any]
    eyes: httpx.Client
    """Looks at the world past the edges under test."""
    control: Control
    api: Api
    vercel: Vercel
    logs: VercelLogs
    web: Web
    clock: BriskClock
    app: Path
    rest: ExitStack
    """What is closed when the test is over."""
    says: Said = field(default_factory=Said)
    kept: KeptLog = field(default_factory=KeptLog)

    def files(self) -> tuple[AppFile, ...]:
        return app_files(self.app)

    def source(self) -> FilesSource:
        return FilesSource(files=self.files())

    def edge(self, *, token: str = "", project: str = "", team: str = "", url: str = "") -> Vercel:
        """An edge to another project, team or address, or with another token."""
        facts = self.facts | ({"vercel_api_url": url} if url else {})
        return Vercel(
            self.rest.enter_context(api_of(facts, token)),
            project_id=project or facts["vercel_project_id"],
            team_id=team or facts["vercel_team_id"],
            cli=cli_of(facts),
        )

    def write(self, name: str, text: str) -> None:
        path = self.app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def live(self, path: str = "/") -> httpx.Response:
        """What a visitor of the production domain gets."""
        return self.eyes.get(self.facts["production_url"] + path)

    def raw(self, path: str) -> dict[str, Any]:
        """What Vercel's API says, not read by the edge under test."""
        answer = self.eyes.get(
            self.facts["vercel_api_url"] + path,
            params={"teamId": self.facts["vercel_team_id"]},
            headers={"authorization": f"Bearer {self.facts['vercel_token']}"},
        )
        found: dict[str, Any] = answer.json()
        return found

    def assign_production(self, deployment_id: str) -> None:
        """Give the production domain to a deployment, as a person does on Vercel's pages."""
        self.eyes.post(
            f"{self.facts['vercel_api_url']}/v2/deployments/{deployment_id}/aliases",
            params={"teamId": self.facts["vercel_team_id"]},
            headers={"authorization": f"Bearer {self.facts['vercel_token']}"},
            json={"alias": self.facts["production_url"].removeprefix("http://")},
        ).raise_for_status()

    def production(self) -> str | None:
        target = self.raw(f"/v9/projects/{self.facts['vercel_project_id']}")["targets"]
        return str(target["production"]["id"]) if target.get("production") else None

    def deployments(self) -> list[dict[str, Any]]:
        return list(self.raw("/v7/deployments")["deployments"])

    def calls(self, method: str, piece: str) -> int:
        """How many calls of a kind the server received."""
        return sum(one.method == method and piece in one.path for one in self.control.requests())

    def staged(self, release_id: str = "r0") -> Deployment:
        """Make a deployment that is READY and serves nothing."""
        made = self.vercel.create_staged(
            name="sandbox-app", source=self.source(), meta={"shipwayRelease": release_id}
        )
        assert made is not None
        return self.until_ready(made.deployment_id)

    def until_ready(self, deployment_id: str) -> Deployment:
        deadline = time.monotonic() + 10
        while (now := self.vercel.get(deployment_id)).ready_state != "READY":
            assert time.monotonic() < deadline, now
            time.sleep(0.02)
        return now

    def promoted(self, release_id: str = "r0") -> Deployment:
        """Make a deployment that serves production."""
        staged = self.staged(release_id)
        self.promote(staged.deployment_id)
        return staged

    def promote(self, deployment_id: str) -> None:
        self.vercel.promote(deployment_id)
        deadline = time.monotonic() + 10
        while self.production() != deployment_id:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture(scope="session")
def vercel_facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("vercel")
    process = subprocess.Popen([sys.executable, "-m", "shipway.sandbox", str(folder)])
    try:
        yield _announced(process, folder / "standins.json")
    finally:
        process.terminate()
        process.wait(10)


def _announced(process: subprocess.Popen[bytes], path: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the stand-ins ended at once"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        time.sleep(0.01)
    raise AssertionError("the stand-ins did not announce themselves")


@pytest.fixture(scope="session")
def eyes() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def hosted(vercel_facts: dict[str, Any], eyes: httpx.Client, tmp_path: Path) -> Iterator[Hosted]:
    """An empty project on Vercel, and a small app to deploy."""
    facts = vercel_facts
    clock = BriskClock()
    with (
        closing(Control(facts["vercel_api_url"], facts["control_token"])) as control,
        api_of(facts) as api,
        Web(clock=clock, timeout_s=5) as web,
        ExitStack() as rest,
    ):
        control.reset()
        control.settings(build_s=0.05, alias_s=0.05)
        names = {"project_id": facts["vercel_project_id"], "team_id": facts["vercel_team_id"]}
        one = Hosted(
            facts=facts,
            eyes=eyes,
            control=control,
            api=api,
            vercel=Vercel(api, **names, cli=cli_of(facts)),
            logs=VercelLogs(api, clock=clock, **names),
            web=web,
            clock=clock,
            app=tmp_path / "app",
            rest=rest,
        )
        one.write("index.html", "<h1>Version one</h1>")
        one.write("about/index.html", "<h1>About</h1>")
        yield one


def cli_of(facts: dict[str, Any]) -> VercelCli:
    return VercelCli(
        token=Secret(facts["vercel_token"]),
        project_id=facts["vercel_project_id"],
        org_id=facts["vercel_team_id"],
        api_url=facts["vercel_api_url"],
    )


def api_of(facts: dict[str, Any], token: str = "") -> Api:
    return Api(
        name="Vercel",
        base_url=facts["vercel_api_url"],
        setting="VERCEL_API_URL",
        token=Secret(token or facts["vercel_token"]),
        clock=BriskClock(),
    )
