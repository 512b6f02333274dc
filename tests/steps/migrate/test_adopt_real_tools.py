"""Histories that the real tools have written are taken over, and the Supabase CLI agrees after us.

Deselected unless asked for with `pytest -m cli`: they need Node, npm's registry and sqitch. Tools
that cannot be had from there (Flyway is Java, golang-migrate comes as source) are tested on
histories in their form, in test_adopt.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.migrations.adopt import plan_adopt
from shipway.migrations.creation import create_files, next_files
from shipway.migrations.files import read_folder
from shipway.steps.migrate.adopt import adopt
from shipway.steps.migrate.powers import MigratePowers
from tests.fixtures.migrating import LIMITS, Heard, RealClock, exists, labels, run, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer

pytestmark = [pytest.mark.cli, pytest.mark.timeout(600)]
pytest_plugins = ("tests.fixtures.npm_clients",)

FILES = {
    "20260101000000_first.sql": "CREATE TABLE first ();\n",
    "20260102000000_second.sql": "CREATE TABLE second ();\n",
}
LATER = {"20260103000000_third.sql": "CREATE TABLE third ();\n"}
# The adapter of this version cannot read columns of the type `name`; the engine only compares them.
_PRISMA_CONFIG = """\
import pg from 'pg'
import { PrismaPg } from '@prisma/adapter-pg'

const asText = (told) => {
  for (const field of told?.fields ?? []) if (field.dataTypeID === 19) field.dataTypeID = 25
  return told
}

class Client extends pg.Client {
  query(...given) {
    const last = given.length - 1
    if (typeof given[last] === 'function') {
      const back = given[last]
      given[last] = (error, told) => back(error, asText(told))
    }
    const asked = super.query(...given)
    return asked?.then ? asked.then(asText) : asked
  }
}

const connectionString = process.env.DATABASE_URL
export default {
  engine: 'js',
  experimental: { adapter: true },
  schema: 'schema.prisma',
  adapter: async () => new PrismaPg(new pg.Pool({ connectionString, Client })),
}
"""
_PRISMA_SCHEMA = """\
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
"""
LABELS = [name.removesuffix(".sql") for name in (*FILES, *LATER)]


def call(argv: list[str], home: Path, url: Secret, **more: str) -> str:
    """Run a tool in a folder of its own and return what it wrote."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DATABASE_URL": url.reveal(),
        "DO_NOT_TRACK": "1",
        "SUPABASE_TELEMETRY_DISABLED": "1",
        "SQITCH_FULLNAME": "Test",
        "SQITCH_EMAIL": "test@example.test",
        **more,
    }
    done = subprocess.run(
        argv, cwd=home, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(clients: Path, name: str) -> str:
    return str(clients / "node_modules" / ".bin" / name)


def by_dbmate(home: Path, url: Secret, migrators: Path) -> None:
    marked = {name: f"-- migrate:up\n{text}-- migrate:down\n" for name, text in FILES.items()}
    write(home / "theirs", marked)
    only = ["--url", f"{url.reveal()}?sslmode=disable", "--migrations-dir", "theirs"]
    call([program(migrators, "dbmate"), *only, "--no-dump-schema", "migrate"], home, url)


def by_node_pg_migrate(home: Path, url: Secret, migrators: Path) -> None:
    write(home / "theirs", {name: f"-- Up Migration\n{text}" for name, text in FILES.items()})
    call([program(migrators, "node-pg-migrate"), "up", "-m", "theirs"], home, url)


def by_prisma(home: Path, url: Secret, migrators: Path) -> None:
    """Apply with Prisma's schema engine in its WebAssembly form, which comes in the package."""
    for name, text in FILES.items():
        one = home / "migrations" / name.removesuffix(".sql")
        one.mkdir(parents=True)
        (one / "migration.sql").write_text(text)
    lock, schema = home / "migrations" / "migration_lock.toml", home / "schema.prisma"
    lock.write_text('provider = "postgresql"\n')
    schema.write_text(_PRISMA_SCHEMA)
    (home / "prisma.config.ts").write_text(_PRISMA_CONFIG)
    (home / "node_modules").symlink_to(migrators / "node_modules")
    # It would fetch its native engines from elsewhere, unless it is told that they are here.
    native = {"PRISMA_QUERY_ENGINE_LIBRARY": str(schema), "CHECKPOINT_DISABLE": "1"}
    native |= {"PRISMA_SCHEMA_ENGINE_BINARY": str(schema), "PRISMA_HIDE_UPDATE_MESSAGE": "1"}
    call([program(migrators, "prisma"), "migrate", "deploy"], home, url, **native)


def by_sqitch(home: Path, url: Secret, migrators: Path) -> None:
    del migrators
    sqitch = shutil.which("sqitch")
    assert sqitch, "sqitch is not installed: apt-get install sqitch libdbd-pg-perl"
    (home / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    plan = ["%syntax-version=1.0.0", "%project=test", ""]
    for at, (name, text) in enumerate(FILES.items()):
        change = name.partition("_")[2].removesuffix(".sql")
        plan.append(f"{change} 2026-01-0{at + 1}T00:00:00Z Test <test@example.test> # x")
        write(home / "deploy", {f"{change}.sql": f"BEGIN;\n{text}COMMIT;\n"})
    (home / "sqitch.plan").write_text("\n".join(plan) + "\n")
    target = url.reveal().replace("postgresql:", "db:pg:")
    call([sqitch, "deploy", target], home, url)


@pytest.mark.parametrize(
    ("tool", "apply"),
    [
        ("dbmate", by_dbmate),
        ("node-pg-migrate", by_node_pg_migrate),
        ("Prisma", by_prisma),
        ("sqitch", by_sqitch),
    ],
)
def test_what_the_real_tool_has_applied_is_taken_over(
    database_url: Secret,
    npm_migrators: Path,
    tmp_path: Path,
    tool: str,
    apply: Callable[[Path, Secret, Path], None],
) -> None:
    (tmp_path / "home").mkdir()
    apply(tmp_path / "home", database_url, npm_migrators)
    assert exists(database_url, "second")
    folder = write(tmp_path / "ours", {**FILES, **LATER})
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        plan = plan_adopt(read_folder(folder), ledger.look())
        done = adopt(
            plan, MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=Heard())
        )
    assert done.source.startswith(tool)
    assert list(done.recorded) == LABELS[:2]
    assert [row.label for row in run(database_url, folder).applied_now] == LABELS[2:]


def supabase_project(home: Path) -> Path:
    (home / "supabase").mkdir(parents=True)
    (home / "supabase" / "config.toml").write_text('project_id = "test"\n')
    return home / "supabase" / "migrations"


def listed(clients: Path, home: Path, url: Secret) -> list[tuple[str, str]]:
    """Return what the Supabase CLI says is here and what is there."""
    remote = f"--remote={url.reveal()}?sslmode=disable"
    argv = [program(clients, "supabase"), "migration", "list", remote, "--output-format", "json"]
    shown = json.loads(call(argv, home, url))
    return [(one["local"], one["remote"]) for one in shown["migrations"]]


def test_the_supabase_cli_lists_what_we_applied_after_it_and_pushes_no_more(
    database_url: Secret, npm_clients: Path, tmp_path: Path
) -> None:
    folder = write(supabase_project(tmp_path / "home"), FILES)
    remote = f"--remote={database_url.reveal()}?sslmode=disable"
    supabase = program(npm_clients, "supabase")
    call([supabase, "db", "push", remote, "--yes"], tmp_path / "home", database_url)
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        plan = plan_adopt(read_folder(folder), ledger.look())
        adopt(plan, MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=Heard()))
    write(folder, LATER)
    run(database_url, folder)
    assert labels(database_url) == LABELS
    versions = [label.partition("_")[0] for label in LABELS]
    assert listed(npm_clients, tmp_path / "home", database_url) == [(one, one) for one in versions]
    said = call([supabase, "db", "push", remote, "--yes"], tmp_path / "home", database_url)
    assert "up to date" in said


def created(folder: Path) -> list[str]:
    """Make the next migration as `db.new` does, write both ways, and return what was made."""
    before = {*folder.rglob("*")}
    files = next_files(folder, "labels", now=datetime.now(UTC))
    create_files(files)
    text = files.up.read_text().replace("labels\n", "labels\nCREATE TABLE labels (id int);\n")
    files.up.write_text(text)
    files.down.write_text("DROP TABLE labels;\n")
    return sorted(path.name for path in {*folder.rglob("*")} - before)


def test_a_migration_that_db_new_has_made_is_one_for_the_supabase_cli_too(
    server: DatabaseServer, database_url: Secret, npm_clients: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    folder = write(supabase_project(home), {**FILES, "20260103000000_empty.sql": ""})
    made = created(folder)
    supabase = program(npm_clients, "supabase")
    fresh = server.fresh_database()
    push = [supabase, "db", "push", "--yes"]
    remote = f"--remote={server.url(fresh).reveal()}?sslmode=disable"
    said = call([*push, remote], home, server.url(fresh))
    assert "down" not in said
    assert exists(server.url(fresh), "labels")
    server.drop(fresh)

    run(database_url, folder)
    versions = [name.partition("_")[0] for name in (*FILES, "20260103000000_empty.sql", *made)]
    assert listed(npm_clients, home, database_url) == [(one, one) for one in versions]
    remote = f"--remote={database_url.reveal()}?sslmode=disable"
    assert "up to date" in call([*push, remote], home, database_url)


@pytest.mark.parametrize(
    ("tool", "around"),
    [
        ("dbmate", ("-- migrate:up\n", "-- migrate:down\n")),
        ("node-pg-migrate", ("-- Up Migration\n", "")),
    ],
)
def test_a_migration_that_db_new_has_made_is_one_for_a_tool_that_takes_every_file(
    database_url: Secret, npm_migrators: Path, tmp_path: Path, tool: str, around: tuple[str, str]
) -> None:
    marked = {name: text.join(around) for name, text in FILES.items()}
    folder = write(tmp_path / "migrations", marked)
    created(folder)
    argv = {
        "dbmate": [
            *("--url", f"{database_url.reveal()}?sslmode=disable"),
            *("--migrations-dir", "migrations", "--no-dump-schema", "migrate"),
        ],
        "node-pg-migrate": ["up", "-m", "migrations"],
    }
    call([program(npm_migrators, tool), *argv[tool]], tmp_path, database_url)
    assert exists(database_url, "labels")
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        assert len(plan_adopt(read_folder(folder), ledger.look()).record) == 3
