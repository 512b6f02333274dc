"""Records of releases as they could have been, for the pages that are looked at."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shipway.errors import LogsBad, Stopped
from shipway.steps.journal.course import Found, StepEnd, StepRecord
from shipway.steps.release.record import (
    PlannedMigration,
    PlannedRelease,
    ReleaseRecord,
    make_record,
)
from shipway.values.backup import Backup, Grade, Manifest, Platform
from shipway.values.checks import AccessChange, Change, CheckResult, Outcome, SchemaChange, Verified
from shipway.values.gates import Gate, Gated, GateState
from shipway.values.hosting import Deployed, Deployment, WentBack
from shipway.values.lint import LintFinding, LintReport, Severity, Weighed
from shipway.values.logs import Baseline, LogRow, Verdict, Watched, WatchSample
from shipway.values.migrations import AppliedMigration, Migrated, Phase
from shipway.values.rehearsal import (
    Finding,
    RehearsedMigration,
    RehearsedStatement,
    Restored,
    Reversal,
    Seal,
)

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
BEGAN = datetime(2026, 11, 19, 14, 2, 11, tzinfo=UTC)
OLD, NEW = "dpl_7QpJd2mXkZ4vH9sLw3RtBf", "dpl_9AbTn5cYrW1uE8gKo6MxVz"
SHA = "8d1f0c6e5b7a43928f6e1d0c9b8a7f6e5d4c3b2a190807f6e5d4c3b2a1908070"
LABELS = ("042_invoices", "043_orders_total", "044_orders_by_customer")
SQL = (
    """-- Invoices belong to an order.
create table public.invoices (
    id       bigint generated always as identity primary key,
    order_id bigint not null references public.orders (id),
    total    numeric(12, 2) not null check (total >= 0)
);
alter table public.invoices enable row level security;""",
    """alter table public.orders alter column total type numeric(12, 2);
update public.orders set currency = ? where currency is null;""",
    """create index concurrently orders_by_customer on public.orders (customer_id);""",
)


def _at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def _check(name: str, detail: str, outcome: Outcome = Outcome.PASSED) -> CheckResult:
    cure = "" if outcome is Outcome.PASSED else "Write (select auth.uid()) instead."
    return CheckResult(group="access", name=name, outcome=outcome, detail=detail, cure=cure)


GATES = (
    Gate(name="database", state=GateState.PASSED, detail="PostgreSQL 17.6, reached in 41 ms"),
    Gate(name="pg_dump", state=GateState.PASSED, detail="pg_dump 17.11 for PostgreSQL 17.6"),
    Gate(name="git", state=GateState.PASSED, detail="main is clean and at origin/main"),
    Gate(name="window", state=GateState.NOT_ASKED, detail="release_windows is not set"),
    Gate(
        name="rollback",
        state=GateState.WAIVED,
        detail="043_orders_total is lossy: back only by restoring the backup",
        waived_by="Ada Lovelace",
        reason="Cents were never used; agreed with accounting on 18 November",
    ),
    Gate(
        name="activity",
        state=GateState.WARNED,
        detail="one transaction is open for 4 min 12 s (pid 4711, role cube_reports)",
        cure="Wait for it, or end it: select pg_terminate_backend(4711)",
    ),
)
MANIFEST = Manifest(
    backup_id="20261119-140215-113-production",
    target="production",
    project_ref="abcdefghijklmnopqrst",
    database="postgres",
    taken_at=_at(6),
    server_version="17.6",
    tool="pg_dump 17.11",
    archive="dump.pgc",
    archive_bytes=48_213_377,
    archive_sha256=SHA,
    duration_s=9.4,
    row_counts={"public.orders": 1_204_381, "public.customers": 88_204, "public.users": 4_113},
    left_out=(),
    ledger_version=41,
    platform=Platform(
        pitr_enabled=True,
        backups_count=7,
        newest_at=_at(-39_000),
        recoverable_from=_at(-600_000),
        recoverable_to=_at(0),
        recovery_time=_at(5),
    ),
    uploaded_to="backups/20261119-140215-113-production/dump.pgc",
    snapshot_at=_at(6),
)
STATEMENTS = (
    RehearsedStatement(
        migration=LABELS[1],
        line=1,
        text="alter table public.orders alter column total type numeric(12, 2)",
        duration_ms=3_812.4,
        held_ms=4_920.0,
        locks=("AccessExclusiveLock on public.orders",),
        rewritten=("public.orders", "public.orders_pkey"),
        rows_scanned=1_204_381,
        rows_changed=0,
        wal_bytes=142_000_000,
    ),
    RehearsedStatement(
        migration=LABELS[2],
        line=2,
        text="create index concurrently orders_by_customer on public.orders (customer_id)",
        duration_ms=2_204.9,
        held_ms=2_204.9,
        locks=("ShareUpdateExclusiveLock on public.orders",),
        rewritten=(),
        rows_scanned=2_408_762,
        rows_changed=0,
        wal_bytes=26_100_000,
    ),
    RehearsedStatement(
        migration=LABELS[1],
        line=2,
        text="update public.orders set currency = ? where currency is null",
        duration_ms=1_107.6,
        held_ms=1_107.6,
        locks=("RowExclusiveLock on public.orders",),
        rewritten=(),
        rows_scanned=1_204_381,
        rows_changed=3_204,
        wal_bytes=2_400_000,
    ),
    RehearsedStatement(
        migration=LABELS[0],
        line=2,
        text="create table public.invoices ( id bigint generated always as identity primary key",
        duration_ms=14.2,
        held_ms=21.0,
        locks=("ShareRowExclusiveLock on public.orders",),
        rewritten=(),
        rows_scanned=0,
        rows_changed=0,
        wal_bytes=31_000,
    ),
)
SEAL = Seal(
    backup_id=MANIFEST.backup_id,
    target="production",
    project_ref=MANIFEST.project_ref,
    at=_at(61),
    duration_s=44.2,
    base_fingerprint=SHA[::-1],
    result_fingerprint=SHA,
    comparable=True,
    migrations=(
        RehearsedMigration(
            label=LABELS[0],
            sha256=SHA,
            duration_ms=31,
            reversal=Reversal.REVERSIBLE,
            detail="",
        ),
        RehearsedMigration(
            label=LABELS[1],
            sha256=SHA,
            duration_ms=4_931,
            reversal=Reversal.LOSSY,
            detail="values in the 3 204 rows of public.orders do not come back",
        ),
        RehearsedMigration(
            label=LABELS[2],
            sha256=SHA,
            duration_ms=2_210,
            reversal=Reversal.REVERSIBLE,
            detail="",
        ),
    ),
    statements=STATEMENTS,
    findings=(
        Finding(
            severity=Severity.WARNING,
            migration=LABELS[1],
            line=1,
            what="public.orders is written anew (1 204 381 rows): readers and writers wait 4.9 s.",
            cure="Add a new column, fill it in batches, then switch over in a later migration.",
        ),
    ),
    lint=LintReport(
        tools=("shipway's own rules",),
        unread=(),
        findings=(
            LintFinding(
                rule="squawk/changing-column-type",
                severity=Severity.WARNING,
                migration=LABELS[1],
                line=1,
                what="Changing a column's type rewrites the table.",
                cure="",
                weighed=Weighed.CONFIRMED,
                measured="Measured: 4.9 s under an exclusive lock.",
            ),
        ),
    ),
    restored=Restored(
        server_version="17.6", tool="pg_restore 17.11", duration_s=21.8, left_out=(), errors=()
    ),
    serving_unasked="",
    traffic_unknown="",
    grade=Grade.REHEARSED,
)
APPLIED = tuple(
    AppliedMigration(
        version=42 + at,
        label=label,
        sha256=SHA,
        applied_at=_at(64 + at),
        duration_ms=took,
        applied_by="postgres",
    )
    for at, (label, took) in enumerate(zip(LABELS, (28, 4_120, 1_980), strict=True))
)
VERIFIED = Verified(
    at=_at(73),
    ledger_version=44,
    results=(
        _check("who may do what", "412 rights on 31 objects, 96 of them tried"),
        _check("people see only their orders", "as expected: no row"),
        _check("rows since the backup", "31 of 31 tables lost no row"),
        _check("public.invoices", "its policy asks auth.uid() for every row", Outcome.WARNED),
    ),
    schema_changes=(
        SchemaChange(
            change=Change.ADDED,
            kind="table",
            name="public.invoices",
            fact="",
            before="",
            after="3 columns, 3 constraints, 1 policy, row level security on",
        ),
        SchemaChange(
            change=Change.CHANGED,
            kind="column",
            name="public.orders.total",
            fact="type",
            before="double precision",
            after="numeric(12,2)",
        ),
        SchemaChange(
            change=Change.REMOVED,
            kind="index",
            name="public.orders.orders_customer_old",
            fact="",
            before="CREATE INDEX orders_customer_old ON public.orders USING btree (customer)",
            after="",
        ),
    ),
    access_changes=tuple(
        AccessChange(
            object="public.invoices",
            role="authenticated",
            command=command,
            before="nothing",
            after="rows by policy",
            wider=True,
        )
        for command in ("select", "insert")
    ),
)
DEPLOYED = Deployed(
    deployment=Deployment(
        deployment_id=NEW,
        url="https://harbour-9abtn5cyr-acme.vercel.app",
        ready_state="READY",
        production=True,
        auto_assign_domains=False,
    ),
    production_url="https://harbour.example",
    previous_id=OLD,
    promoted_at=_at(121),
    smoke=(_check("/", "200 in 84 ms"), _check("/health.json", "200 in 31 ms")),
)


def _watched(*, bad: bool, message: str = "") -> Watched:
    """Return a window of a minute, in which a bad version fails ever more requests."""
    samples = []
    for at in range(61 if not bad else 22):
        requests = at * 11 + round(4 * math.sin(at / 3))
        errors = max(0, (at - 6) * 3) if bad else int(at > 20) + int(at > 47)
        samples.append(
            WatchSample(
                at_s=float(at),
                requests=max(0, requests),
                errors=errors,
                probes=at // 2,
                probes_failed=0,
            )
        )
    last = samples[-1]
    row = LogRow(
        row_id="1",
        at=_at(140),
        level="error",
        source="lambda",
        message=message or "TypeError: Cannot read properties of undefined (reading 'total')",
        path="/api/orders/184",
        status=500,
    )
    share = f"{last.errors} of {last.requests} requests failed"
    return Watched(
        verdict=Verdict.BAD if bad else Verdict.GOOD,
        reason=f"{share} ({last.errors / last.requests:.1%}; 12 of 3120 before; 2.0% is let pass).",
        deployment_id=NEW,
        window_s=last.at_s,
        requests=last.requests,
        errors=last.errors,
        probes=last.probes,
        probes_failed=0,
        worst=(row, row) if bad else (),
        baseline=Baseline(requests=3120, errors=12),
        e_value=4.1e6 if bad else 0.02,
        acceptable_share=0.02,
        smallest_seen=0.048,
        new_errors=("500 /api/orders/# TypeError: Cannot read properties",) if bad else (),
        samples=tuple(samples),
    )


def _planned(labels: tuple[str, ...]) -> PlannedRelease:
    return PlannedRelease(
        migrations=tuple(
            PlannedMigration(
                label=label,
                phase=Phase.EXPAND,
                file=f"migrations/{label}.sql",
                sha256=SHA,
                size_bytes=len(text),
                reversible_by=f"{label}.down.sql",
                sql=text,
                sql_cut=False,
            )
            for label, text in zip(labels, SQL, strict=True)
        ),
        held_back=("045_drop_old_total",),
        project="harbour",
        source="214 files, 8.1 MB",
        commit="5ab0831c2f4e",
        serving_id=OLD,
        without_rehearsal="",
        watch_window_s=60.0,
    )


def _steps(*told: tuple[str, float, float, Found]) -> tuple[StepRecord, ...]:
    return tuple(
        StepRecord(name=name, end=StepEnd.DONE, began_at=_at(began), duration_s=took, proof=proof)
        for name, began, took, proof in told
    )


def _common() -> tuple[StepRecord, ...]:
    backup = Backup(directory=Path("backup"), manifest=MANIFEST, grade=Grade.LISTS)
    migrated = Migrated(
        applied_now=APPLIED, ledger_version=44, ledger_label=LABELS[2], ledger_count=44
    )
    return _steps(
        ("preflight", 0, 3.9, Gated(at=BEGAN, gates=GATES)),
        ("backup", 4, 12.8, backup),
        ("rehearse", 17, 44.2, SEAL),
        ("migrate", 62, 6.4, migrated),
        ("verify", 69, 4.1, VERIFIED),
        ("deploy", 74, 48.9, DEPLOYED),
    )


def _record(
    release_id: str, steps: tuple[StepRecord, ...], error: Stopped | None, planned: PlannedRelease
) -> ReleaseRecord:
    last = steps[-1]
    return make_record(
        release_id=release_id,
        target="production",
        ended_at=last.began_at + timedelta(seconds=last.duration_s),
        planned=planned,
        steps=steps,
        directory=Path(release_id),
        root=Path(),
        error=error,
    )


def good() -> ReleaseRecord:
    """Return a release that went well, with a waived gate and a rewrite."""
    steps = (*_common(), *_steps(("logs", 123, 60.0, _watched(bad=False))))
    return _record("20261119-140211-5c41", steps, None, _planned(LABELS))


def rolled_back() -> ReleaseRecord:
    """Return a release that was taken back, whose names and log lines are hostile."""
    bad = _watched(bad=True, message=HOSTILE * 3)
    error = LogsBad(
        f"The logs of {NEW} are BAD: {bad.reason}\n  14:04:31 error 500 /api {HOSTILE}",
        unchanged="The database stays on the new schema, on which the old version's checks pass.",
        next_step="Mend the new version, and run: invoke release --target production",
    )
    went_back = WentBack(
        from_id=NEW,
        to_id=OLD,
        production_url="javascript:alert(1)",
        at=_at(152),
        smoke=(_check("/", "200 in 84 ms"),),
    )
    steps = (
        *_common(),
        *_steps(("logs", 123, 21.0, bad), ("rollback", 144, 7.7, went_back)),
    )
    labels = (f"042_{HOSTILE}", *LABELS[1:])
    return _record("20261120-091500-77aa", steps, error, _planned(labels))


def stopped() -> ReleaseRecord:
    """Return a release that stopped before it changed anything."""
    steps = _common()[:2]
    failed = StepRecord(
        name="rehearse",
        end=StepEnd.FAILED,
        began_at=_at(17),
        duration_s=9.2,
        proof=None,
        error="The rehearsal failed. 043_orders_total.sql, line 1, column 40: no such type",
    )
    error = Stopped(
        "The rehearsal failed. 043_orders_total.sql, line 1, column 40: no such type\n"
        "  1 | alter table public.orders alter column total type numerik(12, 2);\n"
        "    |                                                   ^",
        unchanged="The target was not touched: this happened on a copy of its backup.",
        next_step="Correct the file. Then run: invoke db.rehearse",
    )
    return _record("20261121-160200-0b1e", (*steps, failed), error, _planned(LABELS))
