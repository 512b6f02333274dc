"""Supabase's stand-in as a real process, and the real edges that speak to it."""

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

from shipway.edges.clock import SystemClock
from shipway.edges.http import Api
from shipway.edges.s3 import S3
from shipway.edges.storage import Storage
from shipway.edges.supabase import Supabase
from shipway.sandbox.control import Control
from shipway.values import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS_WITHIN_S = 20.0


@dataclass(kw_only=True)
class Platform:
    """The stand-in with its control, and edges that speak to it."""

    facts: dict[str, Any]
    control: Control
    opened: ExitStack = field(default_factory=ExitStack)

    def supabase(self, token: str = "", ref: str = "") -> Supabase:
        """Return the Management API's edge, as the project's owner unless told otherwise."""
        api = Api(
            name="Supabase",
            base_url=self.facts["supabase_api_url"],
            setting="SUPABASE_API_URL",
            token=Secret(token or self.facts["supabase_access_token"]),
            clock=SystemClock(),
            timeout_s=2.0,
        )
        self.opened.callback(api.close)
        return Supabase(api, project_ref=ref or self.facts["project_ref"], clock=SystemClock())

    def storage(
        self, bucket: str = "backups", key: str = "", timeout_s: float = 10.0, **more: Any
    ) -> Storage:
        """Return Storage's edge."""
        storage = Storage(
            url=self.facts["supabase_url"],
            key=Secret(key or self.facts["supabase_secret_key"]),
            bucket=bucket,
            clock=SystemClock(),
            timeout_s=timeout_s,
            **more,
        )
        self.opened.callback(storage.close)
        return storage

    def s3(self, **more: Any) -> S3:
        """Return the edge of S3, at Storage's own endpoint for it."""
        given: dict[str, Any] = {
            "endpoint": self.facts["s3_endpoint"],
            "bucket": "backups",
            "prefix": "acme/",
            "access_key_id": self.facts["s3_access_key_id"],
            "secret_access_key": Secret(self.facts["s3_secret_access_key"]),
            "timeout_s": 10.0,
        }
        s3 = S3(**(given | more))
        self.opened.callback(s3.close)
        return s3

    def bucket(self, **more: Any) -> None:
        """Make the bucket, past the edge under test."""
        self.raw("POST", "bucket", {"id": "backups", "name": "backups", "public": False} | more)

    def raw(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call Storage past the edge under test."""
        key = self.facts["supabase_secret_key"]
        return httpx.request(
            method,
            f"{self.facts['supabase_url']}/storage/v1/{path}",
            json=body,
            headers={"apikey": key, "authorization": f"Bearer {key}"},
            trust_env=False,
        )

    def calls(self, method: str, piece: str) -> int:
        """How many calls of a kind the server received."""
        return sum(one.method == method and piece in one.path for one in self.control.requests())


@pytest.fixture(scope="session")
def supabase_facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("supabase")
    process = subprocess.Popen([sys.executable, "-m", "shipway.sandbox", str(folder)])
    announcement = folder / "standins.json"
    try:
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not announcement.is_file():
            assert process.poll() is None, "the stand-ins ended at once"
            assert time.monotonic() < deadline, "the stand-ins did not announce themselves"
            time.sleep(0.01)
        yield json.loads(announcement.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def platform(supabase_facts: dict[str, Any]) -> Iterator[Platform]:
    control = Control(supabase_facts["supabase_api_url"], supabase_facts["control_token"])
    with closing(control), ExitStack() as opened:
        control.reset()
        yield Platform(facts=supabase_facts, control=control, opened=opened)
