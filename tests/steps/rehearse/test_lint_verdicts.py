"""A linter's claim is held against the figures: a refuted one is shown with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shipway.steps.rehearse.lint_verdicts import Shown, weigh
from shipway.values.inspection import Snapshot, Thing
from shipway.values.lint import LintFinding, LintReport, Severity, Weighed
from shipway.values.migrations import Phase
from shipway.values.rehearsal import RehearsedStatement

RAN = RehearsedStatement(
    migration="002_x",
    line=3,
    text="alter table public.people add constraint one unique (email)",
    duration_ms=2.0,
    held_ms=3.0,
    locks=("AccessExclusiveLock on public.people",),
    rewritten=(),
    rows_scanned=12,
    rows_changed=0,
    wal_bytes=0,
)


def holding(*things: Thing) -> Snapshot:
    return Snapshot(server_version=170011, things=things)


NOTHING = holding()
TABLE = Thing("table", "public", "people", (("row level security", "off"),))


def weighed(  # noqa: PLR0913 - each is one side of what was shown
    rule: str,
    ran: RehearsedStatement = RAN,
    *,
    phase: Phase = Phase.EXPAND,
    before: Snapshot = NOTHING,
    after: Snapshot = NOTHING,
    whole: bool = True,
    gone: frozenset[str] = frozenset(),
) -> LintFinding:
    finding = LintFinding(
        rule=rule,
        severity=Severity.WARNING,
        migration="002_x",
        line=4,
        what="takes a long lock",
        cure="do it in two steps",
        about="public.people",
    )
    earlier = replace(ran, line=1, held_ms=9000.0)
    shown = Shown(
        statements=[earlier, ran],
        before=before,
        after=after,
        phases={"002_x": phase},
        whole=whole,
        gone=gone,
    )
    report = LintReport(tools=(), unread=(), findings=(finding,))
    ((found,), standing) = weigh(report, shown).findings, weigh(report, shown).standing
    assert (found in standing) == (found.weighed not in {Weighed.REFUTED, Weighed.EXPECTED})
    return found


UNIQUE = "squawk/disallowed-unique-constraint"


def test_a_lock_that_was_short_refutes_the_linter_with_its_figure() -> None:
    found = weighed(UNIQUE)

    assert found.weighed is Weighed.REFUTED
    assert found.measured == (
        "3 ms under AccessExclusiveLock on public.people, 12 rows scanned, none rewritten"
    )


@pytest.mark.parametrize(
    ("ran", "expected"),
    [
        (replace(RAN, held_ms=1200.0), Weighed.CONFIRMED),
        (replace(RAN, held_ms=400.0), Weighed.OPEN),
        (replace(RAN, rewritten=("public.people",), held_ms=400.0), Weighed.CONFIRMED),
        (replace(RAN, rewritten=("public.people",)), Weighed.REFUTED),
        (replace(RAN, locks=(), held_ms=5000.0), Weighed.REFUTED),
        (replace(RAN, migration="001_other"), Weighed.OPEN),
    ],
)
def test_a_lock_is_weighed_by_how_long_it_was_held(
    ran: RehearsedStatement, expected: Weighed
) -> None:
    assert weighed(UNIQUE, ran).weighed is expected


def test_a_short_time_on_a_sample_refutes_nothing() -> None:
    found = weighed(UNIQUE, whole=False)

    assert found.weighed is Weighed.OPEN
    assert found.measured.endswith("on a sample of the rows")
    rewriting = replace(RAN, rewritten=("public.people",))
    assert weighed(UNIQUE, rewriting, whole=False).weighed is Weighed.CONFIRMED
    assert weighed("shipway/no-where", whole=False).weighed is Weighed.OPEN


def test_what_breaks_clients_is_what_a_contract_migration_is_for() -> None:
    gone = frozenset({"column"})
    assert weighed("squawk/ban-drop-column", gone=gone).weighed is Weighed.OPEN
    expected = weighed("squawk/ban-drop-column", gone=gone, phase=Phase.CONTRACT)
    assert expected.weighed is Weighed.EXPECTED
    new = weighed("squawk/ban-drop-column", replace(RAN, locks=()), gone=gone)
    assert new.measured == "it concerns only what is new in this release"


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("squawk/ban-revoke", "privileges"),
        ("squawk/ban-drop-table", "rows"),
        ("squawk/ban-drop-table", "constraint"),
        ("squawk/ban-drop-schema", "materialized view"),
        ("squawk/ban-drop-view", "privileges"),
        ("squawk/ban-drop-function", "trigger"),
    ],
)
def test_what_is_taken_is_given_back_with_all_that_it_had_or_not_at_all(
    rule: str, kind: str
) -> None:
    assert weighed(rule, gone=frozenset({kind})).weighed is Weighed.OPEN
    assert weighed(rule, gone=frozenset({"index"})).weighed is Weighed.REFUTED
    kept = weighed("squawk/ban-revoke")
    assert kept.measured == "every grant that was there before is there after"


def test_row_security_is_looked_up_in_the_schema_behind_the_last_file() -> None:
    off = weighed("shipway/row-security-off", after=holding(TABLE))
    assert off.weighed is Weighed.CONFIRMED
    on = TABLE._replace(facts=(("row level security", "on"),))
    assert weighed("shipway/row-security-off", after=holding(on)).weighed is (Weighed.REFUTED)


def test_a_grant_that_is_taken_back_is_no_danger_any_more() -> None:
    grant = Thing("grant", "table public.people", "anon", (("privileges", "select, update"),))
    found = weighed("shipway/grant-to-everyone", after=holding(grant))
    assert found.measured == "after the last file anon may select, update"
    assert weighed("shipway/grant-to-everyone").weighed is Weighed.REFUTED


def test_rows_that_lie_elsewhere_are_not_counted_and_so_prove_nothing() -> None:
    ran = replace(RAN, text="update public.bills set paid = true", locks=())
    foreign = Thing("foreign table", "public", "bills", ())

    assert weighed("shipway/no-where", ran).weighed is Weighed.REFUTED
    for found in (
        weighed("shipway/no-where", ran, before=holding(foreign)),
        weighed("shipway/no-where", ran, after=holding(foreign)),
    ):
        assert (found.weighed, found.measured) == (Weighed.OPEN, "")
