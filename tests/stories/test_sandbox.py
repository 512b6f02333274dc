"""The sandbox as a newcomer meets it: up, down, up again, reset, and after a crash."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stories.conftest import Project


@pytest.fixture
def newcomer(bare_project: Project) -> Iterator[Project]:
    """Return a project whose sandbox, if it gets one, is deleted at the end."""
    yield bare_project
    bare_project.close()
    ended = bare_project.invoke("sandbox.reset", "--yes")
    assert ended.code == 0, ended.err


def test_up_release_down_up_and_the_app_is_still_there(newcomer: Project) -> None:
    up = newcomer.invoke("sandbox.up")
    assert up.code == 0, up.err
    assert newcomer.release().code == 0
    page, address = newcomer.live().text, newcomer.standins["production_url"]

    assert newcomer.invoke("sandbox.down").code == 0
    stopped = newcomer.invoke("sandbox.status", "--format", "json").document["result"]
    assert stopped["exists"]
    assert stopped["database"] is None
    assert stopped["vercel_api_url"] is None
    assert newcomer.invoke("db.status", "--target", "sandbox").code == 3

    assert newcomer.invoke("sandbox.up").code == 0
    assert newcomer.standins["production_url"] == address
    assert newcomer.live().text == page
    assert len(newcomer.ledger()) == 7


def test_up_mends_what_a_killed_sandbox_left(newcomer: Project) -> None:
    newcomer.invoke("sandbox.up")
    newcomer.execute("create table kept (id int)")
    os.kill(newcomer.standins["pid"], signal.SIGKILL)
    (backend,) = newcomer.rows("select pg_backend_pid()")
    assert backend
    again = newcomer.invoke("sandbox.up")
    assert again.code == 0, again.err
    assert newcomer.tables() == ["kept"]
    assert newcomer.invoke("doctor", "--target", "sandbox").code == 0

    # A checkout that was deleted and made again: nobody knows that server's password any more.
    os.kill(newcomer.standins["pid"], signal.SIGKILL)
    shutil.rmtree(newcomer.root / ".shipway")
    (newcomer.root / ".env.sandbox").unlink()
    anew = newcomer.invoke("sandbox.up")
    assert anew.code == 0, anew.err
    assert newcomer.tables() == []


def test_up_never_overwrites_a_file_that_is_not_its_own(bare_project: Project) -> None:
    mine = bare_project.root / ".env.sandbox"
    mine.write_text("DATABASE_URL=postgresql://mine\n")
    ended = bare_project.invoke("sandbox.up")
    assert ended.code == 3
    assert "was not written by the sandbox" in ended.err
    assert mine.read_text() == "DATABASE_URL=postgresql://mine\n"


def test_reset_asks_first_and_then_leaves_nothing(newcomer: Project) -> None:
    newcomer.invoke("sandbox.up")
    assert newcomer.invoke("sandbox.reset").code == 3
    assert newcomer.invoke("doctor", "--target", "sandbox").code == 0
    assert newcomer.invoke("sandbox.reset", "--yes").code == 0
    assert not (newcomer.root / ".env.sandbox").exists()
    assert not (newcomer.root / ".shipway" / "sandbox").exists()


def test_a_dry_run_starts_nothing(bare_project: Project) -> None:
    ended = bare_project.invoke("--dry", "sandbox.up")
    assert ended.code == 0
    assert not (bare_project.root / ".env.sandbox").exists()
    assert not (bare_project.root / ".shipway" / "sandbox").exists()


def test_the_sandbox_does_not_mind_a_target_that_is_set_and_missing(bare_project: Project) -> None:
    assert bare_project.invoke("sandbox.status", SHIPWAY_TARGET="production").code == 0


def test_an_older_project_grants_its_tables_by_itself_and_a_newer_sandbox_becomes_none(
    newcomer: Project,
) -> None:
    assert newcomer.invoke("sandbox.up").code == 0
    newcomer.execute("create table public.a (id int)")

    refused = newcomer.invoke("sandbox.up", "--older")

    assert refused.code == 3
    assert "like a project made since 30 October 2026" in refused.err
    assert newcomer.rows("select has_table_privilege('anon', 'public.a', 'select')") == [(False,)]

    assert newcomer.invoke("sandbox.reset", "--yes").code == 0
    (newcomer.root / "shipway.toml").write_text("older_project = true\n", encoding="utf-8")
    older = newcomer.invoke("sandbox.up")

    assert "dressed as Supabase before 30 October 2026" in older.err + older.out
    newcomer.execute("create table public.a (id int)")
    assert newcomer.rows("select has_table_privilege('anon', 'public.a', 'select')") == [(True,)]
    assert newcomer.invoke("sandbox.up", SHIPWAY_OLDER_PROJECT="false").code == 0
