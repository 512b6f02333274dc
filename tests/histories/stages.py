"""One project's whole history through all stages, up to the first fault of each database.

Three databases are made. In one psql runs all files, going on after errors: what it can run is
the ceiling. In one shipway runs all files. The third is like a project's production: psql has run
all files but the last, the Supabase CLI's history says so, and shipway adopts it, backs it up,
rehearses the last file, writes the checks down, applies the file, verifies, and brings the backup
back into an empty project.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.histories.server import SqlError, shipway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.server import Sandbox

__all__ = ["STAGES", "Project", "Run", "run"]

STAGES = (
    *("psql", "init", "sandbox", "adopt", "backup"),
    *("rehearse", "checks", "migrate", "verify", "restore"),
)
REHEARSED_GRADE = 6
_GRACE_S = 20.0
_UP_TO = re.compile(r"--up-to \d+")
_DIGITS = re.compile(r"\d+")
_RUN = re.compile(r"\d.*\.sql\Z")
_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations
  (version text not null primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations (version, name) values {rows}
  on conflict do nothing;
"""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder of SQL files, and the rest of `supabase/` where it has one."""

    name: str
    files: tuple[Path, ...]
    """In the order of the Supabase CLI: by name."""

    @classmethod
    def at(cls, folder: Path) -> Project:
        """Return the project of a folder: the files in it, or in its supabase/migrations."""
        inside = folder / "supabase" / "migrations"
        files = sorted(
            (inside if inside.is_dir() else folder).glob("*.sql"), key=lambda one: one.name
        )
        return cls(name=folder.resolve().name, files=tuple(files))

    @property
    def run(self) -> tuple[Path, ...]:
        """The files that are migrations."""
        return tuple(one for one in self.files if _RUN.match(one.name))


@dataclass(kw_only=True)
class Run:
    """What became of one project."""

    name: str
    files: int
    psql_errors: list[SqlError] = field(default_factory=list)
    """Of all files, the pending one included, on the dressed server."""
    pending_errors: int = 0
    """Those of the pending file."""
    green: list[str] = field(default_factory=list)
    """Stages that came to their end."""
    faults: dict[str, str] = field(default_factory=dict)
    """Stage to what it said first."""
    at: dict[str, str] = field(default_factory=dict)
    """Stage to the file that it stopped at, where it says so."""
    grade: int = 0
    compared: bool = False
    """The rehearsal's result is demanded of the target."""
    failed_before: int = 0
    """Checks that fail on the target before the pending file has run."""
    failed_by_pending: list[str] = field(default_factory=list)
    """Checks that fail after it and did not before."""
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Psql ran all of it."""
        return not self.psql_errors


class _Place:
    """One project's folder, as a user has it."""

    def __init__(self, project: Project, folder: Path, sandbox: Sandbox, *, ends: float) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self._ends = ends
        self.migrations = folder / "supabase" / "migrations"
        self.migrations.mkdir(parents=True)
        for file in project.files:
            shutil.copyfile(file, self.migrations / file.name)

    def left_s(self) -> float:
        """Return how many seconds the project still has."""
        return max(self._ends - time.monotonic(), 1.0)

    def target(self, name: str, database: str) -> None:
        """Name a database as a target."""
        (self._folder / f".env.{name}").write_text(f"DATABASE_URL={self._sandbox.url(database)}\n")

    def shipway(self, *arguments: str) -> dict[str, Any]:
        """Run a command and return its document."""
        command = shipway(*arguments, "--format", "json")
        with subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            try:
                out, err = running.communicate(timeout=self.left_s())
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGINT)  # it takes its servers away
                try:
                    running.communicate(timeout=_GRACE_S)
                except subprocess.TimeoutExpired:
                    running.kill()
                return _stopped("the project's time was over")
        try:
            told: dict[str, Any] = json.loads(out)
        except ValueError:
            told = _stopped((err or out).strip()[-500:])
        return told


def run(project: Project, folder: Path, sandbox: Sandbox, *, timeout_s: float) -> Run:
    """Take a project through all stages; what went wrong stands in the result."""
    began = time.monotonic()
    done = Run(name=project.name, files=len(project.run))
    place = _Place(project, folder, sandbox, ends=began + timeout_s)
    with ExitStack() as stack:

        def database(like: str = "") -> str:
            name = sandbox.database(like=like) if like else sandbox.database()
            stack.callback(sandbox.drop, name)
            return name

        try:
            production, whole = database(), ""
            for file in project.run[:-1]:
                done.psql_errors += sandbox.psql(production, file, deadline_s=place.left_s())
            whole = database(production)
            last = sandbox.psql(whole, project.run[-1], deadline_s=place.left_s())
        except subprocess.TimeoutExpired:
            done.faults["psql"] = "the project's time was over"
            return done
        done.psql_errors += last
        done.pending_errors = len(last)
        if done.whole:
            done.green.append("psql")
        if _asked(done, "init", place.shipway("init", "--yes")) is None:
            return done
        place.target("new", database())
        _asked(done, "sandbox", place.shipway("db.migrate", "--target", "new", "--yes"))
        place.target("production", production)
        sandbox.execute(production, _HISTORY.format(rows=", ".join(_rows(project.run[:-1]))))
        place.target("empty", database())
        _released(done, place)
    done.seconds = time.monotonic() - began
    return done


def _released(done: Run, place: _Place) -> None:
    on = ("--target", "production")
    told = place.shipway("db.adopt", *on, "--yes")
    if left_out := told["error"] and _UP_TO.search(told["error"]["next"]):
        # Two files of one number: the CLI's history cannot hold both, and a person says so.
        told = place.shipway("db.adopt", *on, *left_out.group().split(), "--yes")
    if _asked(done, "adopt", told) is None:
        return
    backup = _asked(done, "backup", place.shipway("backup", *on))
    if backup is None:
        return
    backup_id = backup["manifest"]["backup_id"]
    seal = _asked(done, "rehearse", place.shipway("db.rehearse", *on))
    if seal is not None:
        done.grade, done.compared = int(seal["grade"]), bool(seal["comparable"])
    # What the last file changes of rights is to be a failure of it alone.
    _asked(done, "checks", place.shipway("init", *on, "--yes"))
    before = _failed(place.shipway("db.verify", *on))
    done.failed_before = len(before)
    if _asked(done, "migrate", place.shipway("db.migrate", *on, "--yes")) is not None:
        told = place.shipway("db.verify", *on)
        done.failed_by_pending = sorted(_failed(told) - before)
        _asked(done, "verify", told)
    back = place.shipway("db.restore", backup_id, *on, "--into", "empty", "--yes")
    _asked(done, "restore", back)


def _asked(done: Run, stage: str, told: dict[str, Any]) -> dict[str, Any] | None:
    """Note how a stage ended; return its result when it came to its end."""
    error = told["error"]
    if error is None:
        done.green.append(stage)
        result: dict[str, Any] = told["result"]
        return result
    said = error["what"].strip()
    done.faults[stage] = said
    if file := re.search(r"([^\s:]+\.sql)\b", said):
        done.at[stage] = file[1]
    return None


def _failed(told: dict[str, Any]) -> set[str]:
    """Return the checks that failed, by name and finding."""
    results = (told["result"] or {}).get("results", ())
    return {f"{one['name']}: {one['detail']}" for one in results if one["outcome"] == "failed"}


def _rows(files: tuple[Path, ...]) -> list[str]:
    """Return what the CLI's history holds of files: a version once, whatever comes behind it."""
    rows = []
    for file in files:
        digits = _DIGITS.match(file.stem)
        if digits is not None:
            name = file.stem[digits.end() + 1 :].replace("'", "''")
            rows.append(f"('{digits.group()}', '{name}')")
    return rows


def _stopped(what: str) -> dict[str, Any]:
    return {"result": None, "error": {"what": what, "next": ""}}
