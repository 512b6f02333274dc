"""Texts of others in every place that shipway reads from, carried through whole commands."""

from __future__ import annotations

import time
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project

HOSTILE = "\x1b[2J\x1b]0;x\x07\r\x9b\x7f\u202e\u2066\u200b\u2028\U000e0041"
COMMAND = "\n::error::forged\n##[error]forged"


def steers(text: str) -> set[str]:
    categories = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    return {one for one in text if unicodedata.category(one) in categories} - {"\n", "\t"}


class Drive:
    """Runs commands as CI does, and looks at all that is written for people."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.summary = project.root / "summary.md"
        self.summary.touch()
        self.seen = ""

    def __call__(self, *arguments: str, **environ: str) -> Ended:
        actions = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(self.summary)}
        ended = self.project.invoke(*arguments, "--target", "sandbox", **actions, **environ)
        said = f"{ended.out}\n{ended.err}"
        assert steers(said) == set(), f"{arguments}: {said!r}"
        for line in said.split("\n"):
            assert "##[error]" not in line.replace("\\x23#[error]", "")
            if line.strip().startswith("::"):
                assert line.partition("::")[2].partition("::")[2], line
                assert "::error::forged" not in line[:20], line
        self.seen += said
        return ended

    def files(self) -> None:
        for path in (self.summary, *self.project.root.rglob(".shipway/releases/**/*")):
            if path.is_file() and path.suffix in {".md", ".html"}:
                assert steers(path.read_text(encoding="utf-8")) == set(), path


def migration(project: Project, text: str, number: int = 8) -> None:
    path = project.root / "migrations" / f"{number:03}_hostile.sql"
    path.write_text(text, encoding="utf-8")


def log_rows(project: Project, **row: Any) -> None:
    """Add rows, and wait for the second to end: Vercel tells of whole ones."""
    for _ in range(6):
        project.vercel.log_row(
            deployment=project.production(), level="error", responseStatusCode=500, **row
        )
    time.sleep(1.0)


def test_nothing_that_others_have_written_steers_a_log_a_page_or_a_summary(
    project: Project,
) -> None:
    drive = Drive(project)
    name = HOSTILE.replace("\r", "")  # pg_dump writes a space for it into its list
    # A table's and a column's name, and what SQL raises, in plan, rehearsal, migration, findings.
    migration(
        project,
        f'create schema apart; create table apart."t{name}" (id int primary key, "c{name}" text);'
        f"do $$ begin raise notice 'loud {HOSTILE}{COMMAND}'; end $$;",
    )
    assert drive("release", "--yes").code == 0
    migration(project, f"do $$ begin raise exception 'loud {HOSTILE}{COMMAND}'; end $$;", 9)
    drive("db.migrate", "--yes")
    (project.root / "migrations" / "009_hostile.sql").unlink()
    project.execute(f'alter table apart."t{name}" add column "d{name}" text')
    drive("db.status")
    drive("db.verify")

    # Lines of the app's log, and paths that its visitors chose.
    log_rows(project, message=f"TypeError {HOSTILE}{COMMAND}", requestPath=f"/{HOSTILE}")
    drive("logs", "--since", "3m", SHIPWAY_SHOW_ROWS="true")
    drive("logs.tail", "--window", "0.5")

    # A build's error, and what APIs answer.
    message = f"broken {HOSTILE}{COMMAND}"
    project.vercel.fault("ERROR", on="build", message=message)
    (project.root / "app" / "new.html").write_text("new")
    drive("deploy", "--yes")
    body = {"error": {"code": HOSTILE, "message": message}, "message": message}
    for control in (project.vercel, project.supabase):
        control.fault("status", times=None, status=400, body=body)
    drive("deploy.status")
    drive("doctor")
    drive("db.verify")
    for control in (project.vercel, project.supabase):
        control.clear()
    drive.files()
    assert "loud \\x1b[2J" in drive.seen
    assert "TypeError \\x1b[2J" in drive.seen
    assert "broken \\x1b[2J" in drive.seen


def test_json_holds_the_text_itself_escaped_as_json_does(project: Project) -> None:
    project.quick_release()
    log_rows(project, message=f"TypeError {HOSTILE}")

    ended = project.invoke(
        "logs", "--since", "3m", "--target", "sandbox", "--format", "json", SHIPWAY_SHOW_ROWS="true"
    )

    assert steers(ended.out) == set()
    assert f"TypeError {HOSTILE}" in {one["message"] for one in ended.document["result"]["worst"]}
