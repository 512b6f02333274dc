"""What must hold after every fault, and after the release that went on from there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.steps.journal.entries import Past, Standing, past_of
from shipway.steps.journal.journal import verify_chain

if TYPE_CHECKING:
    from tests.faults.world import Place

__all__ = ["Before", "after_fault", "at_the_end", "latest"]

_FILES = ["001_first", "002_index", "003_last"]
_WORLD = (
    "select 'relation', c.relname::text, coalesce(i.indisvalid::text, '') from pg_class c "
    "left join pg_index i on i.indexrelid = c.oid where c.relnamespace = 'app'::regnamespace "
    "union all select 'column', a.attrelid::regclass::text, a.attname from pg_attribute a "
    "join pg_class c on c.oid = a.attrelid "
    "where c.relnamespace = 'app'::regnamespace and a.attnum > 0 and not a.attisdropped "
    "order by 1, 2, 3"
)
_UNDISTURBED = [
    ("column", "app.a", "id"),
    ("column", "app.a", "more"),
    ("column", "app.a", "t"),
    ("column", "app.a_id", "id"),
    ("column", "app.b", "id"),
    ("relation", "a", ""),
    ("relation", "a_id", "true"),
    ("relation", "b", ""),
]


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was true before the release that is disturbed."""

    production: str | None
    releases: frozenset[str]


def latest(place: Place, before: Before) -> Past | None:
    """Return the release that this point began, as its journal tells; None when it began none."""
    rows = place.rows(
        "select release_id, array_agg(line order by number) from shipway.journal group by 1 "
        "order by min(written_at)"
    )
    ours = [past_of(name, lines) for name, lines in rows if name not in before.releases]
    return ours[-1] if ours else None


def after_fault(place: Place, before: Before) -> list[str]:
    """Return what does not hold in between, before anything was gone on with."""
    problems = []
    ledger = [label for (label,) in place.rows("select label from shipway.migrations order by 1")]
    if ledger != _FILES[: len(ledger)]:
        problems.append(f"the ledger holds {ledger}")
    has_b = bool(place.rows("select to_regclass('app.b') where to_regclass('app.b') is not null"))
    if has_b != ("003_last" in ledger):
        problems.append(f"003_last: recorded {'003_last' in ledger}, there {has_b}")
    past = latest(place, before)
    production = place.world.production
    made = place.world.deployments(past.release_id) if past else []
    if len(made) > 1:
        problems.append(f"several deployments of one release: {made}")
    if production not in {before.production, *made}:
        problems.append(f"production is {production}, neither old nor new")
    if past is not None and production in made:
        announced = {one.data.get("effect") for one in past.entries if isinstance(one.data, dict)}
        if f"promote {production}" not in announced:
            problems.append("production moved, and the journal does not say so")
    return problems


def at_the_end(place: Place, before: Before, *others: Place, resumed: bool = True) -> list[str]:
    """Return where the end is not that of an undisturbed release.

    Args:
        place: where it ended.
        before: what was true before it.
        others: further machines, on one of which its backup may lie.
        resumed: it was gone on with, or never cut off: then nothing of it may lie about.
    """
    problems = _database(place)
    past = latest(place, before)
    if past is None:
        return [*problems, "there is no release"]
    if past.standing is not Standing.OVER or past.end not in {"good", "not enough evidence"}:
        problems.append(f"the release ended {past.end or past.standing}")
    made = place.world.deployments(past.release_id)
    if made != [place.world.production]:
        problems.append(f"production is {place.world.production}, the release made {made}")
    if resumed:
        problems += _journal(place, past)
        if place.rows("select from shipway.release_lock"):
            problems.append("the lock's record was left behind")
    if not any(_whole_backups(one) for one in (place, *others)):
        problems.append("no backup verifies")
    return problems


def _database(place: Place) -> list[str]:
    problems = []
    ledger = [label for (label,) in place.rows("select label from shipway.migrations order by 1")]
    if ledger != _FILES:
        problems.append(f"the ledger holds {ledger}")
    if (found := place.rows(_WORLD)) != _UNDISTURBED:
        problems.append(f"the schema is {found}")
    if place.rows("select from shipway.migration_steps"):
        problems.append("a migration is half done")
    if place.rows("select count(*) from app.b") != [(2,)]:
        problems.append("003_last did not run exactly once")
    return problems


def _journal(place: Place, past: Past) -> list[str]:
    """Hold the copy on this machine against the database's."""
    path = place.folder / ".shipway" / "releases" / past.release_id / "journal.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    entries, fault = verify_chain(lines)
    if fault is not None:
        return [f"the journal here: {fault.what}"]
    if entries != list(past.entries):
        return [f"the journal here has {len(entries)} lines, the target {len(past.entries)}"]
    return []


def _whole_backups(place: Place) -> int:
    """Count the backups whose archive is the one that its manifest tells of."""
    whole = 0
    for manifest in (place.folder / ".shipway" / "backups").glob("*/manifest.json"):
        body = json.loads(manifest.read_text(encoding="utf-8"))["body"]
        archive = (manifest.parent / body["archive"]).read_bytes()
        whole += hashlib.sha256(archive).hexdigest() == body["archive_sha256"]
    return whole
