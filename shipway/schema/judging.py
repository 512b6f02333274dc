"""Holds what was promised against what was seen; each check becomes one result with its cure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count, number
from shipway.schema.expectations import Expect
from shipway.values.checks import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from shipway.schema.expectations import DeclaredTable, QueryCheck
    from shipway.values.inspection import Finding, QueryAnswer, RowCount, Snapshot

__all__ = [
    "declared_results",
    "finding_results",
    "lost_table_result",
    "query_result",
    "row_count_results",
]

_FIGURE: Final = re.compile(r"\d+(?:\.\d+)?")
_RELATIONS = ("table", "view", "materialized view", "foreign table")
_NO_ROLE = "22023"
_TIMED_OUT = "57014"
_DENIED = "42501"


def declared_results(tables: Sequence[DeclaredTable], snapshot: Snapshot) -> Iterator[CheckResult]:
    """Yield one result for each declared table: it is there, with its columns."""
    columns: dict[str, set[str]] = {
        thing.full_name: set() for thing in snapshot.things if thing.kind in _RELATIONS
    }
    for thing in snapshot.things:
        if thing.kind == "column":
            columns[thing.parent].add(thing.name)
    for table in tables:
        full_name = f"{table.schema}.{table.name}"
        if full_name not in columns:
            yield _schema_failed(full_name, f"there is no table {full_name}")
            continue
        missing = [column for column in table.columns if column not in columns[full_name]]
        if missing:
            told = ", ".join(f"{full_name}.{column}" for column in missing)
            yield _schema_failed(full_name, f"missing: {told}")
        else:
            found = f"{len(table.columns)} declared columns are there"
            yield CheckResult(group="schema", name=full_name, outcome=Outcome.PASSED, detail=found)


def _schema_failed(name: str, detail: str) -> CheckResult:
    return CheckResult(
        group="schema",
        name=name,
        outcome=Outcome.FAILED,
        detail=detail,
        cure="Apply the pending migrations (invoke db.status shows them), write the one that is "
        "missing, or correct checks/schema.toml.",
    )


def finding_results(
    findings: Sequence[Finding], group: str, *, before: Sequence[Finding] | None = None
) -> Iterator[CheckResult]:
    """Yield one result for each finding of a group, or one that there was none.

    Args:
        findings: all that there is now.
        group: the group of checks.
        before: what was found before the files ran: it stops nothing. What only warns is
            counted then, and not told again; None where nobody looked.
    """
    mine = [finding for finding in findings if finding.group == group]
    known = {_likeness(one) for one in before or ()}
    old = [one for one in mine if one.level != "error" and _likeness(one) in known]
    for finding in mine:
        if finding in old:
            continue
        yield CheckResult(
            group=group,
            name=finding.object,
            outcome=Outcome.FAILED
            if finding.level == "error" and _likeness(finding) not in known
            else Outcome.WARNED,
            detail=f"{finding.detail} ({finding.lint})",
            cure=finding.cure,
        )
    if old:
        found = f"{count(len(old), 'warning')} from before these migrations: invoke db.verify"
        yield CheckResult(group=group, name="lints", outcome=Outcome.PASSED, detail=found)
    elif not mine:
        found = "none of the known mistakes"
        yield CheckResult(group=group, name="lints", outcome=Outcome.PASSED, detail=found)


def _likeness(finding: Finding) -> tuple[str, str, str, str]:
    """Return what it is known by: figures may be others each time it is looked."""
    return (finding.group, finding.lint, finding.object, _FIGURE.sub("", finding.detail))


def row_count_results(
    before: Mapping[str, int],
    now: Sequence[RowCount],
    *,
    may_lose: Collection[str],
    on_copy: bool = False,
    sampled: bool = False,
) -> Iterator[CheckResult]:
    """Yield one result for each table that lost rows since the backup, and one for the others.

    Args:
        before: `schema.table` to its rows.
        now: the same tables.
        may_lose: those that a file says lose rows.
        on_copy: they were lost on a copy: nothing has to be brought back.
        sampled: on one that held only some rows: the target may keep what went there.
    """
    kept = 0
    first = "Keep them." if on_copy else "Restore the rows from the backup."
    for table in now:
        was = before[table.name]
        if table.rows is None:
            yield _count_result(
                table.name,
                Outcome.NOT_CHECKED,
                f"had {count(was, 'row')} in the backup and could not be counted now",
                first,
            )
        elif table.rows >= was:
            kept += 1
        elif sampled:
            yield _count_result(
                table.name,
                Outcome.PASSED if table.name in may_lose else Outcome.WARNED,
                f"{count(table.rows, 'row')} of the sample's {number(was)}; how many the target "
                "would lose is not known",
                first,
            )
        else:
            yield _count_result(
                table.name,
                Outcome.PASSED if table.name in may_lose else Outcome.FAILED,
                f"{count(table.rows, 'row')}, {number(was)} in the backup",
                first,
            )
    yield _count_result(
        "rows since the backup",
        Outcome.PASSED,
        f"{kept} of {count(len(now), 'table')} lost no row",
        "",
    )


def lost_table_result(name: str, rows: int, *, meant: bool) -> CheckResult:
    """Return the result that tells of a table that went with its rows."""
    return _count_result(
        name,
        Outcome.PASSED if meant else Outcome.WARNED,
        f"the table is gone, with {count(rows, 'row')} in the backup",
        "Restore it from the backup when it is missed.",
    )


def _count_result(name: str, outcome: Outcome, detail: str, first: str) -> CheckResult:
    cure = (
        ""
        if outcome is Outcome.PASSED
        else (
            f"{first} When it is meant to lose rows, say so: "
            f"loses={name} in the head of the migration, or may_lose_rows in checks/data.toml "
            "where the app deletes."
        )
    )
    return CheckResult(group="data", name=name, outcome=outcome, detail=detail, cure=cure)


def query_result(check: QueryCheck, answer: QueryAnswer) -> CheckResult:
    """Return how a critical query went, apart from its time budget."""
    detail, cure = _verdict(check, answer)
    if answer.left_transaction:
        detail = "it ended the transaction that it was to stay in; nothing it did was kept"
        cure = f"Take the transaction command out of checks/{check.file}."
    return CheckResult(
        group="queries",
        name=check.name,
        outcome=Outcome.FAILED if cure else Outcome.PASSED,
        detail=detail,
        cure=cure,
        duration_ms=answer.duration_ms,
    )


def _verdict(check: QueryCheck, answer: QueryAnswer) -> tuple[str, str]:
    """Return what was found and, when it is not what was promised, the cure."""
    if answer.sqlstate is not None:
        return _verdict_on_error(check, answer)
    if check.expect is Expect.ERROR:
        cure = f"{_whom(check)} can do what must be refused; revoke the grant or mend the policy."
        return (
            f"it was answered with {_rows_of(answer)}, expected error {check.wanted}",
            f"See checks/{check.file}: {cure}",
        )
    if check.expect is Expect.VALUE:
        return _verdict_on_value(check, answer)
    if (check.expect is Expect.ROWS) == bool(answer.rows):
        return f"as promised: {check.expect}", ""
    if answer.rows:
        cure = f"Mend the rows that checks/{check.file} returns."
        return f"expected no row, found {_rows_of(answer)}", cure
    return "expected rows, found no row", _missing_rows(check)


def _verdict_on_value(check: QueryCheck, answer: QueryAnswer) -> tuple[str, str]:
    if not answer.rows:
        return f"expected {check.wanted}, found no row", _missing_rows(check)
    if len(answer.rows) != 1 or len(answer.rows[0]) != 1:
        return (
            f"expected one value, found {_rows_of(answer)} of {len(answer.rows[0])}",
            f"Make the query of checks/{check.file} return one value.",
        )
    found = answer.rows[0][0] if answer.rows[0][0] is not None else "null"
    if found == check.wanted:
        return f"as promised: {check.wanted}", ""
    cure = f"Mend the data, or the expectation in checks/{check.file}."
    return f"expected {check.wanted}, found {found}", cure


def _missing_rows(check: QueryCheck) -> str:
    return f"See checks/{check.file}: they are missing, or {_whom(check)} may no longer see them."


def _verdict_on_error(check: QueryCheck, answer: QueryAnswer) -> tuple[str, str]:
    if check.expect is Expect.ERROR and answer.sqlstate == check.wanted:
        return f"refused as promised: {answer.message}", ""
    wanted = f"error {check.wanted}" if check.expect is Expect.ERROR else str(check.expect)
    cures = {
        _DENIED: f"If {_whom(check)} is meant to read it, grant what the query needs and no more "
        "(since 30 October 2026 a new table of Supabase is granted to nobody); if not, correct "
        f"checks/{check.file}.",
        _NO_ROLE: f"Correct the role in the head of checks/{check.file}.",
        _TIMED_OUT: "Make the query faster, or raise the setting check_timeout_s.",
    }
    return (
        f"expected {wanted}, got error {answer.sqlstate}: {answer.message}",
        cures.get(answer.sqlstate or "", f"Mend the schema, or checks/{check.file}."),
    )


def _whom(check: QueryCheck) -> str:
    return f"the role {check.role}" if check.role else "the connection's own role"


def _rows_of(answer: QueryAnswer) -> str:
    """Say how many rows there were; never what stood in them: they may be people's data."""
    count = f"more than {len(answer.rows)}" if answer.more else str(len(answer.rows))
    return f"{count} row{'' if count == '1' else 's'}"
