"""A team that has a project and a history begins with shipway."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema  # type: ignore[import-untyped]
import pytest

from shipway.commands.document import Document
from shipway.formats.json_schema import schema_of
from shipway.steps.gates.preflight import Diagnosis
from shipway.values.migrations import MigrationPlan
from tests.fixtures.supabase_history import apply_as_the_cli_does, write_project
from tests.stories.conftest import SAMPLE, Ended, clean_environment

if TYPE_CHECKING:
    from tests.stories.conftest import Project

SHIPWAY = Path(sys.executable).with_name("shipway")


def with_sixty_migrations(project: Project) -> list[Path]:
    """Make a Next.js project of it, without shipway; return its migrations."""
    for name in SAMPLE:
        path = project.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (project.root / "shipway.toml").unlink()
    return write_project(project.root)


@pytest.fixture
def team(project: Project) -> Project:
    """Return a project whose migrations are applied and recorded in the Supabase CLI's form."""
    apply_as_the_cli_does(project.env("DATABASE_URL"), with_sixty_migrations(project))
    return project


@pytest.fixture
def team_with_the_cli(project: Project, npm_clients: Path) -> Project:
    """Return a project whose migrations the Supabase CLI itself has pushed."""
    with_sixty_migrations(project)
    (project.root / "supabase" / "config.toml").write_text('project_id = "ledgerly"\n')
    remote = f"--remote={project.env('DATABASE_URL')}?sslmode=disable"
    program = npm_clients / "node_modules" / ".bin" / "supabase"
    environ = {**clean_environment(), "SUPABASE_TELEMETRY_DISABLED": "1"}
    subprocess.run(
        [program, "db", "push", remote, "--yes"],
        cwd=project.root,
        env=environ,
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=120,
    )
    return project


def shipway(project: Project, *arguments: str) -> Ended:
    ended = subprocess.run(
        [SHIPWAY, *arguments],
        cwd=project.root,
        env=clean_environment() | project.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)


def test_sixty_migrations_of_the_supabase_cli_are_taken_over(team: Project) -> None:
    taken_over(team)


@pytest.mark.cli
@pytest.mark.timeout(600)
def test_sixty_migrations_that_the_real_supabase_cli_pushed_are_taken_over(
    team_with_the_cli: Project,
) -> None:
    taken_over(team_with_the_cli)


def taken_over(team: Project) -> None:
    refused = shipway(team, "init", "--target", "sandbox")
    assert refused.code == 3
    assert "not a terminal" in refused.err
    assert "shipway init --target sandbox --yes" in refused.err
    assert not (team.root / "tasks.py").exists()

    begun = shipway(team, "init", "--target", "sandbox", "--yes")
    assert begun.code == 0, begun.err
    assert "found 60 migrations in supabase/migrations/, as Supabase CLI keeps them" in begun.out
    assert "invoke --dry db.adopt --target sandbox" in begun.out
    assert "[public.invoices]" in (team.root / "checks" / "access.toml").read_text()

    adopted = team.invoke("db.adopt", "--target", "sandbox", "--yes")
    assert adopted.code == 0, adopted.err
    status = team.invoke("db.status", "--target", "sandbox", "--format", "json").document
    assert len(status["result"]["applied"]) == 60
    assert status["result"]["pending"] == []

    doctor = team.invoke("doctor", "--target", "sandbox", "--format", "json")
    assert doctor.code == 0, doctor.err
    jsonschema.validate(status, schema_of(Document))
    jsonschema.validate(status["result"], schema_of(MigrationPlan))
    jsonschema.validate(doctor.document["result"], schema_of(Diagnosis))
    told = {one["name"]: one["state"] for one in doctor.document["result"]["gates"]}
    assert told["history"] == told["checks"] == told["app"] == told["database"] == "passed"


def test_doctor_tells_a_beginner_what_to_get_and_where(bare_project: Project) -> None:
    (bare_project.root / ".env.production").write_text("VERCEL_ORG_ID=team_x\n")
    for command in (["init", "--quiet"], ["add", "--force", ".env.production"]):
        subprocess.run(["git", *command], cwd=bare_project.root, check=True)
    ended = bare_project.invoke("doctor", "--target", "production")
    assert ended.code == 2
    assert "DATABASE_URL=… into .env.production" in ended.out
    assert "session pooler" in ended.out
    assert "Account Settings > Tokens" in ended.out
    assert "backups_read" in ended.out
    assert "git rm --cached .env.production" in ended.out
