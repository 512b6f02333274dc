"""A world for whole releases under faults: a server, stand-ins, a small project, many databases.

Each point gets a database of its own, cloned from one in which a first release has been made, and
a folder of its own. Releases run in processes that a fork server makes: it has imported all that
shipway needs, so a release costs what it does and not what Python costs to start.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx
import psycopg
from psycopg import sql

from shipway.edges.machine.clock import SystemClock
from shipway.edges.servers.cluster import HOST, Cluster, newest
from shipway.sandbox import lifecycle
from shipway.sandbox.control import Control
from shipway.sandbox.database.dress import APP_ROLE, SUPERUSER, dress
from shipway.values.basics import Secret
from tests.sandbox.conftest import Standins, start

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from shipway.commands.asked import Answer
    from shipway.commands.session import Session

__all__ = ["Place", "Running", "World", "waited"]

_PASSWORD = Secret("of one run of faults")
_BASE = "base"
_FIRST = "001_first.sql"
_MIGRATIONS = {
    _FIRST: "create schema app;\ncreate table app.a (id int, t text);\n"
    "insert into app.a select n, 'row ' || n from generate_series(1, 100) n;\n",
    "002_index.sql": "create index concurrently a_id on app.a (id);\n"
    "alter table app.a add column more int;\n",
    "003_last.sql": "create table app.b (id int);\ninsert into app.b values (1), (2);\n",
}
_QUICK = {
    "SHIPWAY_WATCH_WINDOW_S": "0.05",
    "SHIPWAY_WATCH_PROBE_EVERY_S": "0.02",
    "SHIPWAY_DEPLOY_TIMEOUT_S": "8",
    "SHIPWAY_PROMOTE_TIMEOUT_S": "8",
    "SHIPWAY_BACKUP_BUCKET": "",
    "SHIPWAY_LOCK_BACKOFF_S": "0.05",
    "SHIPWAY_HTTP_TIMEOUT_S": "1",
    "SHIPWAY_CONNECT_TIMEOUT_S": "5",
    "SHIPWAY_DEPLOY_WITH": "rest",
}
_PRELOADED = (
    "shipway.commands.release.release",
    "shipway.commands.release.history",
    "shipway.wiring.hosting",
    "shipway.wiring.database",
    "shipway.wiring.backups",
    "shipway.wiring.journals",
    "shipway.wiring.platform",
    "shipway.edges.copies.rehearsal_room",
    "shipway.edges.storage.storage",
    "shipway.report.words",
    "tests.faults.world",
)
_DEADLINE_S = 180


def _ours(name: str) -> bool:
    return name.startswith(("DATABASE_URL", "SUPABASE", "VERCEL", "SHIPWAY", "INVOKE", "GITHUB"))


class JumpingClock(SystemClock):
    """Real time until it has been looked at so often; from then on wrong by so many seconds."""

    def __init__(self, jump_s: float, after: int) -> None:
        self._jump = timedelta(seconds=jump_s)
        self._left = after

    def now(self) -> datetime:
        self._left -= 1
        return super().now() + (self._jump if self._left < 0 else timedelta())


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a process of a release is told."""

    folder: str
    environ: dict[str, str]
    resume: bool
    out: str
    jump_s: float
    jump_after: int
    rehearsed: bool


def _run(order: Order) -> None:
    """Run `invoke release --yes` in this process, as the command line does, and end it."""
    from shipway.commands.asked import Asked  # noqa: PLC0415 - the same
    from shipway.commands.release import release  # noqa: PLC0415 - the fork server has it
    from shipway.commands.release.command import Flags  # noqa: PLC0415 - the same
    from shipway.commands.session import run  # noqa: PLC0415 - the same

    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environ)
    screen = os.open(order.out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(screen, 1)
    os.dup2(screen, 2)
    asked = Asked(command="release", target="sandbox", yes=True)

    def work(session: Session) -> Answer:
        if order.jump_s:
            session.wiring.clock = JumpingClock(order.jump_s, order.jump_after)
        reason = "" if order.rehearsed else "this is about faults"
        flags = Flags(without_rehearsal=reason, now="", waive=(), resume=order.resume)
        return release.release(session, flags)

    code = run(asked, work)
    sys.stdout.flush()
    os._exit(code)


@dataclass
class Running:
    """A release that runs."""

    process: ForkServerProcess
    out: Path

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Return its exit code; negative when a signal ended it."""
        self.process.join(_DEADLINE_S)
        code = self.process.exitcode
        if code is None:
            self.kill()
            self.process.join()
            raise AssertionError(f"the release hangs:\n{self.said()[-2000:]}")
        self.process.close()
        return code

    def said(self) -> str:
        return self.out.read_text(encoding="utf-8") if self.out.exists() else ""


@dataclass
class Place:
    """One point's database and folder, as a user's machine."""

    world: World
    database: str
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def url(self, port: int | None = None) -> str:
        """Return the database's URL, by way of a proxy when its port is given."""
        plain = self.world.url(self.database, port=port)
        # Without requests for encryption each message is one of the protocol's own.
        return f"{plain}?sslmode=disable&gssencmode=disable"

    def start(
        self,
        *,
        resume: bool = False,
        port: int | None = None,
        jump_s: float = 0.0,
        jump_after: int = 0,
        rehearsed: bool = False,
        **environ: str,
    ) -> Running:
        """Start a release and return at once.

        Args:
            resume: go on with the one that did not come to its end.
            port: of a proxy before the database.
            jump_s: by how much the clock jumps.
            jump_after: how often it is looked at before.
            rehearsed: its migrations are rehearsed, which takes longer than all the rest.
            environ: more settings.
        """
        given = {name: text for name, text in os.environ.items() if not _ours(name)}
        given |= _QUICK | self.environ | {"DATABASE_URL": self.url(port)} | environ
        out = self.folder / f"said-{next(self._numbers)}.txt"
        context = multiprocessing.get_context("forkserver")
        order = Order(
            folder=str(self.folder),
            environ=given,
            resume=resume,
            out=str(out),
            jump_s=jump_s,
            jump_after=jump_after,
            rehearsed=rehearsed,
        )
        process = context.Process(target=_run, args=(order,))
        process.start()
        return Running(process, out)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url()) as connection:
            return connection.execute(query.encode()).fetchall()

    def moved(self) -> Place:
        """Return the same project on another machine, with nothing of shipway's own."""
        there = self.folder.with_name(self.folder.name + "-elsewhere")
        shutil.copytree(self.folder, there, ignore=shutil.ignore_patterns("releases", "backups"))
        return Place(self.world, self.database, there, dict(self.environ))

    def close(self) -> None:
        """Take all of it away."""
        self.world.admin("drop database if exists {} with (force)", self.database)
        for one in self.folder.parent.glob(f"{self.folder.name}*"):
            shutil.rmtree(one, ignore_errors=True)


class World:
    """What all points of one worker share.

    Args:
        folder: for everything; the caller deletes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = Cluster(folder / "server", newest())
        self._rest = ExitStack()
        self._numbers = count(1)
        self.port = 0

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._rest.close()
            raise
        return self

    def _begin(self) -> None:
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(_PRELOADED))
        self.cluster.create(SUPERUSER, _PASSWORD)
        self._rest.callback(self.cluster.destroy)
        self.port = self.cluster.start().port
        self.admin("create database {}", "dressed")
        dress(Secret(self.url("dressed", SUPERUSER)), password=_PASSWORD)
        (self.folder / "standins").mkdir()
        self.standins: Standins = start(self.folder / "standins")
        self._rest.callback(self.standins.stop)
        facts = self.standins.facts
        self.vercel = self._control(facts["vercel_api_url"])
        self.supabase = self._control(facts["supabase_api_url"])
        self.eyes = self._rest.enter_context(httpx.Client(trust_env=False))
        self._make_base()

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def _control(self, url: str) -> Control:
        made = Control(url, self.standins.facts["control_token"])
        self._rest.enter_context(closing(made))
        return made

    def _make_base(self) -> None:
        """Make a project whose first release is live, to be copied for each point."""
        self.vercel.settings(build_s=0.02, alias_s=0.02)
        folder = self.folder / "project"
        for name in ("migrations", "checks", "app"):
            (folder / name).mkdir(parents=True)
        (folder / "shipway.toml").write_text('app_dir = "app"\n')
        (folder / "app" / "index.html").write_text("<title>of a point</title>\n")
        (folder / "checks" / "smoke.toml").write_text('[[page]]\npath = "/"\nstatus = 200\n')
        (folder / "migrations" / _FIRST).write_text(_MIGRATIONS[_FIRST])
        env_file = folder / ".env.sandbox"
        env_file.touch(mode=0o600)
        env_file.write_text(lifecycle.env_text(Secret(self.url(_BASE)), self.standins.facts))
        self.admin("create database {} template {} owner {}", _BASE, "dressed", APP_ROLE)
        first = Place(self, _BASE, folder).start()
        code = first.ended()
        assert code == 0, first.said()
        for name, text in _MIGRATIONS.items():
            (folder / "migrations" / name).write_text(text)

    def place(self) -> Place:
        """Return a new place: pending are two migrations and the app."""
        name = f"point_{next(self._numbers)}"
        self.admin(
            "create database {} template {} owner {} strategy file_copy", name, _BASE, APP_ROLE
        )
        folder = self.folder / name
        shutil.copytree(
            self.folder / "project",
            folder,
            ignore=shutil.ignore_patterns("releases", "backups", "said-*"),
        )
        return Place(self, name, folder)

    def url(self, database: str, role: str = APP_ROLE, port: int | None = None) -> str:
        password = quote(_PASSWORD.reveal(), safe="")
        return f"postgresql://{role}:{password}@{HOST}:{port or self.port}/{database}"

    def admin(self, statement: str, *names: str) -> None:
        """Run a statement as the superuser, outside of transactions."""
        made = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.url("template1", SUPERUSER), autocommit=True) as connection:
            connection.execute(made)

    def heal(self) -> None:
        """Take every fault away."""
        self.vercel.clear()
        self.supabase.clear()

    def vercel_says(self, path: str) -> dict[str, Any]:
        """Ask Vercel's stand-in as its API is asked, past shipway."""
        facts = self.standins.facts
        answer = self.eyes.get(
            facts["vercel_api_url"] + path,
            params={"teamId": facts["vercel_team_id"], "limit": "100"},
            headers=self.standins.vercel_headers,
        )
        found: dict[str, Any] = json.loads(answer.raise_for_status().content)
        return found

    @property
    def production(self) -> str | None:
        """The deployment that serves production, as Vercel says."""
        project = self.standins.facts["vercel_project_id"]
        target = self.vercel_says(f"/v9/projects/{project}")["targets"].get("production")
        return str(target["id"]) if target else None

    def deployments(self, release_id: str) -> list[str]:
        """Return the deployments that carry a release's id and have not failed."""
        listed = self.vercel_says("/v7/deployments")["deployments"]
        return [
            str(one["uid"])
            for one in listed
            if one["meta"].get("shipwayRelease") == release_id
            and one.get("readyState", one.get("state")) not in {"ERROR", "CANCELED"}
        ]


def waited(is_so: Callable[[], bool], what: str) -> None:
    """Return when it is so; it has to become so soon."""
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until, f"it never became so: {what}"
        time.sleep(0.02)
