"""The migration tools: how each wants its files, and how it is called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.run import PASSWORD
from shipway.edges.servers.cluster import HOST, tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.history import Step

__all__ = ["LOOP", "ROOT", "Tool", "absent", "found", "ours"]

ROOT = Path(__file__).parents[1]
LOOP = "psycopg loop"

_LOOP = """
import hashlib, sys, psycopg
from pathlib import Path
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS history (version text PRIMARY KEY, sha text)")
    done = {version for (version,) in connection.execute("SELECT version FROM history")}
    for path in sorted(Path("migrations").glob("*.sql")):
        if path.stem not in done:
            text = path.read_text()
            with connection.transaction():
                connection.execute(text)
                digest = hashlib.sha256(text.encode()).hexdigest()
                connection.execute("INSERT INTO history VALUES (%s, %s)", (path.stem, digest))
"""
_ALEMBIC_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine
url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
with create_engine(url).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
_ALEMBIC_STEP = '''
from alembic import op
revision = "{digits}"
down_revision = {before}
def upgrade():
    op.execute("""{sql}""")
'''
_NPM = ("dbmate@2.36.0", "supabase@3.1.0", "node-pg-migrate@9.0.0", "pg@8")
_PIP = (
    "yoyo-migrations==9.0.0",
    "psycopg2-binary",
    "setuptools<80",  # yoyo imports pkg_resources
    "alembic==1.20.1",
    "psycopg[binary]",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool. In its arguments URL stands for the database's."""

    name: str
    apply: list[str]
    write: Callable[[Path, Sequence[Step]], None]
    status: list[str] = field(default_factory=list)
    fresh: bool = True
    """It applies files."""
    again: bool = True
    """It has a history: a second call finds nothing to do."""

    def lay(self, folder: Path, steps: Sequence[Step]) -> None:
        """Write the tool's project anew."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.write(folder, steps)


def found(folder: Path) -> list[Tool]:
    """Return the tools that are here or can be installed into a scratch folder."""
    python = folder / "python"
    node = folder / "node"
    have_python, have_node = _pip(python), _npm(node)
    bins = node / "node_modules" / ".bin"
    tools = [_loop(), ours(), _imports(), _psql()]
    if have_node:
        tools += [_dbmate(bins), _supabase(bins), _node_pg_migrate(bins)]
    if have_python:
        tools += [_yoyo(python / "bin"), _alembic(python / "bin")]
    if shutil.which("sqitch"):
        tools.append(_sqitch())
    return tools


def absent(tools: Sequence[Tool]) -> list[str]:
    """Return the names of those that could not be had."""
    wanted = ("dbmate", "Supabase CLI", "node-pg-migrate", "yoyo", "alembic", "sqitch")
    here = {one.name for one in tools}
    return [name for name in wanted if name not in here]


def _pip(folder: Path) -> bool:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    argv = [str(folder / "bin" / "pip"), "install", "--quiet", *_PIP]
    return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode == 0


def _npm(folder: Path) -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return False
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    argv = [npm, "install", "--no-audit", "--no-fund", "--silent", *_NPM]
    return subprocess.run(argv, cwd=folder, check=False).returncode == 0


def _plain(folder: Path, steps: Sequence[Step], text: str = "{}", at: str = "migrations") -> None:
    home = folder / at
    home.mkdir(parents=True)
    for step in steps:
        name = f"{step.digits}_{step.name}.sql"
        (home / name).write_text(text.format(step.sql), encoding="utf-8")


def _loop() -> Tool:
    def write(folder: Path, steps: Sequence[Step]) -> None:
        _plain(folder, steps)
        (folder / "loop.py").write_text(_LOOP, encoding="utf-8")

    call = [sys.executable, "loop.py", "URL"]
    return Tool(name=LOOP, apply=call, status=call, write=write)


def ours() -> Tool:
    """Return shipway itself."""

    def write(folder: Path, steps: Sequence[Step]) -> None:
        _plain(folder, steps)
        shutil.copy(ROOT / "tasks.py", folder)

    invoke = str(Path(sys.executable).with_name("invoke"))
    return Tool(
        name="shipway",
        apply=[invoke, "db.migrate", "--yes"],
        status=[invoke, "db.status"],
        write=write,
    )


def _imports() -> Tool:
    call = [sys.executable, "-c", "import invoke.main, psycopg"]
    return Tool(name="invoke, psycopg imported", apply=call, write=_plain, fresh=False)


def _psql() -> Tool:
    script = f"cat migrations/*.sql | {tool('psql')} -q -1 -v ON_ERROR_STOP=1 URL"
    return Tool(name="psql, one process", apply=["sh", "-c", script], write=_plain, again=False)


def _dbmate(bins: Path) -> Tool:
    def write(folder: Path, steps: Sequence[Step]) -> None:
        _plain(folder, steps, "-- migrate:up\n{}-- migrate:down\n")

    only = ["--url", "URL?sslmode=disable", "--migrations-dir", "migrations", "--no-dump-schema"]
    # The package's own launcher is Node; the program behind it is native.
    native = next((bins.parent / "@dbmate").glob("*/bin/dbmate"), bins / "dbmate")
    call = [str(native), *only]
    return Tool(name="dbmate", apply=[*call, "migrate"], status=[*call, "status"], write=write)


def _supabase(bins: Path) -> Tool:
    def write(folder: Path, steps: Sequence[Step]) -> None:
        _plain(folder, steps, at="supabase/migrations")
        (folder / "supabase" / "config.toml").write_text('project_id = "bench"\n', encoding="utf-8")

    native = next((bins.parent / "@supabase").glob("cli-*/bin/supabase"), bins / "supabase")
    url = "--remote=URL?sslmode=disable"
    return Tool(
        name="Supabase CLI",
        apply=[str(native), "db", "push", url, "--yes"],
        status=[str(native), "migration", "list", url],
        write=write,
    )


def _node_pg_migrate(bins: Path) -> Tool:
    def write(folder: Path, steps: Sequence[Step]) -> None:
        _plain(folder, steps, "-- Up Migration\n{}")

    return Tool(name="node-pg-migrate", apply=[str(bins / "node-pg-migrate"), "up"], write=write)


def _yoyo(bins: Path) -> Tool:
    only = ["--batch", "--no-config-file", "--database", "URL", "migrations"]
    yoyo = str(bins / "yoyo")
    return Tool(
        name="yoyo", apply=[yoyo, "apply", *only], status=[yoyo, "list", *only], write=_plain
    )


def _alembic(bins: Path) -> Tool:
    def write(folder: Path, steps: Sequence[Step]) -> None:
        home = folder / "alembic" / "versions"
        home.mkdir(parents=True)
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = alembic\n", "utf-8")
        (folder / "alembic" / "env.py").write_text(_ALEMBIC_ENV, encoding="utf-8")
        before: str | None = None
        for step in steps:
            text = _ALEMBIC_STEP.format(digits=step.digits, before=repr(before), sql=step.sql)
            (home / f"{step.digits}_{step.name}.py").write_text(text, encoding="utf-8")
            before = step.digits

    alembic = str(bins / "alembic")
    return Tool(
        name="alembic", apply=[alembic, "upgrade", "head"], status=[alembic, "current"], write=write
    )


def _sqitch() -> Tool:
    def write(folder: Path, steps: Sequence[Step]) -> None:
        (folder / "deploy").mkdir()
        (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n", encoding="utf-8")
        plan = ["%syntax-version=1.0.0", "%project=bench", ""]
        for step in steps:
            name = f"s{step.digits}_{step.name}"
            plan.append(f"{name} 2026-01-01T00:00:00Z Bench <bench@example.test> # x")
            text = f"BEGIN;\n{step.sql}COMMIT;\n"
            (folder / "deploy" / f"{name}.sql").write_text(text, encoding="utf-8")
        (folder / "sqitch.plan").write_text("\n".join(plan) + "\n", encoding="utf-8")

    target = f"db:pg://postgres:{PASSWORD}@{HOST}:PORT/DATABASE"
    who = ["-c", 'SQITCH_FULLNAME=Bench SQITCH_EMAIL=bench@example.test exec sqitch "$@"', "sqitch"]
    call = ["sh", *who]
    return Tool(
        name="sqitch",
        apply=[*call, "deploy", target],
        status=[*call, "status", target],
        write=write,
    )
