"""The stand-ins as a real process: one for the run, in its first state before each test."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shipway.sandbox.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_STARTS_WITHIN_S = 20
# No certificates: loading them takes longer than a whole call on loopback.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(kw_only=True)
class Standins:
    """A running process of the stand-ins and what it says about itself."""

    folder: Path
    process: subprocess.Popen[str]
    facts: dict[str, Any]

    @property
    def vercel_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.facts['vercel_token']}"}

    @property
    def supabase_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.facts['supabase_access_token']}"}

    @property
    def project_url(self) -> str:
        """The Management API's address of the project."""
        return f"{self.facts['supabase_api_url']}/v1/projects/{self.facts['project_ref']}"

    @property
    def storage_headers(self) -> dict[str, str]:
        key = self.facts["supabase_secret_key"]
        return {"apikey": key, "authorization": f"Bearer {key}"}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=10)
        return self.process.returncode, said


def start(folder: Path) -> Standins:
    """Start the stand-ins and wait until they say that they are listening."""
    announcement = folder / "standins.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "shipway.sandbox", str(folder)], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            _, said = process.communicate()
            raise AssertionError(f"the stand-ins ended at once: {said}")
        if announcement.is_file():
            facts = json.loads(announcement.read_text())
            if facts["pid"] == process.pid:
                return Standins(folder=folder, process=process, facts=facts)
        time.sleep(0.01)
    process.kill()
    raise AssertionError("the stand-ins did not announce themselves")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standins]:
    standins = start(tmp_path_factory.mktemp("standins"))
    yield standins
    standins.stop()


@pytest.fixture
def own_standins(tmp_path: Path) -> Iterator[Callable[[], Standins]]:
    """Start a process of the test's own, as often as it wants, all on one folder."""
    started: list[Standins] = []

    def begin() -> Standins:
        started.append(start(tmp_path / "state"))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.kill()
        if one.process.stderr:
            one.process.stderr.close()


@pytest.fixture
def vercel_control(running: Standins) -> Iterator[Control]:
    control = Control(running.facts["vercel_api_url"], running.facts["control_token"])
    control.reset()
    control.settings(build_s=0.05, alias_s=0.05)
    yield control
    control.close()


@pytest.fixture
def supabase_control(running: Standins) -> Iterator[Control]:
    control = Control(running.facts["supabase_api_url"], running.facts["control_token"])
    control.reset()
    yield control
    control.close()


@pytest.fixture
def vercel(running: Standins, vercel_control: Control) -> Iterator[httpx.Client]:
    """A client of the Vercel API in its first state, with token and team."""
    del vercel_control
    with httpx.Client(
        base_url=running.facts["vercel_api_url"],
        headers=running.vercel_headers,
        params={"teamId": running.facts["vercel_team_id"]},
        trust_env=False,
        verify=NO_TLS,
    ) as client:
        yield client


@dataclass(kw_only=True)
class Releases:
    """Deployments made the way a release tool makes them."""

    client: httpx.Client

    def create(self, **more: Any) -> httpx.Response:
        """Ask for a staged production deployment of one page."""
        body = {
            "name": "sandbox-app",
            "target": "production",
            "autoAssignCustomDomains": False,
            "files": [{"file": "index.html", "data": "<h1>first</h1>"}],
            **more,
        }
        return self.client.post("/v13/deployments", json=body)

    def settled(self, deployment_id: str) -> dict[str, Any]:
        """Return the deployment once its build has ended."""
        return until(
            lambda: self.client.get(f"/v13/deployments/{deployment_id}").json(),
            lambda shown: shown["readyState"] not in {"QUEUED", "INITIALIZING", "BUILDING"},
        )

    def deployed(self, **more: Any) -> dict[str, Any]:
        """Return a new deployment whose build has ended."""
        return self.settled(self.create(**more).json()["id"])

    def project(self) -> dict[str, Any]:
        """Return the project as it is now."""
        shown: dict[str, Any] = self.client.get("/v9/projects/sandbox-app").json()
        return shown

    def promote(self, deployment_id: str) -> httpx.Response:
        """Ask for a promotion."""
        return self.client.post(f"/v10/projects/sandbox-app/promote/{deployment_id}", json={})

    def promoted(self, deployment_id: str) -> dict[str, Any]:
        """Promote, wait for the job's end and return the project."""
        assert self.promote(deployment_id).status_code == 201
        return self.job_ended()

    def job_ended(self) -> dict[str, Any]:
        """Return the project once its last alias request has come to an end."""
        ends = {"succeeded", "failed", "skipped"}
        return until(
            self.project, lambda shown: (shown["lastAliasRequest"] or {}).get("jobStatus") in ends
        )


def visit(url: str, **more: Any) -> httpx.Response:
    """Get a page as anybody may."""
    return httpx.get(url, trust_env=False, verify=NO_TLS, **more)


def until(
    ask: Callable[[], dict[str, Any]], is_so: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Ask again and again until it is so, and return that answer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if is_so(answer := ask()):
            return answer
        time.sleep(0.01)
    raise AssertionError(f"it never became so: {answer}")


@pytest.fixture
def releases(vercel: httpx.Client) -> Releases:
    return Releases(client=vercel)


@pytest.fixture
def management(running: Standins, supabase_control: Control) -> Iterator[httpx.Client]:
    """A client of the Management API in its first state, based at the project."""
    del supabase_control
    with httpx.Client(
        base_url=running.project_url,
        headers=running.supabase_headers,
        trust_env=False,
        verify=NO_TLS,
    ) as client:
        yield client
