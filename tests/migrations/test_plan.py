"""The plan: every way in which files and ledger can disagree, found before anything runs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shipway.errors import Refused
from shipway.migrations.adopt import plan_accept
from shipway.migrations.plan import plan_migrations
from shipway.values.migrations import AppliedMigration, DoneStep, LedgerState, Migration, Phase

REF = "abcdefghijklmnopqrst"


def file(label: str, *, text: str = "", phase: Phase = Phase.EXPAND) -> Migration:
    digits, _, name = label.partition("_")
    return Migration(
        version=int(digits),
        digits=digits,
        name=name,
        path=Path(f"migrations/{label}.sql"),
        down_path=None,
        sha256=hashlib.sha256((text or label).encode()).hexdigest(),
        size_bytes=1,
        phase=phase,
    )


def ledger(*labels: str, ref: str | None = None, steps: tuple[DoneStep, ...] = ()) -> LedgerState:
    return LedgerState(
        exists=bool(labels),
        applied=tuple(
            AppliedMigration(
                version=int(label.partition("_")[0]),
                label=label,
                sha256=hashlib.sha256(label.encode()).hexdigest(),
                applied_at=datetime(2026, 1, 1, tzinfo=UTC),
                duration_ms=1,
                applied_by="postgres",
            )
            for label in labels
        ),
        steps=steps,
        project_ref=ref,
        supabase_columns=(),
        standard_strings=True,
    )


def refusal(files: list[Migration], state: LedgerState) -> Refused:
    with pytest.raises(Refused) as caught:
        plan_migrations(files, state)
    return caught.value


def test_what_is_not_in_the_ledger_is_pending_in_order() -> None:
    files = [file("001_a"), file("002_b"), file("010_c")]
    plan = plan_migrations(files, ledger("001_a"))
    assert [one.label for one in plan.pending] == ["002_b", "010_c"]
    assert [row.label for row in plan.applied] == ["001_a"]


def test_an_edited_file_is_named_with_both_digests() -> None:
    stopped = refusal([file("001_a", text="changed")], ledger("001_a"))
    assert "edited after it was applied: 001_a.sql" in stopped.what
    assert hashlib.sha256(b"001_a").hexdigest()[:12] in stopped.what
    assert "invoke db.adopt --accept 1" in stopped.next_step


def test_a_deleted_file_is_named() -> None:
    stopped = refusal([file("002_b")], ledger("001_a", "002_b"))
    assert "deleted after it was applied: 001_a.sql" in stopped.what
    assert "invoke db.adopt --forget 1" in stopped.next_step


def test_a_renamed_file_is_named_with_both_names() -> None:
    stopped = refusal([file("001_better", text="001_a")], ledger("001_a"))
    assert "renamed after it was applied: 001_a.sql is now 001_better.sql" in stopped.what
    assert "git mv 001_better.sql 001_a.sql" in stopped.next_step


def test_a_renumbered_file_is_one_fault_and_not_two() -> None:
    stopped = refusal([file("002_b"), file("001_c", text="003_c")], ledger("002_b", "003_c"))
    assert "renumbered after it was applied: 003_c.sql is now 001_c.sql" in stopped.what
    assert "out of order" not in stopped.what


def renames(stopped: Refused) -> list[tuple[str, str]]:
    lines = [line for line in stopped.next_step.splitlines() if "git mv " in line]
    return [(old, new) for *_, old, new in (line.split() for line in lines)]


def test_an_applied_file_is_told_from_the_new_one_that_took_its_number() -> None:
    files = [file("0001_a"), file("0002_theirs"), file("0003_mine", text="0002_mine")]
    stopped = refusal(files, ledger("0001_a", "0002_mine"))
    assert "renumbered after it was applied: 0002_mine.sql is now 0003_mine.sql" in stopped.what
    assert (
        "never run: 0002_theirs.sql has the number under which 0002_mine.sql was applied"
        in stopped.what
    )
    assert "--accept" not in stopped.next_step
    assert renames(stopped) == [
        ("0002_theirs.sql", "0004_theirs.sql"),
        ("0003_mine.sql", "0002_mine.sql"),
    ]


def test_applied_files_that_all_moved_on_by_one_are_moved_back() -> None:
    files = [file("1_new"), file("2_a", text="1_a"), file("3_b", text="2_b")]
    stopped = refusal(files, ledger("1_a", "2_b"))
    assert renames(stopped) == [
        ("1_new.sql", "4_new.sql"),
        ("2_a.sql", "1_a.sql"),
        ("3_b.sql", "2_b.sql"),
    ]
    assert stopped.what.count("\n- ") == 3


def test_two_applied_files_that_swapped_their_numbers_are_renumbered_and_not_edited() -> None:
    files = [file("1_b", text="2_b"), file("2_a", text="1_a")]
    stopped = refusal(files, ledger("1_a", "2_b"))
    assert "edited" not in stopped.what
    assert renames(stopped) == [("2_a.sql", "1_a.sql"), ("1_b.sql", "2_b.sql")]


def test_two_applied_files_that_swapped_their_whole_names_go_back_by_way_of_a_third() -> None:
    files = [file("1_a", text="2_b"), file("2_b", text="1_a")]
    stopped = refusal(files, ledger("1_a", "2_b"))
    assert renames(stopped) == [
        ("2_b.sql", "2_b.sql.aside"),
        ("1_a.sql", "2_b.sql"),
        ("2_b.sql.aside", "1_a.sql"),
    ]


def test_new_files_that_took_numbers_get_free_ones_that_differ() -> None:
    files = [file("1_x"), file("2_y"), file("3_a", text="1_a"), file("4_b", text="2_b")]
    stopped = refusal(files, ledger("1_a", "2_b"))
    assert renames(stopped)[:2] == [("1_x.sql", "5_x.sql"), ("2_y.sql", "6_y.sql")]


def test_a_file_with_neither_name_nor_text_of_what_was_applied_is_another_one() -> None:
    stopped = refusal([file("1_a"), file("2_theirs")], ledger("1_a", "2_mine"))
    assert "replaced after it was applied: 2_mine.sql" in stopped.what
    assert "2_theirs.sql has its number, and neither its name nor its text" in stopped.what
    assert "--accept" not in stopped.next_step
    assert "--forget" not in stopped.next_step
    assert renames(stopped) == [
        ("2_theirs.sql", "3_theirs.sql"),
        ("2_theirs.sql", "2_mine.sql"),
    ]


def test_a_new_file_before_an_applied_one_with_its_number_is_named_alone() -> None:
    # In a folder of the Supabase CLI the first of a number has it, and the others longer ones.
    first = replace(file("2_also"), by_name=True)
    second = replace(file("2_mine"), version=2_1234, by_name=True)
    stopped = refusal([first, second], ledger("2_mine"))
    assert stopped.what.count("\n- ") == 1
    assert renames(stopped) == [("2_also.sql", "3_also.sql")]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            [file("2_theirs"), file("3_mine", text="2_mine")],
            r"2_mine\.sql, applied, is 3_mine\.sql now",
        ),
        ([file("2_theirs")], r"neither the name nor the text of 2_mine\.sql"),
        ([file("2_mine", text="1_gone")], r"2_mine\.sql has the text of 1_gone\.sql"),
    ],
)
def test_another_file_is_not_accepted_for_the_one_that_was_applied(
    files: list[Migration], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        plan_accept(files, ledger("1_gone", "2_mine"), 2)


@pytest.mark.parametrize("now", [file("02_mine", text="edited"), file("2_better", text="2_mine")])
def test_an_edited_or_a_renamed_file_is_accepted(now: Migration) -> None:
    assert plan_accept([now], ledger("2_mine"), 2).record == (now,)


def test_a_file_out_of_order_gets_a_free_number() -> None:
    stopped = refusal([file("001_a"), file("002_b"), file("003_c")], ledger("001_a", "003_c"))
    assert "out of order: 002_b.sql is not applied, while 3 already is" in stopped.what
    assert "git mv 002_b.sql 004_b.sql" in stopped.next_step


def test_all_faults_are_told_at_once() -> None:
    files = [file("001_a", text="x"), file("002_b"), file("004_d")]
    stopped = refusal(files, ledger("001_a", "003_c", "004_d"))
    assert stopped.what.count("\n- ") == 3


def test_a_half_done_file_is_not_out_of_order() -> None:
    step = DoneStep(
        version=2, label="002_b", first=0, after=1, prefix_sha256="", finished=True, seen=()
    )
    plan = plan_migrations([file("002_b"), file("003_c")], ledger("003_c", steps=(step,)))
    assert [one.label for one in plan.pending] == ["002_b"]


def test_a_contract_file_waits_for_its_phase_and_later_ones_may_pass_it() -> None:
    files = [file("001_a"), file("002_drop", phase=Phase.CONTRACT), file("003_c")]
    plan = plan_migrations(files, ledger("001_a", "003_c"))
    assert plan.pending == ()
    assert [one.label for one in plan.held_back] == ["002_drop"]
    contract = plan_migrations(files, ledger("001_a", "003_c"), phase=Phase.CONTRACT)
    assert [one.label for one in contract.pending] == ["002_drop"]


def test_the_contract_phase_waits_for_expand_files() -> None:
    files = [file("001_a"), file("002_drop", phase=Phase.CONTRACT)]
    with pytest.raises(Refused, match=r"001_a\.sql belongs to the expand phase"):
        plan_migrations(files, ledger(), phase=Phase.CONTRACT)


def test_a_database_of_another_project_is_refused() -> None:
    other = "z" * 20
    with pytest.raises(Refused, match=f"belongs to project {other}"):
        plan_migrations([file("001_a")], ledger("001_a", ref=other), project_ref=REF)


def test_the_project_is_told_to_a_database_that_does_not_know_it() -> None:
    assert plan_migrations([file("001_a")], ledger(), project_ref=REF).project_ref == REF
    known = plan_migrations([file("001_a")], ledger("001_a", ref=REF), project_ref=REF)
    assert known.project_ref is None
