"""Each step of a release also runs alone, and a dry run of it changes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.stories.conftest import REPOSITORY

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project


def on_sandbox(project: Project, *arguments: str) -> Ended:
    ended = project.invoke(*arguments, "--target", "sandbox")
    assert ended.code == 0, ended.out + ended.err
    return ended


def test_every_step_runs_alone_in_the_order_of_a_release(project: Project) -> None:
    doctor = on_sandbox(project, "doctor")
    assert "0 applied, 7 pending" in doctor.out

    on_sandbox(project, "backup")
    assert "L2" in on_sandbox(project, "backup.list").out

    assert "7 pending" in on_sandbox(project, "db.status").out
    migrated = on_sandbox(project, "db.migrate", "--yes")
    assert "applied 007_api_key_sample_data" in migrated.out
    assert len(project.ledger()) == 7

    assert "passed" in on_sandbox(project, "db.verify").out
    assert "public.user_metas" in on_sandbox(project, "db.tables").out
    described = on_sandbox(project, "db.tables", "--name", "user_metas").out
    assert "policies" in described
    assert "indexes" in described

    on_sandbox(project, "deploy", "--yes")
    assert project.live("/health.json").status_code == 200

    watched = on_sandbox(project, "logs", "--window", "1")
    assert "GOOD" in watched.out


def test_a_task_of_the_projects_own_calls_those_of_shipway(project: Project) -> None:
    guide = (REPOSITORY / "docs" / "guide" / "existing-project.md").read_text(encoding="utf-8")
    (tasks,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    text = tasks.replace("production", "sandbox")
    (project.root / "tasks.py").write_text(text, encoding="utf-8")
    on_sandbox(project, "db.migrate", "--yes")

    done = project.invoke("nightly", SHIPWAY_TARGET="sandbox")

    assert done.code == 0, done.err
    assert "7 applied, 0 pending" in done.out
    assert len(list((project.root / ".shipway" / "backups").iterdir())) == 1
    assert "passed" in done.out

    (project.root / "tasks.py").write_text(text.replace("only=", "onyl="), encoding="utf-8")
    assert "onyl" in project.invoke("nightly", SHIPWAY_TARGET="sandbox").err
    project.execute("drop table public.api_audit_log cascade")
    (project.root / "tasks.py").write_text(
        text.replace('"backup"', '"db.verify"'), encoding="utf-8"
    )
    assert project.invoke("nightly", SHIPWAY_TARGET="sandbox").code == 5


def test_the_steps_know_dry_runs(project: Project) -> None:
    for step in ("db.migrate", "backup"):
        on_sandbox(project, "--dry", step)
    assert project.ledger() == []
    on_sandbox(project, "db.migrate", "--yes")
    on_sandbox(project, "--dry", "deploy")
    assert project.production() is None
    assert not (project.root / ".shipway" / "backups").exists()
    assert on_sandbox(project, "--dry", "db.new", "add_invoices").code == 0
    assert not list((project.root / "migrations").glob("*add_invoices*"))


def test_a_new_migration_gets_the_next_number_and_a_down_file(project: Project) -> None:
    ended = project.invoke("db.new", "Add Invoices")
    assert ended.code == 0, ended.err
    assert (project.root / "migrations" / "008_add_invoices.sql").is_file()
    assert (project.root / "migrations" / "008_add_invoices.down.sql").is_file()


def test_migrate_alone_says_that_there_is_no_fresh_backup(project: Project) -> None:
    assert "a backup of sandbox" in on_sandbox(project, "db.migrate", "--yes").out


def test_the_database_url_alone_is_enough_for_the_database(project: Project) -> None:
    url = project.env("DATABASE_URL")
    (project.root / ".env.sandbox").rename(project.root / "kept.env")
    try:
        for arguments in (("db.migrate", "--yes"), ("db.status",), ("db.verify",), ("db.tables",)):
            ended = project.invoke(*arguments, DATABASE_URL=url)
            assert ended.code == 0, ended.err
    finally:
        (project.root / "kept.env").rename(project.root / ".env.sandbox")
