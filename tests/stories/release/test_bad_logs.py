"""Releases whose new version throws errors: rolled back where the old code fits, and else not."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project

# The three pages pass at the staged URL and at the public one; then visitors meet errors.
GOOD_ANSWERS = 6
ADD_COLUMN = "alter table public.user_metas add column notes text;\n"


def released_with_errors(project: Project, *flags: str, **environ: str) -> Ended:
    page = project.root / "app" / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + "<p>The new version</p>", encoding="utf-8")
    project.vercel.fault(
        "serves_errors",
        on="build",
        status=500,
        message="Error: no users",
        good_answers=GOOD_ANSWERS,
    )
    return project.quick_release(*flags, **environ)


def new_migration(project: Project, name: str, text: str) -> None:
    (project.root / "migrations" / name).write_text(text, encoding="utf-8")


def record(project: Project) -> dict[str, Any]:
    text = (project.records()[-1] / "release.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
def live(project: Project) -> tuple[str, str]:
    """Release a first version; return the deployment and the page that it serves."""
    ended = project.quick_release()
    assert ended.code == 0, ended.err
    return str(project.production()), project.live().text


def test_a_new_version_that_throws_is_rolled_back_and_the_database_stays_on_the_new_schema(
    project: Project, live: tuple[str, str]
) -> None:
    before, page = live
    new_migration(project, "008_notes.sql", ADD_COLUMN)

    ended = released_with_errors(project)

    assert ended.code == 7
    assert "Error: no users" in ended.err
    assert f"production is {before} again" in ended.err
    assert project.production() == before
    assert project.live().text == page
    assert project.ledger()[-1] == "008_notes"
    assert project.rows("select notes from public.user_metas limit 1")
    found = record(project)
    assert found["end"] == "rolled back"
    assert found["exit_code"] == 7
    assert found["live_url"] is None
    assert [(one["name"], one["end"]) for one in found["steps"]][-2:] == [
        ("logs", "failed"),
        ("rollback", "done"),
    ]
    assert found["steps"][-1]["proof"]["to_id"] == before

    again = project.quick_release()

    assert again.code == 0, again.err
    assert project.production() != before
    assert "The new version" in project.live().text


def test_a_release_whose_contract_migration_already_ran_is_not_rolled_back(
    project: Project, live: tuple[str, str]
) -> None:
    before, _ = live
    new_migration(project, "008_expand.sql", ADD_COLUMN)
    contract = "-- shipway: phase=contract\nalter table public.user_metas drop column notes;\n"
    new_migration(project, "009_contract.sql", contract)
    migrated = project.invoke("db.migrate", "--target", "sandbox", "--yes")
    assert migrated.code == 0, migrated.err
    already_ran(project, "009_contract", contract)

    ended = released_with_errors(project)

    assert ended.code == 7
    assert "NOT rolled back" in ended.err
    assert "009_contract" in ended.err
    assert "Restore (loses what was written since" in ended.err
    assert "--into sandbox (" in ended.err
    assert project.production() != before
    assert record(project)["end"] == "bad"
    assert not [one for one in project.vercel.requests() if "/rollback/" in one.path]


def test_an_old_version_whose_checks_fail_on_the_new_schema_is_not_brought_back(
    project: Project, live: tuple[str, str]
) -> None:
    before, _ = live
    # Not a contract migration by its name: a rehearsal would have found it, and was left out.
    new_migration(project, "008_drop.sql", "drop table public.user_metas cascade;\n")
    (project.root / "checks" / "everyone_has_metas.sql").unlink()
    for name in ("schema.toml", "access.toml"):
        file = project.root / "checks" / name
        text = file.read_text(encoding="utf-8")
        file.write_text(without_table(text, "user_metas"), encoding="utf-8")

    ended = released_with_errors(project)

    assert ended.code == 7, ended.err
    assert "NOT rolled back: its checks do not pass" in ended.err
    assert "user_metas" in ended.err
    assert project.production() != before


def test_nothing_is_rolled_back_blindly_and_a_rollback_that_fails_is_tried_once(
    project: Project,
) -> None:
    first = released_with_errors(project)
    assert first.code == 7
    assert "it is the first deployment of the project" in first.err
    before = project.production()
    assert before is not None

    shutil.rmtree(project.records()[-1])
    project.execute("delete from shipway.journal")
    second = released_with_errors(project)
    assert second.code == 7
    assert "neither on this machine nor in the journal" in second.err
    assert project.production() != before
    before = project.production()

    project.vercel.fault("status", path="/rollback/", times=None, status=402, body={})
    project.vercel.forget_requests()
    third = released_with_errors(project)
    assert third.code == 7
    assert "NOT rolled back: it could not be" in third.err
    assert "402" in third.err
    assert project.production() != before
    calls = [one for one in project.vercel.requests() if "/rollback/" in one.path]
    assert len(calls) == 1


def test_a_fresh_machine_learns_from_the_journal_what_the_old_code_needs(
    project: Project, live: tuple[str, str]
) -> None:
    before, _ = live
    shutil.rmtree(project.root / ".shipway" / "releases")

    ended = released_with_errors(project)

    assert ended.code == 7
    assert f"production is {before} again" in ended.err
    assert project.production() == before


def already_ran(project: Project, label: str, text: str) -> None:
    """Leave what a run of the contract phase leaves."""
    row = {
        "version": int(label[:3]),
        "label": label,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    project.execute(text)
    project.execute(
        f"insert into shipway.migrations select (jsonb_populate_record(m, '{json.dumps(row)}')).* "
        "from shipway.migrations m order by version desc limit 1"
    )


def without_table(text: str, name: str) -> str:
    """Return a schema.toml without what it says about one table."""
    return "".join(part for part in re.split(r"(?m)^(?=\[)", text) if f".{name}]" not in part)


def test_rows_as_long_as_an_app_can_make_them_do_not_blind_the_watch(
    project: Project, live: tuple[str, str]
) -> None:
    deployment, _ = live
    message = "Error: bad upload \\x" + "89504e470d0a1a0a" * 4000

    def fail() -> None:
        for text in (message, message * 5, message * 60):
            project.vercel.log_row(
                deployment=deployment,
                level="error",
                responseStatusCode=500,
                requestPath="/upload",
                message=text,
            )

    later = threading.Timer(1.0, fail)
    later.start()
    began = time.monotonic()
    ended = project.invoke("logs", "--window", "5", "--target", "sandbox", "--format", "json")
    took_s = time.monotonic() - began
    later.join()

    assert ended.document["result"]["errors"] == 3
    assert took_s < 15
    assert len(ended.out) < 50_000
