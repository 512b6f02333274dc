"""Writes the files of a release's record: release.json for programs, release.md for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shipway.figures import duration, moment
from shipway.json_form import json_form
from shipway.report.words import summary
from shipway.values import (
    Backup,
    CheckResult,
    Checks,
    Deployed,
    Migrated,
    Outcome,
    Verified,
    Watched,
    WentBack,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.course import StepRecord
    from shipway.record import ReleaseRecord
    from shipway.report.hide import Hide

__all__ = ["write_files"]


def write_files(record: ReleaseRecord, *, hide: Hide) -> None:
    """Write both files into the record's folder."""
    as_json = json.dumps(json_form(record), indent=2, ensure_ascii=False)
    as_text = "\n".join(_markdown(record))
    record.directory.mkdir(parents=True, exist_ok=True)
    for name, text in (("release.json", as_json), ("release.md", as_text)):
        (record.directory / name).write_text(hide(text) + "\n", encoding="utf-8")


def _markdown(record: ReleaseRecord) -> Iterator[str]:
    yield f"# Release {record.release_id}: {record.end.value}"
    yield ""
    yield f"- target: {record.target}"
    yield f"- began: {moment(record.began_at)}"
    yield f"- took: {duration((record.ended_at - record.began_at).total_seconds())}"
    if record.live_url:
        yield f"- live: {record.live_url}"
    if record.error:
        yield ""
        yield f"**{_in_line(record.error)}**"
        yield ""
        yield f"- unchanged: {_in_line(record.unchanged or '')}"
        yield f"- next: {_in_line(record.next_step or '')}"
    yield ""
    yield "| step | end | took | result |"
    yield "|---|---|---|---|"
    for step in record.steps:
        told = step.error or (summary(step.proof) if step.proof is not None else "")
        cell = _in_line(told).replace("|", "\\|")
        yield f"| {step.name} | {step.end.value} | {duration(step.duration_s)} | {cell} |"
    for step in record.steps:
        details = list(_details(step))
        if details:
            yield from ("", f"## {step.name}", "", *details)


def _in_line(text: str) -> str:
    return " ".join(text.split())


def _details(step: StepRecord) -> Iterator[str]:
    match step.proof:
        case Backup(manifest=made):
            yield f"- archive: `{made.archive}`, sha256 `{made.archive_sha256}`"
            yield f"- made by {made.tool} from PostgreSQL {made.server_version}"
            if made.platform is not None:
                yield f"- recovery time for the platform: {moment(made.platform.recovery_time)}"
        case Migrated(applied_now=rows):
            yield from (f"- `{row.label}` in {duration(row.duration_ms / 1000)}" for row in rows)
        case Verified(results=results) | Checks(results=results):
            yield from (_check(one) for one in results)
        case Deployed() as proof:
            yield f"- deployment: `{proof.deployment.deployment_id}` at {proof.deployment.url}"
            yield f"- before: `{proof.previous_id or 'nothing'}`"
            yield from (_check(one) for one in proof.smoke)
        case WentBack() as proof:
            yield f"- production is `{proof.to_id}` again, instead of `{proof.from_id}`"
            yield from (_check(one) for one in proof.smoke)
        case Watched() as proof:
            yield f"- {proof.requests} requests, {proof.errors} errors, {proof.probes} probes"
            yield from (f"- {row.level}: {_in_line(row.message)}" for row in proof.worst)


def _check(one: CheckResult) -> str:
    mark = "x" if one.outcome is Outcome.PASSED else " "
    return f"- [{mark}] {one.name}: {_in_line(one.detail)}"
