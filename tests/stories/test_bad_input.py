"""Wrong input: a clear message, the documented exit code, nothing changed and no secret shown."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project

CANARY = "canary-9f27c1"


def assert_refused(ended: Ended, code: int, *words: str) -> None:
    """The three sentences are there, with these words, and no traceback."""
    assert ended.code == code, ended.out + ended.err
    for word in ("error: ", "unchanged: ", "next: ", *words):
        assert word in ended.err
    assert "Traceback" not in ended.err
    assert CANARY not in ended.out + ended.err


def assert_nothing_changed(project: Project) -> None:
    assert project.tables() == []
    assert project.ledger() == []
    assert project.production() is None
    assert not (project.root / ".shipway" / "backups").exists()
    assert project.records() == []


def set_env(project: Project, **values: str | None) -> None:
    """Change or remove lines of .env.sandbox."""
    path = project.root / ".env.sandbox"
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.partition("=")[0] not in values
    ]
    lines += [f"{name}={text}" for name, text in values.items() if text is not None]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def with_url(project: Project, *, host: str = "", port: int = 0, password: str = "") -> str:
    parts = urlsplit(project.env("DATABASE_URL"))
    place = f"{host or parts.hostname}:{port or parts.port}"
    return f"postgresql://{parts.username}:{password or parts.password}@{place}{parts.path}"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_no_database_url(bare_project: Project) -> None:
    for task in ("db.status", "db.migrate", "db.verify", "db.tables", "db.shell", "backup"):
        assert_refused(bare_project.invoke(task), 2, "DATABASE_URL")


@pytest.mark.parametrize("flags", [(), ("--format", "json")])
def test_a_wrong_password_is_tried_once_and_never_shown(
    project: Project, flags: tuple[str, ...]
) -> None:
    url = with_url(project, password=CANARY)
    ended = project.quick_release(*flags, DATABASE_URL=url)
    assert_refused(ended, 3, "password")
    if flags:
        assert ended.document["exit_code"] == 3
        assert ended.document["error"]["kind"] == "Refused"
    assert_nothing_changed(project)


def test_a_wrong_password_does_not_show_in_debug_mode(project: Project) -> None:
    url = with_url(project, password=CANARY)
    ended = project.invoke("--debug", "db.status", "--target", "sandbox", DATABASE_URL=url)
    assert ended.code == 3
    assert CANARY not in ended.out + ended.err


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://postgres:{CANARY} with spaces@127.0.0.1/x",
        f"postgresql://postgres:{CANARY}@[::1/x",
        f"{CANARY}",
        f"mysql://root:{CANARY}@127.0.0.1/x",
        f"postgresql://postgres:{CANARY}@127.0.0.1:notaport/x",
    ],
)
def test_an_ill_formed_url_is_not_quoted(bare_project: Project, url: str) -> None:
    assert_refused(bare_project.invoke("db.status", DATABASE_URL=url), 2, "DATABASE_URL")


def test_an_unreachable_host(project: Project) -> None:
    nobody = with_url(project, port=closed_port())
    assert_refused(project.quick_release(DATABASE_URL=nobody), 3, "127.0.0.1")
    unknown = with_url(project, host="db.no-such-host.invalid")
    assert_refused(project.quick_release(DATABASE_URL=unknown), 3, "db.no-such-host.invalid")
    assert_nothing_changed(project)


def test_a_target_whose_file_does_not_exist(project: Project) -> None:
    ended = project.invoke("release", "--target", "production", "--yes")
    assert_refused(ended, 2, ".env.production does not exist", "sandbox")
    assert_nothing_changed(project)


def test_an_unknown_setting_is_answered_with_the_nearest_one(project: Project) -> None:
    ended = project.quick_release(SHIPWAY_MIGRATION_DIR="x")
    assert_refused(ended, 2, "SHIPWAY_MIGRATION_DIR", "Did you mean SHIPWAY_MIGRATIONS_DIR?")
    assert_nothing_changed(project)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["There is no migrations folder"]),
        ({}, ["invoke db.new"]),
        ({"0002b_x.sql": "select 1;"}, ["0002b_x.sql"]),
        ({"001_a.sql": "select 1;", "0001_b.sql": "select 1;"}, ["001_a.sql", "0001_b.sql"]),
        ({"001_a.sql": "-- a\n\n"}, ["001_a.sql is as db.new has made it"]),
    ],
)
def test_a_faulty_migrations_folder(
    project: Project, content: dict[str, str] | None, words: list[str]
) -> None:
    if content is not None:
        (project.root / "other").mkdir()
        for name, text in content.items():
            (project.root / "other" / name).write_text(text)
    ended = project.quick_release(SHIPWAY_MIGRATIONS_DIR="other")
    assert_refused(ended, 2, *words)
    assert_nothing_changed(project)


def test_no_vercel_token(project: Project) -> None:
    set_env(project, VERCEL_TOKEN=None)
    assert_refused(project.quick_release(), 2, "VERCEL_TOKEN")
    assert_refused(project.invoke("deploy", "--yes"), 2, "VERCEL_TOKEN")
    assert_nothing_changed(project)


@pytest.mark.parametrize("status", [401, 403])
def test_a_vercel_token_that_is_refused(project: Project, status: int) -> None:
    project.vercel.fault("status", path="/v9/projects", times=None, status=status)
    set_env(project, VERCEL_TOKEN=CANARY)
    assert_refused(project.quick_release(), 3, "vercel", "oken")
    project.vercel.clear()
    assert_nothing_changed(project)


@pytest.mark.parametrize("status", [401, 403])
def test_a_supabase_token_that_is_refused(project: Project, status: int) -> None:
    project.supabase.fault("status", path="/v1/projects", times=None, status=status)
    set_env(project, SUPABASE_ACCESS_TOKEN=f"sbp_{CANARY}")
    assert_refused(project.quick_release(), 3, "supabase", "oken")
    assert_nothing_changed(project)


def test_an_api_that_is_down(project: Project) -> None:
    down = f"http://127.0.0.1:{closed_port()}"
    assert_refused(project.quick_release(VERCEL_API_URL=down), 3, "vercel")
    assert_refused(project.quick_release(SUPABASE_API_URL=down), 3, "supabase")
    assert_nothing_changed(project)


def test_a_database_of_another_project_than_the_settings_name(project: Project) -> None:
    other = "abcdefghijklmnopqrst"
    url = f"postgresql://postgres:{CANARY}@db.{other}.supabase.co:5432/postgres"
    ended = project.quick_release(DATABASE_URL=url)
    assert ended.code == 3, ended.err
    assert CANARY not in ended.out + ended.err
    assert project.quick_release().code == 0
    renamed = project.quick_release(SUPABASE_PROJECT_REF=other)
    assert_refused(renamed, 3, other, project.env("SUPABASE_PROJECT_REF"))
    assert len(project.records()) == 1


def test_all_that_is_wrong_is_told_at_once(project: Project) -> None:
    set_env(project, VERCEL_TOKEN=None, DATABASE_URL=None)
    ended = project.quick_release(SHIPWAY_MIGRATIONS_DIR="other")
    assert_refused(ended, 2, "VERCEL_TOKEN", "DATABASE_URL", "other")


def test_doctor_names_each_fault_with_its_cure_and_ends_like_the_release_would(
    project: Project,
) -> None:
    assert project.invoke("doctor", "--target", "sandbox").code == 0
    (project.root / ".env.sandbox").chmod(0o644)
    ended = project.invoke("doctor", "--target", "sandbox", VERCEL_PROJECT_ID="prj_of_nobody")
    assert ended.code == 3, ended.out + ended.err
    assert "chmod 600 .env.sandbox" in ended.out
    assert "FAILED      vercel" in ended.out


def test_another_release_holds_the_lock(project: Project) -> None:
    from shipway.edges.postgres.advisory_lock import hold  # noqa: PLC0415 - beside what it explains
    from shipway.values.basics import Secret  # noqa: PLC0415 - the same

    with hold(Secret(project.env("DATABASE_URL")), owner="release 20261122-x", timeout_s=5):
        for ended in (
            project.quick_release(),
            project.invoke("db.migrate", "--target", "sandbox", "--yes"),
        ):
            assert_refused(ended, 75, "shipway release 20261122-x")
    assert_nothing_changed(project)
