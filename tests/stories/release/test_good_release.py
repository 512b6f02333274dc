"""A whole release that goes well, and then another one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from shipway.formats.json_form import json_form
from shipway.steps.journal.journal import FileCopy, read
from shipway.steps.release.record import read_record

if TYPE_CHECKING:
    from tests.stories.conftest import Project

SEVEN = [
    "001_better_auth_and_functions",
    "002_auth_tables",
    "003_user_metas",
    "004_users_sample_data",
    "005_api_key",
    "006_api_audit_log",
    "007_api_key_sample_data",
]


def test_the_first_release_backs_up_migrates_verifies_deploys_and_watches(
    project: Project,
) -> None:
    assert project.production() is None

    ended = project.release()

    assert ended.code == 0, ended.out + ended.err
    assert project.ledger() == SEVEN
    assert "user_metas" in project.tables()
    assert "<title>" in project.live().text
    assert project.live("/health.json").json()["app"] == "harbour"
    last = ended.out.strip().splitlines()[-2:]
    assert last[0].split()[0] == "report"
    assert last[1].split() == ["live", project.standins["production_url"]]


def test_the_record_holds_the_proof_of_every_step_and_an_intact_journal(project: Project) -> None:
    project.release()

    (folder,) = project.records()
    record = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert record["end"] == "good"
    assert [(step["name"], step["end"]) for step in record["steps"]] == [
        ("preflight", "done"),
        ("backup", "done"),
        ("rehearse", "done"),
        ("gates", "done"),
        ("migrate", "done"),
        ("verify", "done"),
        ("deploy", "done"),
        ("logs", "done"),
    ]
    proofs = {step["name"]: step["proof"] for step in record["steps"]}
    assert proofs["migrate"]["ledger_version"] == 7
    assert proofs["deploy"]["deployment"]["deployment_id"] == project.production()
    assert proofs["logs"]["verdict"] == "GOOD"
    read_back = json_form(read_record(folder))
    assert read_back == record
    changed = {one["name"]: one["change"] for one in proofs["verify"]["schema_changes"]}
    assert changed["public.user"] == "added"
    opened = [one for one in proofs["verify"]["access_changes"] if one["role"] == "authenticated"]
    assert opened
    assert all(one["wider"] for one in opened)
    assert proofs["logs"]["samples"][-1]["requests"] == proofs["logs"]["requests"]
    sample_data = record["planned"]["migrations"][3]
    assert sample_data["label"] == "004_users_sample_data"
    assert "@" not in sample_data["sql"]
    lines = FileCopy(folder / "journal.jsonl").lines()
    there = project.rows("select line from shipway.journal order by number")
    assert [line for (line,) in there] == lines
    about = ("about", "migrate")
    entries = [(entry.event, entry.step) for entry in read(lines, "here")]
    assert entries[0] == ("begun", "release")
    assert entries[-1] == ("ended", "release")
    assert ("intent", "deploy") in entries
    announced = [one for one in read(lines, "here") if (one.event, one.step) == about]
    assert all(any(label in str(one.data) for one in announced) for label in SEVEN)
    assert entries.count(("about", "deploy")) == 2
    text = (folder / "release.md").read_text(encoding="utf-8")
    assert "- `007_api_key_sample_data`" in text
    assert project.standins["production_url"] in text


def test_the_page_of_a_release_is_made_again_and_a_board_of_all(project: Project) -> None:
    project.quick_release()
    (folder,) = project.records()
    page = folder / "release.html"
    assert project.standins["production_url"] in page.read_text(encoding="utf-8")
    assert project.env("DATABASE_URL") not in page.read_text(encoding="utf-8")
    page.unlink()

    assert project.invoke("release.report").code == 0
    assert project.invoke("release.board").code == 0
    unknown = project.invoke("release.report", "--release", "20200101-000000-0000")

    assert page.is_file()
    board = (folder.parent / "board.html").read_text(encoding="utf-8")
    assert f"{folder.name}/release.html" in board
    assert unknown.code == 2
    assert folder.name in unknown.err
    assert project.invoke("release.history", "--target", "sandbox").code == 0


def test_the_backup_is_made_before_the_first_migration_and_its_copy_is_the_same(
    project: Project,
) -> None:
    project.release(SHIPWAY_BACKUP_BUCKET="backups")

    (manifest,) = (project.root / ".shipway" / "backups").glob("*/manifest.json")
    body = json.loads(manifest.read_text(encoding="utf-8"))["body"]
    assert body["ledger_version"] == 0
    assert "public.user" not in body["row_counts"]
    archive = (manifest.parent / "dump.pgc").read_bytes()
    assert hashlib.sha256(archive).hexdigest() == body["archive_sha256"]
    uploads = [one for one in project.supabase.requests() if one.method == "POST"]
    assert any(one.path.endswith("dump.pgc") for one in uploads)
    assert project.invoke("backup.verify", "--target", "sandbox").code == 0


def test_a_second_release_with_nothing_pending_still_backs_up_deploys_and_watches(
    project: Project,
) -> None:
    project.release()
    first = project.production()
    page = project.root / "app" / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + "<!-- second -->\n", encoding="utf-8")

    ended = project.release()

    assert ended.code == 0, ended.out + ended.err
    assert "nothing was pending" in ended.out
    assert project.production() != first
    assert "<!-- second -->" in project.live().text
    assert project.ledger() == SEVEN
    assert len(project.records()) == 2
    assert len(list((project.root / ".shipway" / "backups").iterdir())) == 2


def test_json_is_one_document_on_stdout_and_the_story_is_on_stderr(project: Project) -> None:
    ended = project.release("--format", "json")

    assert ended.document["exit_code"] == 0
    assert ended.document["command"] == "release"
    assert ended.document["result"]["end"] == "good"
    assert "applied 007_api_key_sample_data" in ended.err


def test_a_dry_run_shows_the_plan_and_touches_nothing(project: Project) -> None:
    project.vercel.forget_requests()
    project.supabase.forget_requests()

    ended = project.invoke("--dry", "release", "--target", "sandbox")

    assert ended.code == 0, ended.err
    assert "007_api_key_sample_data" in ended.out
    assert "into an embedded PostgreSQL" in ended.out
    assert project.ledger() == []
    assert project.tables() == []
    assert project.records() == []
    assert not (project.root / ".shipway" / "backups").exists()
    received = project.vercel.requests() + project.supabase.requests()
    assert received
    assert {one.method for one in received} == {"GET"}


def test_without_yes_and_without_a_terminal_nothing_is_done(project: Project) -> None:
    ended = project.invoke("release", "--target", "sandbox")

    assert ended.code == 3
    assert "--yes" in ended.err
    assert project.tables() == []
    assert project.production() is None
    assert project.records() == []
