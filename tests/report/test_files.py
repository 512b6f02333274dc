"""What a release leaves: page, board, Markdown, annotations; none with a secret in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from shipway.environment import github_actions
from shipway.errors import MigrationFailed, Place, Refused
from shipway.formats.json_form import json_form
from shipway.report.files import write_board, write_files
from shipway.report.github.actions import tell_error, tell_release
from shipway.report.github.annotations import of_error, of_seal
from shipway.report.github.markdown import release_markdown, seal_markdown
from shipway.report.hide import Hide
from shipway.report.page.chain import Chain, read_chain
from shipway.report.page.charts import timeline
from shipway.report.page.render import release_page
from shipway.steps.release.record import ReleaseEnd, list_records, read_record
from shipway.values.basics import Secret
from shipway.values.releases import Actions
from tests.browser.examples import HOSTILE, LABELS, SEAL, good, rolled_back, stopped
from tests.report.test_terminal import screen

ROOT = Path(__file__).parents[2]


def test_a_record_that_was_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    for example in (good(), rolled_back(), stopped()):
        record = replace(example, directory=tmp_path / example.release_id)
        write_files(record, hide=Hide([]))
        assert json_form(read_record(record.directory)) == json_form(record)
    found = list_records(tmp_path)
    assert [one.release_id for one in found.records] == [
        stopped().release_id,
        rolled_back().release_id,
        good().release_id,
    ]
    assert found.unreadable == ()


def test_release_json_is_what_its_schema_says(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "release.json").read_text(encoding="utf-8"))
    for example in (good(), rolled_back(), stopped()):
        record = replace(example, directory=tmp_path)
        write_files(record, hide=Hide([]))
        form = json.loads((tmp_path / "release.json").read_text(encoding="utf-8"))
        jsonschema.validate(form, schema)
    del form["steps"][0]["end"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(form, schema)


def test_no_secret_comes_into_any_file_not_even_one_that_needs_escapes(tmp_path: Path) -> None:
    secret = 'p<a"s&s\\word'
    record = replace(good(), directory=tmp_path, error=f"connection to {secret} failed")
    write_files(record, hide=Hide([Secret(secret)]))
    for name in ("release.json", "release.md", "release.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "connection to (hidden) failed" in text.replace("\\(", "(").replace("\\)", ")")
        for form in (secret, "p&lt;a", "p\\<a", "s\\\\word"):
            assert form not in text


def test_a_page_asks_nothing_of_the_network_and_holds_no_script(tmp_path: Path) -> None:
    record = replace(rolled_back(), directory=tmp_path)
    write_files(record, hide=Hide([]))
    page = (tmp_path / "release.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert 'src="' not in page
    assert "default-src 'none'" in page


def test_a_rehearsal_on_a_branch_does_not_claim_that_the_backup_came_back() -> None:
    partial = replace(SEAL, restored=replace(SEAL.restored, branch="rehearsal"))
    steps = tuple(
        replace(step, proof=partial) if step.name == "rehearse" else step for step in good().steps
    )
    page = release_page(
        replace(good(), steps=steps), Chain(entries=(), problem="gone"), hide=Hide([])
    )
    assert "that this backup restores" in page
    assert "not proven" in page
    assert "The backup came back" not in page
    assert "when it was rehearsed" not in page
    assert "Not proven: it ran on a Supabase branch" in seal_markdown(partial)


def test_a_contract_phase_has_no_deployment_to_show() -> None:
    whole = good()
    record = replace(
        whole,
        end=ReleaseEnd.FINISHED,
        steps=whole.steps[:5],
        planned=replace(whole.planned, project="", serving_id=None),
        live_url=None,
    )
    page = release_page(record, Chain(entries=(), problem="gone"), hide=Hide([]))
    assert "</span> to <strong>production</strong>" in page
    assert "The contract phase puts no new version live." in page
    assert "Nothing was put live." in page


def test_the_time_in_which_the_plan_was_read_is_no_time_of_the_release() -> None:
    record = good()
    hour = timedelta(hours=1)
    first, *others = record.steps
    later = tuple(replace(step, began_at=step.began_at + hour) for step in others)
    read_for_long = replace(record, steps=(first, *later), ended_at=record.ended_at + hour)

    assert read_for_long.took_s == record.took_s < 300
    assert (
        release_markdown(read_for_long).splitlines()[2]
        == (release_markdown(record).splitlines()[2])
    )
    bars, same = timeline(read_for_long), timeline(record)
    assert [(bar.x, bar.width) for bar in bars] == [(bar.x, bar.width) for bar in same]
    assert bars[0].x == 0
    assert all(
        left.x + left.width == pytest.approx(right.x, abs=4.1) for left, right in pairwise(bars)
    )


def test_a_board_names_the_records_that_it_cannot_read(tmp_path: Path) -> None:
    write_files(replace(good(), directory=tmp_path / "one"), hide=Hide([]))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "release.json").write_text("{")
    (tmp_path / "begun").mkdir()
    page = write_board(tmp_path, list_records(tmp_path), hide=Hide([])).read_text(encoding="utf-8")
    assert "1 release<" in page
    assert "<code>two</code> cannot be read" in page
    assert "begun" not in page


def test_a_changed_journal_is_said_to_be_broken(tmp_path: Path) -> None:
    assert "not beside this page" in read_chain(tmp_path / "journal.jsonl").problem
    (tmp_path / "journal.jsonl").write_text('{"number": 1}\n')
    assert "line 1" in read_chain(tmp_path / "journal.jsonl").problem


def test_markdown_tells_the_release_and_nothing_in_it_is_markup() -> None:
    text = release_markdown(good())
    assert text.startswith("## Live and good: 20261119-140211-5c41\n")
    for title in ("Waived gates", "Migrations", "Rehearsal", "Schema", "Access", "Going back"):
        assert f"\n### {title}\n" in text
    assert "waived by Ada Lovelace: Cents were never used" in text
    hostile = release_markdown(rolled_back())
    outside = [line for line in hostile.splitlines() if HOSTILE in line and "`" not in line]
    assert [line for line in outside if not line.startswith(("  14:04:31", "The logs"))] == []
    assert seal_markdown(SEAL).startswith("## Rehearsal\n")


def test_annotations_stand_at_the_line_and_escape_what_would_end_them() -> None:
    root = Path("/project/app")
    place = Place(file=root / "migrations/7,x.sql", line=4, column=9, what="no\ntype: 100%")
    error = MigrationFailed("it failed", unchanged="", next_step="", place=place)
    assert of_error(error, Path("/project")) == (
        "::error file=app/migrations/7%2Cx.sql,line=4,col=9,title=MigrationFailed"
        "::no%0Atype: 100%25"
    )
    elsewhere = Refused("not now", unchanged="", next_step="")
    assert of_error(elsewhere, None) == "::error title=Refused::not now"
    files = {label: root / f"{label}.sql" for label in LABELS}
    first, second = of_seal(SEAL, files, root)
    assert first.startswith(f"::warning file={LABELS[1]}.sql,line=1,title=Rehearsal%3A ")
    assert "squawk/changing-column-type" in second


def test_outside_of_github_nothing_is_annotated(tmp_path: Path) -> None:
    terminal, stdout, _ = screen()
    summary = tmp_path / "summary.md"
    tell_error(Refused("no", unchanged="", next_step=""), None, terminal)
    tell_release(good(), (), github_actions({"GITHUB_STEP_SUMMARY": str(summary)}), terminal)
    assert stdout.getvalue() == ""
    assert not summary.exists()


def test_the_summary_of_a_run_is_appended_to(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    terminal, stdout, _ = screen()
    actions = github_actions({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert actions == Actions(workspace=None, summary=summary)
    tell_release(good(), (), actions, terminal)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# Before\n## Live and good")
    assert stdout.getvalue().count("::warning ") == 2
