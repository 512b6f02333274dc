"""A project of its own for each story: a copy of the sample app with a sandbox that is running."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from shipway.sandbox import lifecycle
from shipway.sandbox.control import Control
from tests.fixtures.warm_start import WarmStart
from tests.sandbox.conftest import Standins, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Secret

REPOSITORY = Path(__file__).parents[2]
SAMPLE = ("tasks.py", "migrations", "checks", "app")
DEADLINE_S = 90
QUICK = {
    "SHIPWAY_WATCH_WINDOW_S": "0.8",
    "SHIPWAY_WATCH_PROBE_EVERY_S": "0.02",
    # However slow the machine is, so many are seen in that time.
    "SHIPWAY_WATCH_MIN_REQUESTS": "3",
    "SHIPWAY_DEPLOY_TIMEOUT_S": "10",
    "SHIPWAY_PROMOTE_TIMEOUT_S": "5",
    # A Vercel CLI on this machine's PATH is not what the stories are about.
    "SHIPWAY_DEPLOY_WITH": "rest",
    # Copies in Storage are told in test_good_release.py; elsewhere they cost half a second each.
    "SHIPWAY_BACKUP_BUCKET": "",
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout; nothing else may stand there."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass
class Project:
    """A user's project with a running sandbox, seen from outside: commands, SQL and HTTP."""

    root: Path
    warm: WarmStart
    environ: dict[str, str] = field(default_factory=lambda: dict(QUICK))
    _rest: ExitStack = field(default_factory=ExitStack)

    def invoke(self, *arguments: str, **environ: str) -> Ended:
        """Run `invoke ...` in the project as a user does and return how it ended."""
        environment = clean_environment() | self.environ | environ
        code, out, err = self.warm.invoke(
            arguments, cwd=self.root, env=environment, timeout_s=DEADLINE_S
        )
        return Ended(code=code, out=out, err=err)

    def release(self, *flags: str, **environ: str) -> Ended:
        """Run a whole release to the sandbox."""
        return self.invoke("release", "--target", "sandbox", "--yes", *flags, **environ)

    def quick_release(self, *flags: str, **environ: str) -> Ended:
        """Run a release without its rehearsal, where that is not what the story is about."""
        return self.release("--without-rehearsal", "told elsewhere", *flags, **environ)

    def env(self, name: str) -> str:
        """Return a value of .env.sandbox."""
        lines = (self.root / ".env.sandbox").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)[name]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the sandbox's database."""
        with psycopg.connect(self.env("DATABASE_URL")) as connection:
            return connection.execute(query.encode()).fetchall()

    def execute(self, statement: str) -> None:
        """Run a statement on the sandbox's database, by hand as it were."""
        with psycopg.connect(self.env("DATABASE_URL"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def tables(self) -> list[str]:
        """Return the tables of the schema public."""
        query = "select tablename from pg_tables where schemaname = 'public' order by 1"
        return [name for (name,) in self.rows(query)]

    def ledger(self) -> list[str]:
        """Return the labels in the ledger; empty also when there is no ledger yet."""
        if not self.rows("select where to_regclass('shipway.migrations') is not null"):
            return []
        return [x for (x,) in self.rows("select label from shipway.migrations order by version")]

    @property
    def standins(self) -> dict[str, Any]:
        """What the stand-ins tell of themselves."""
        path = self.root / ".shipway" / "sandbox" / "standins.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    @cached_property
    def vercel(self) -> Control:
        """The handle that makes Vercel's stand-in misbehave."""
        return self._rest.enter_context(
            closing(Control(self.standins["vercel_api_url"], self.standins["control_token"]))
        )

    @cached_property
    def supabase(self) -> Control:
        """The handle that makes Supabase's stand-in misbehave."""
        return self._rest.enter_context(
            closing(Control(self.standins["supabase_api_url"], self.standins["control_token"]))
        )

    @cached_property
    def github(self) -> Control:
        """The handle that says what CI has reported."""
        return self._rest.enter_context(
            closing(Control(self.standins["github_api_url"], self.standins["control_token"]))
        )

    @cached_property
    def team(self) -> Control:
        """The handle that tells what the team was told."""
        return self._rest.enter_context(
            closing(Control(self.standins["team_url"], self.standins["control_token"]))
        )

    def close(self) -> None:
        """Close the connections to the stand-ins."""
        self._rest.close()

    def live(self, path: str = "/") -> httpx.Response:
        """Return what the production domain serves."""
        return httpx.get(self.standins["production_url"] + path, trust_env=False)

    def production(self) -> str | None:
        """Return the deployment that serves production, as Vercel's API says."""
        answer = httpx.get(
            f"{self.standins['vercel_api_url']}/v9/projects/{self.standins['vercel_project_id']}",
            params={"teamId": self.standins["vercel_team_id"]},
            headers={"authorization": f"Bearer {self.standins['vercel_token']}"},
            trust_env=False,
        )
        target = answer.raise_for_status().json()["targets"].get("production")
        return str(target["id"]) if target else None

    def records(self) -> list[Path]:
        """Return the folders of the releases so far, oldest first."""
        return sorted((self.root / ".shipway" / "releases").glob("*"))


def clean_environment() -> dict[str, str]:
    """Return our environment without anything that could name a target."""
    ours = ("DATABASE_URL", "SUPABASE", "VERCEL", "SHIPWAY", "INVOKE", "GITHUB", "SLACK", "NOTIFY")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmStart]:
    """Return what runs the run's commands."""
    running = WarmStart(tmp_path_factory.mktemp("warm"))
    yield running
    running.stop()


@pytest.fixture
def bare_project(tmp_path: Path, warm: WarmStart) -> Project:
    """Return a project with the sample app and no sandbox."""
    root = tmp_path / "sample app"
    root.mkdir()
    for name in SAMPLE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name)
        else:
            shutil.copy(source, root / name)
    (root / "shipway.toml").write_text('app_dir = "app"\n')
    return Project(root, warm)


@pytest.fixture(scope="session")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standins]:
    """Return the run's stand-ins; each story finds them in their first state."""
    running = start(tmp_path_factory.mktemp("stories"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def blueprints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for what verify has built once; it is kept by the digests of the files."""
    return tmp_path_factory.mktemp("blueprints")


@pytest.fixture
def project(
    bare_project: Project, standins: Standins, database_url: Secret, blueprints: Path
) -> Iterator[Project]:
    """Return a project with the sample app and a sandbox of its own that runs.

    The server and the stand-ins are the run's; the database and all that they know are the
    story's. What `sandbox.up` itself does is told in test_sandbox.py.
    """
    folder = bare_project.root / ".shipway" / "sandbox"
    folder.mkdir(parents=True)
    shutil.copy(standins.folder / "standins.json", folder)
    text = lifecycle.env_text(database_url, standins.facts)
    env_file = bare_project.root / ".env.sandbox"
    env_file.touch(mode=0o600)
    env_file.write_text(text, encoding="utf-8")
    bare_project.supabase.reset()
    bare_project.vercel.reset()
    bare_project.vercel.settings(build_s=0.05, alias_s=0.05)
    built = bare_project.root / ".shipway" / "blueprint"
    shutil.copytree(blueprints, built)
    yield bare_project
    shutil.copytree(built, blueprints, dirs_exist_ok=True)
    bare_project.close()
