"""A release and a rehearsal as Markdown: for pull requests and the page of a CI run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count, duration, moment, size
from shipway.report.page.parts import take_apart
from shipway.report.page.way_back import ways_back
from shipway.report.words import summary
from shipway.steps.journal.course import StepEnd
from shipway.values.gates import GateState
from shipway.values.rehearsal import Reversal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.report.page.parts import Parts
    from shipway.steps.release.record import ReleaseRecord
    from shipway.values.backup import Backup
    from shipway.values.checks import CheckResult
    from shipway.values.hosting import Deployed
    from shipway.values.logs import Watched
    from shipway.values.rehearsal import Seal

__all__ = ["release_markdown", "seal_markdown"]

_SPECIAL = str.maketrans({one: f"\\{one}" for one in "\\`*_[]<>|#~"})


def release_markdown(record: ReleaseRecord) -> str:
    """Return the release as Markdown: verdict, steps, and what each section of the page says."""
    return "\n".join(_release(record)) + "\n"


def seal_markdown(seal: Seal) -> str:
    """Return what a rehearsal showed as Markdown."""
    return "\n".join(["## Rehearsal", "", *_seal(seal)]) + "\n"


def _release(record: ReleaseRecord) -> Iterator[str]:
    parts = take_apart(record)
    took = duration(record.took_s)
    yield f"## {parts.head.title}: {record.release_id}"
    yield ""
    yield f"To **{_text(record.target)}**, {moment(record.began_at)}, in {took}."
    if record.live_url:
        yield f"Live at {_text(record.live_url)}"
    if parts.head.why and not record.error:
        yield ("")
        yield _text(parts.head.why)
    if record.error:
        yield from ("", _fence(record.error), "")
        yield f"**Unchanged:** {_text(record.unchanged or '')}"
        yield from ("", f"**Next:** {_text(record.next_step or '')}")
    yield from ("", "| step | took | result |", "|---|---:|---|")
    for step in record.steps:
        told = step.error or (summary(step.proof) if step.proof is not None else "")
        end = "" if step.end is StepEnd.DONE else f"**{step.end.value}** "
        first = told.strip().split("\n", 1)[0]
        yield f"| {_text(step.name)} | {duration(step.duration_s)} | {end}{_text(first)} |"
    yield from _sections(record, parts)


def _sections(record: ReleaseRecord, parts: Parts) -> Iterator[str]:
    for title, lines in (
        ("Waived gates", _waivers(parts)),
        ("Migrations", _migrations(parts)),
        ("Rehearsal", _seal(parts.seal) if parts.seal else ()),
        ("Schema", _schema(parts)),
        ("Access", _rights(parts)),
        ("Backup", _backup(parts.backup) if parts.backup else ()),
        ("Checks", _checks(parts.checks)),
        ("Deployment", _deployment(parts.deployed) if parts.deployed else ()),
        ("Watch", _verdict(parts.watched) if parts.watched else ()),
        ("Going back", _ways(record, parts)),
    ):
        told = list(lines)
        if told:
            yield from ("", f"### {title}", "", *told)


def _waivers(parts: Parts) -> Iterator[str]:
    for gate in parts.shut:
        if gate.state is GateState.WAIVED:
            why = f"{_text(gate.detail)} (waived by {_text(gate.waived_by)}: {_text(gate.reason)})"
            yield f"- **{_text(gate.name)}**: {why}"


def _migrations(parts: Parts) -> Iterator[str]:
    if parts.migrated and parts.migrated.recovery_time:
        at = moment(parts.migrated.recovery_time)
        yield f"- just before the first: {at}, the moment to ask Supabase for"
    for run in parts.runs:
        took = duration(run.applied.duration_ms / 1000) if run.applied else "not applied"
        back = f", {run.rehearsed.reversal}" if run.rehearsed else ""
        yield f"- `{_code(run.planned.label)}`: {run.planned.phase}, {took}{back}"


def _schema(parts: Parts) -> Iterator[str]:
    for one in parts.schema or ():
        yield f"- {one.change.value}: {_text(one.kind)} `{_code(one.name)}`"


def _rights(parts: Parts) -> Iterator[str]:
    for one in parts.rights or ():
        yield (
            f"- `{_code(one.object)}`: {_text(one.role)}, {one.commands}: "
            f"{_text(one.before)} became {_text(one.after)}"
        )


def _ways(record: ReleaseRecord, parts: Parts) -> Iterator[str]:
    for way in ways_back(record, parts):
        yield f"- {way.name}: {way.takes}; loses {_text(way.loses)}"


def _seal(seal: Seal) -> Iterator[str]:
    yield (
        f"{count(len(seal.migrations), 'migration')} ran on a restored copy of "
        f"`{seal.backup_id}` on {_text(seal.restored.server)} in {duration(seal.duration_s)}; "
        f"grade L{seal.grade.value}."
    )
    if seal.restored.partly:
        yield f"Not proven: {_text(seal.restored.partly)}."
    if seal.restored.stand_ins:
        yield f"Stand-ins on the copy: {_text(', '.join(seal.restored.stand_ins))}."
    if seal.migrations:
        yield from ("", "| migration | took | undone by its down script |", "|---|---:|---|")
    for one in seal.migrations:
        detail = "" if one.reversal is Reversal.REVERSIBLE else f": {_text(one.detail)}"
        took = duration(one.duration_ms / 1000)
        yield f"| `{_code(one.label)}` | {took} | {one.reversal}{detail} |"
    told = [(one.severity, one.migration, one.line, one.what, one.cure) for one in seal.findings]
    told += [
        (one.severity, one.migration, one.line, f"{one.what} ({one.rule})", one.cure)
        for one in seal.lint.standing
    ]
    if told:
        yield ""
    for severity, migration, line, what, cure in told:
        where = f" `{_code(migration)}:{line}`" if line else f" `{_code(migration)}`"
        yield f"- **{severity}**{where if migration else ''} {_text(what)} {_text(cure)}".rstrip()


def _backup(backup: Backup) -> Iterator[str]:
    made = backup.manifest
    yield f"- `{made.backup_id}`: {summary(backup)}"
    yield f"- archive `{made.archive}`, {size(made.archive_bytes)}, sha256 `{made.archive_sha256}`"


def _deployment(proof: Deployed) -> Iterator[str]:
    yield f"- deployment `{proof.deployment.deployment_id}` at {_text(proof.deployment.url)}"
    yield f"- before it `{proof.previous_id or 'nothing'}`"
    yield from _checks(proof.smoke)


def _verdict(proof: Watched) -> Iterator[str]:
    yield f"**{proof.verdict.value}**: {_text(proof.reason)}"
    yield ""
    for row in proof.worst:
        yield f"- {row.at:%H:%M:%S} {_text(row.level)} {row.status or ''} {_text(row.message)}"


def _checks(results: Sequence[CheckResult]) -> Iterator[str]:
    for one in results:
        mark = "x" if one.outcome.value == "passed" else " "
        yield f"- [{mark}] {_text(one.name)}: {_text(one.detail)}"


def _text(text: str) -> str:
    """Return a text on one line, in which nothing is markup."""
    return " ".join(text.split()).translate(_SPECIAL)


def _code(text: str) -> str:
    """Return a name that stands between backticks."""
    return " ".join(text.split()).replace("`", "'").replace("|", "/")


def _fence(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"
