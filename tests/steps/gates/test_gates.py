"""What opens a gate and what shuts it, judged from what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shipway.errors import Misconfigured, Refused
from shipway.steps.gates.approval import judge_approval, may_approve, plan_digest
from shipway.steps.gates.gates import GatePowers, pass_gates
from shipway.steps.gates.preflight import Found, Precondition, examine
from shipway.steps.gates.readiness import (
    calm,
    connectable,
    green,
    judge_wraparound,
    on_branch,
    roomy,
)
from shipway.steps.gates.waivers import read_waivers
from shipway.steps.gates.windows import in_window
from shipway.values.backup import Backup, Grade, Manifest
from shipway.values.basics import Unproven
from shipway.values.gates import (
    Approval,
    Busy,
    CheckState,
    CommitCheck,
    Disk,
    GateState,
    GateTerms,
    Load,
    Tree,
    Waiver,
)
from shipway.values.lint import LintFinding, LintReport, Severity, Weighed
from shipway.values.migrations import Migration, MigrationPlan
from shipway.values.rehearsal import (
    Finding,
    RehearsedMigration,
    Restored,
    Reversal,
    SampledTable,
    Seal,
)
from tests.steps.gates.test_preflight import Heard, Ticking, misconfigured, refused

NOW = datetime(2026, 11, 22, tzinfo=UTC)  # Ticking's; a Sunday
TREE = Tree(branch="main", commit="a" * 40, changed=(), remote="hub", tip="a" * 40, contained=True)
LOAD = Load(
    busy=(),
    hidden=0,
    xid_age=5,
    multixact_age=5,
    xid_limit=1000,
    multixact_limit=1000,
    connections=3,
    connections_limit=60,
    database_bytes=10**9,
)


# --- waivers -----------------------------------------------------------------------------------


def test_a_waiver_opens_its_own_gate_only_and_is_told_with_name_and_reason() -> None:
    waivers = [Waiver(gate="ci", reason="flake", by="Ada")]
    gates = [Precondition(name="ci", look=refused), Precondition(name="git", look=misconfigured)]
    diagnosis = examine(gates, clock=Ticking(), waivers=waivers)
    assert [one.state for one in diagnosis.gates] == [GateState.WAIVED, GateState.FAILED]
    assert (diagnosis.gates[0].waived_by, diagnosis.gates[0].reason) == ("Ada", "flake")
    assert [one.name for one in diagnosis.failed] == ["git"]


def test_a_waiver_that_is_not_needed_leaves_no_trace() -> None:
    waivers = [Waiver(gate="ci", reason="flake", by="Ada")]
    open_one = Precondition(name="ci", look=lambda: Found(detail="green"))
    (gate,) = examine([open_one], clock=Ticking(), waivers=waivers).gates
    assert (gate.state, gate.waived_by) == (GateState.PASSED, "")


@pytest.mark.parametrize(
    ("given", "cure"),
    [
        ("gti=x", "Did you mean git?"),
        ("backup=x", "These can: "),
        ("project=x", "These can: "),
        ("ci", "--waive 'ci=the reason'"),
        ("ci= ", "--waive 'ci=the reason'"),
        ("window=x", "--now REASON"),
        ("rehearsed=x", "--without-rehearsal REASON"),
        ("", "These can: "),
    ],
)
def test_a_waiver_of_no_gate_or_without_a_reason_is_refused(given: str, cure: str) -> None:
    with pytest.raises(Misconfigured) as stopped:
        read_waivers([given], now="", without_rehearsal="", person=lambda: "Ada")
    assert cure in stopped.value.next_step


def test_nobody_is_asked_for_a_name_when_nothing_is_waived() -> None:
    def nobody() -> str:
        raise AssertionError

    assert read_waivers([], now=" ", without_rehearsal="", person=nobody) == ()


# --- windows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "utc", "opens"),
    [
        ("Mon-Thu 09:00-16:00", "2026-11-23T08:00", True),  # 09:00 in Berlin, a Monday
        ("Mon-Thu 09:00-16:00", "2026-11-23T07:59", False),
        ("Mon-Thu 09:00-16:00", "2026-11-23T15:00", False),
        ("Fri 22:00-02:00", "2026-11-28T00:59", True),  # Saturday, 01:59
        ("Fri 22:00-02:00", "2026-11-28T22:00", False),  # Saturday, 23:00
        ("Sat-Mon 00:00-24:00", "2026-11-22T23:30", True),  # Monday, 00:30
        ("sun 02:00-04:00", "2026-03-29T01:30", True),  # 03:30: the clock has leapt from 2 to 3
    ],
)
def test_a_window_is_read_by_the_clock_on_the_wall(window: str, utc: str, *, opens: bool) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    if opens:
        assert window in in_window([window], zone="Europe/Berlin", now=now).detail
    else:
        with pytest.raises(Refused):
            in_window([window], zone="Europe/Berlin", now=now)


def test_outside_all_windows_the_next_one_is_named() -> None:
    with pytest.raises(Refused) as stopped:
        in_window(["Tue 09:00-10:00", "Mon 22:00-02:00"], zone="UTC", now=NOW)
    assert stopped.value.what == (
        "It is Sun 00:00 in UTC, outside Tue 09:00-10:00, Mon 22:00-02:00."
    )
    assert "from Mon 2026-11-23 22:00 on" in stopped.value.next_step


@pytest.mark.parametrize("text", ["", "Monday 9-5", "Mon 25:00-26:00", "Xyz 09:00-10:00", "Mon"])
def test_an_ill_formed_window_is_named(text: str) -> None:
    with pytest.raises(Misconfigured, match="release_windows"):
        in_window([text], zone="UTC", now=NOW)


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_named(zone: str) -> None:
    with pytest.raises(Misconfigured, match="release_time_zone"):
        in_window(["Mon 09:00-10:00"], zone=zone, now=NOW)


# --- code --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "what"),
    [
        (replace(TREE, changed=tuple("abcdefg")), "uncommitted: a, b, c, d, e and 2 more"),
        (replace(TREE, branch="fix"), "the branch fix is checked out, not main"),
        (replace(TREE, tip=""), "hub has no branch main"),
        (replace(TREE, tip="b" * 40, contained=False), "aaaaaaaaaaaa is not on main of hub"),
        (replace(TREE, tip="b" * 40, contained=None), "main of hub is at bbbbbbbbbbbb, which"),
    ],
)
def test_a_tree_that_is_not_what_was_pushed_is_refused(tree: Tree, what: str) -> None:
    with pytest.raises(Refused) as stopped:
        on_branch(tree, "main")
    assert what in stopped.value.what


def test_an_older_commit_of_the_branch_and_a_bare_commit_pass() -> None:
    older = on_branch(replace(TREE, branch="", tip="b" * 40), "main")
    assert older.state is GateState.WARNED
    assert on_branch(replace(TREE, branch=""), "main").state is GateState.PASSED


GREEN = CommitCheck(name="tests", state=CheckState.GREEN, word="success")
RED = CommitCheck(name="lint", state=CheckState.RED, word="failure")
RUNNING = CommitCheck(name="e2e", state=CheckState.RUNNING, word="queued")


@pytest.mark.parametrize(
    ("checks", "wanted", "what"),
    [
        ([], [], "No check was reported"),
        ([GREEN, RED, RUNNING], [], "lint is failure, e2e is queued"),
        ([GREEN, RUNNING], ["e2e"], "e2e is queued"),
        ([GREEN], ["tests", "lint"], "lint was not reported"),
    ],
)
def test_ci_that_is_not_green_is_refused(
    checks: list[CommitCheck], wanted: list[str], what: str
) -> None:
    with pytest.raises(Refused) as stopped:
        green(checks, wanted, commit="a" * 40)
    assert what in stopped.value.what


def test_only_the_checks_that_are_named_have_to_be_green() -> None:
    assert green([GREEN, RED], ["tests"], commit="a" * 40).state is GateState.PASSED


# --- the database and the disks ----------------------------------------------------------------


def test_an_old_transaction_and_any_vacuum_of_a_person_are_in_the_way() -> None:
    old = Busy(pid=7, role="app", application="worker", doing="a transaction", age_s=61)
    vacuum = Busy(pid=8, role="ops", application="", doing="VACUUM of t", age_s=1)
    with pytest.raises(Refused) as stopped:
        calm(replace(LOAD, busy=(old, vacuum)), max_age_s=60)
    assert "a transaction of app (worker), server process 7, for 61 s" in stopped.value.what
    assert "VACUUM of t of ops, server process 8, for 1 s" in stopped.value.what
    young = replace(LOAD, busy=(replace(old, age_s=59),))
    assert calm(young, max_age_s=60).state is GateState.PASSED
    assert calm(replace(LOAD, hidden=2), max_age_s=60).state is GateState.WARNED


def test_wraparound_warns_at_half_the_failsafe_age_and_refuses_at_all_of_it() -> None:
    assert judge_wraparound(LOAD).state is GateState.PASSED
    assert judge_wraparound(replace(LOAD, multixact_age=500)).state is GateState.WARNED
    with pytest.raises(Refused, match="oldest unfrozen row"):
        judge_wraparound(replace(LOAD, xid_age=1000))


def test_a_release_needs_eight_connections() -> None:
    assert connectable(replace(LOAD, connections=52)).state is GateState.PASSED
    with pytest.raises(Refused, match="53 of 60 in use; a release needs 8"):
        connectable(replace(LOAD, connections=53))


def test_there_must_be_room_for_the_backup_and_its_copy_here_and_to_work_there() -> None:
    here, there = Disk(size_bytes=10**10, free_bytes=3 * 10**9), Disk(size_bytes=10, free_bytes=5)
    assert "50% full" in roomy(here, there, database_bytes=10**9, copies=2).detail
    with pytest.raises(Refused, match="This machine has 3"):
        roomy(here, there, database_bytes=10**9, copies=3)
    with pytest.raises(Refused, match="95% full"):
        roomy(here, Disk(size_bytes=100, free_bytes=5), database_bytes=10**9, copies=2)


# --- approvals ---------------------------------------------------------------------------------

FILE = Migration(
    version=1,
    digits="001",
    name="a",
    path=Path("001_a.sql"),
    down_path=None,
    sha256="1" * 64,
    size_bytes=1,
)
PLAN = MigrationPlan(applied=(), pending=(FILE,))


def test_an_approval_is_bound_to_target_project_and_every_byte() -> None:
    digest = plan_digest(PLAN, target="production", project_ref="x")
    others = [
        plan_digest(PLAN, target="staging", project_ref="x"),
        plan_digest(PLAN, target="production", project_ref="y"),
        plan_digest(
            replace(PLAN, pending=(replace(FILE, sha256="2" * 64),)),
            target="production",
            project_ref="x",
        ),
        plan_digest(replace(PLAN, pending=()), target="production", project_ref="x"),
    ]
    assert len({digest, *others}) == 5


def test_an_approver_is_known_by_name_or_address_whatever_the_case() -> None:
    ada = "Ada Lovelace <ada@example.org>"
    assert may_approve(ada, ["ADA@example.org"])
    assert may_approve(ada, ["ada lovelace"])
    assert may_approve(ada, [ada])
    assert not may_approve(ada, ["ada"])
    assert not may_approve("Eve <eve@example.org>", ["ada@example.org"])


def test_an_approval_of_somebody_else_does_not_count() -> None:
    eve = Approval(plan_digest="d", by="Eve", role="postgres", at=NOW)
    with pytest.raises(Refused, match="not approved by Ada"):
        judge_approval(PLAN, "d", [eve], ["Ada"])
    assert judge_approval(PLAN, "d", [replace(eve, by="Ada")], ["Ada"]).state is GateState.PASSED
    assert judge_approval(replace(PLAN, pending=()), "d", [], ["Ada"]).state is GateState.NOT_ASKED


# --- between rehearsal and migration -----------------------------------------------------------

MADE = Manifest(
    backup_id="b1",
    target="production",
    project_ref=None,
    database="postgres",
    taken_at=NOW,
    server_version="17",
    tool="pg_dump",
    archive="dump",
    archive_bytes=1,
    archive_sha256="",
    duration_s=1,
    row_counts={},
    left_out=(),
    ledger_version=0,
    platform=None,
    uploaded_to=None,
)
BACKUP = Backup(directory=Path(), manifest=MADE, grade=Grade.LISTS)
SEAL = Seal(
    backup_id="b1",
    target="production",
    project_ref=None,
    at=NOW,
    duration_s=1,
    base_fingerprint="",
    result_fingerprint="",
    comparable=True,
    serving_unasked="",
    traffic_unknown="",
    migrations=(
        RehearsedMigration(
            label=FILE.label,
            sha256=FILE.sha256,
            duration_ms=1,
            reversal=Reversal.REVERSIBLE,
            detail="",
        ),
    ),
    statements=(),
    findings=(),
    lint=LintReport(tools=("squawk 2.70.0",), unread=(), findings=()),
    restored=Restored(server_version="17", tool="", duration_s=4.2, left_out=(), errors=()),
    grade=Grade.REHEARSED,
)
TERMS = GateTerms(waivers=(), backup_max_age_s=60, stops_at=Severity.SERIOUS)


def judged(
    backup: Backup = BACKUP, seal: Seal | Unproven = SEAL, terms: GateTerms = TERMS
) -> dict[str, tuple[GateState, str]]:
    gated = pass_gates(PLAN, backup, seal, terms, GatePowers(clock=Ticking(), say=Heard()))
    return {one.name: (one.state, one.detail) for one in gated.gates}


def refusal(**given: object) -> str:
    with pytest.raises(Refused) as stopped:
        judged(**given)  # type: ignore[arg-type]
    return stopped.value.what


def test_a_rehearsed_plan_passes_with_the_price_of_the_way_back() -> None:
    gates = judged()
    assert {state for state, _ in gates.values()} == {GateState.PASSED}
    assert gates["backup"][1] == "b1, 0 ms old, grade L6"
    assert gates["rollback"][1] == "1 reversible; a restore took 4.2 s"


def test_a_backup_that_is_old_without_need_is_refused_and_nobody_can_waive_it() -> None:
    old = replace(BACKUP, manifest=replace(MADE, taken_at=datetime(2026, 11, 21, tzinfo=UTC)))
    waived = replace(TERMS, waivers=(Waiver(gate="rehearsed", reason="x", by="y"),))
    assert "b1 shows the data of 1440 min 00 s ago" in refusal(backup=old, terms=waived)
    worked = replace(old, manifest=replace(old.manifest, duration_s=86_400.0))
    assert judged(backup=worked)["backup"][0] is GateState.PASSED


def test_what_was_rehearsed_must_be_what_will_run() -> None:
    other = replace(SEAL, migrations=(replace(SEAL.migrations[0], sha256="9" * 64),))
    assert "Not rehearsed as they are now: 001_a." in refusal(seal=other)


def test_a_rehearsal_on_a_sample_says_what_it_has_not_proven() -> None:
    sample = (SampledTable(name="public.t", rows=10_000, of_rows=5_000_000),)
    seal = replace(SEAL, restored=replace(SEAL.restored, sample=sample))
    state, detail = judged(seal=seal)["rehearsed"]
    assert state is GateState.WARNED
    assert "not proven, for it ran on a sample (10000 of 5000000 rows of 1 tables)" in detail


def test_a_release_without_a_rehearsal_needs_a_waiver_and_says_what_it_lacks() -> None:
    without = Unproven(missing="a rehearsal", command="invoke db.rehearse")
    assert "Not proven: a rehearsal." in refusal(seal=without)
    waived = replace(TERMS, waivers=(Waiver(gate="rehearsed", reason="x", by="y"),))
    assert [state for state, _ in judged(seal=without, terms=waived).values()] == [
        GateState.WARNED,  # the backup was never brought back
        GateState.WAIVED,
        GateState.NOT_CHECKED,
        GateState.NOT_CHECKED,
    ]


def test_a_grave_finding_stops_and_the_setting_says_how_grave() -> None:
    found = Finding(
        severity=Severity.SERIOUS, migration="001_a", line=1, what="Rewrites t.", cure="Do not."
    )
    seal = replace(SEAL, findings=(found, replace(found, severity=Severity.NOTE)))
    assert "1 serious, 1 note by the run and squawk 2.70.0: 001_a: Rewrites t." in refusal(
        seal=seal
    )
    warned = replace(SEAL, findings=(replace(found, severity=Severity.WARNING),))
    assert judged(seal=warned)["review"] == (
        GateState.PASSED,
        "1 warning by the run and squawk 2.70.0",
    )
    assert "1 warning by " in refusal(seal=warned, terms=replace(TERMS, stops_at=Severity.WARNING))
    assert judged(seal=seal, terms=replace(TERMS, stops_at=None))["review"][0] is GateState.PASSED


def test_what_a_linter_says_counts_unless_the_run_has_refuted_it() -> None:
    said = LintFinding(
        rule="squawk/ban-drop-column",
        severity=Severity.SERIOUS,
        migration="001_a",
        line=1,
        what="Drops a column.",
        cure="",
    )
    seal = replace(SEAL, lint=replace(SEAL.lint, findings=(said,)))
    assert "001_a: Drops a column." in refusal(seal=seal)
    refuted = replace(said, weighed=Weighed.REFUTED)
    seal = replace(SEAL, lint=replace(SEAL.lint, findings=(refuted,)))
    assert judged(seal=seal)["review"][1] == "nothing found by the run and squawk 2.70.0"


def test_a_migration_that_only_a_restore_undoes_is_a_warning_with_its_time() -> None:
    one_way = replace(SEAL.migrations[0], reversal=Reversal.IRREVERSIBLE)
    state, detail = judged(seal=replace(SEAL, migrations=(one_way,)))["rollback"]
    assert state is GateState.WARNED
    assert detail == (
        "1 irreversible: back from 001_a by restoring the backup only (a restore took 4.2 s)"
    )
