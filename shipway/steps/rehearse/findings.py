"""What the measured run of a migration on a copy says about running it in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count
from shipway.schema.differences import HowItDiffers, differences
from shipway.schema.policies import does_the_same, equal_in, successor_in
from shipway.values.inspection import DEFAULT_PRIVILEGE
from shipway.values.lint import Severity
from shipway.values.rehearsal import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shipway.values.inspection import Snapshot
    from shipway.values.rehearsal import RehearsedStatement

__all__ = ["of_schema", "of_statements"]

_LONG_MS: Final = 1000.0
"""Longer than this, an app's users notice a lock that keeps them out."""
_MANY_ROWS: Final = 10_000
_MINUTE_MS: Final = 60_000.0
_SHOWN_CHARS: Final = 80
_MANY_WAIT: Final = 1.0
"""So many queries that would have to wait while a statement runs are worth a line."""
_KEEPS_OUT_READERS: Final = "AccessExclusiveLock on "
_KEEPS_OUT_WRITERS: Final = (
    *("ShareLock on ", "ShareRowExclusiveLock on ", "ExclusiveLock on "),
    _KEEPS_OUT_READERS,
)
_API_ROLES: Final = ("anon", "authenticated", "public")
_VISITORS: Final = ("anon", "public")
"""Whoever asks the API without a login, and so everyone."""


def of_statements(
    statements: Sequence[RehearsedStatement], rows: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield findings about single statements.

    Args:
        statements: as they were measured, in order.
        rows: `schema.table` to its rows before the first migration.
    """
    for one in statements:
        rewritten = [name for name in one.rewritten if rows.get(name)]
        if rewritten:
            yield _rewrite(one, rewritten, rows)
        if one.held_ms >= _LONG_MS and not rewritten:
            yield from _long_lock(one)
        elif one.queued_per_minute * one.held_ms / _MINUTE_MS >= _MANY_WAIT and not rewritten:
            yield _finding(
                Severity.NOTE,
                one,
                f"holds {', '.join(one.locks)} for {one.held_ms:.0f} ms{_waiting(one)}",
                "Run it at a quiet hour.",
            )
        if one.rows_changed >= _MANY_ROWS and not rewritten:
            yield _finding(
                Severity.WARNING,
                one,
                f"changes {count(one.rows_changed, 'row')} in one transaction "
                f"({one.duration_ms:.0f} ms, {one.wal_bytes / 1e6:.1f} MB of write-ahead log)",
                "Change them in batches outside the migration.",
            )


def of_schema(before: Snapshot, after: Snapshot, *, asked: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield findings about what access the pending set as a whole takes away or gives.

    Args:
        before: the schema before the first file.
        after: the schema after the last one.
        asked: schemas whose rights are tried role by role beside this.
    """
    secured = {
        thing.full_name: thing.fact("row level security")
        for thing in after.things
        if thing.kind == "table"
    }
    for one in before.things:
        off = secured.get(one.full_name) == "off"
        if one.kind == "table" and one.fact("row level security") == "on" and off:
            yield Finding(
                severity=Severity.SERIOUS,
                migration="",
                line=None,
                what=f"Row level security of {one.full_name} is switched off: its policies no "
                "longer hold anyone back.",
                cure="Leave it on, unless the table is meant for everyone.",
            )
    yield from _policies(before, after)
    yield from _grants(before, after, asked)
    yield from _default_privileges(before, after)


def _policies(before: Snapshot, after: Snapshot) -> Iterator[Finding]:
    """Yield which policies are gone, or let others do something; a new name is neither."""
    there = {one.key: one for one in after.things}
    was = {one.key: one for one in before.things}
    told = {
        one.key: one
        for one in differences(before, after)
        if one.kind == "policy" and one.how is not HowItDiffers.UNEXPECTED
    }
    for key, difference in told.items():
        gone = difference.how is HowItDiffers.MISSING
        same = equal_in(after, was[key], before=before) if gone else there[key]
        if same is not None and does_the_same(was[key], same):
            continue
        follows = successor_in(after, was[key], before=before) if gone else None
        what = "gone." if gone else f"another one now: {difference.said}"
        if follows is not None:
            what = f"gone, and {follows.name} takes its place with other rows or roles."
        yield Finding(
            severity=Severity.SERIOUS if gone else Severity.WARNING,
            migration="",
            line=None,
            what=f"The policy {difference.name} is {what}",
            cure="Make sure that the same people may read and write what they should.",
        )


def _grants(before: Snapshot, after: Snapshot, asked: Sequence[str]) -> Iterator[Finding]:
    had = {
        (one.parent, one.name): set(one.fact("privileges").split(", "))
        for one in before.things
        if one.kind == "grant"
    }
    there = {one.full_name for one in before.things if one.kind != "grant"}
    for one in after.things:
        kind, _, name = one.parent.partition(" ")
        if one.kind != "grant" or one.name not in _API_ROLES:
            continue
        new = set(one.fact("privileges").split(", ")) - had.get((one.parent, one.name), set())
        # What a new object gives to signed-in people is told by the difference of the schema, and
        # what the API serves is asked for more closely than its grants.
        by_matrix = one.name == "authenticated" and name.partition(".")[0] in asked
        told = kind in {"sequence", "schema"} and name in there
        told |= kind == "table" and not by_matrix and (one.name != "authenticated" or name in there)
        if new and told:
            yield Finding(
                severity=Severity.WARNING,
                migration="",
                line=None,
                what=f"{one.name} gets {', '.join(sorted(new))} on {one.parent}.",
                cure="Grant no more than the app's visitors need; policies still apply.",
            )


def _default_privileges(before: Snapshot, after: Snapshot) -> Iterator[Finding]:
    """Yield what objects that are made later are granted, and what they are not any more."""
    was, now = _by_default(before), _by_default(after)
    for on_what, role in sorted({*was, *now}):
        had, has = was.get((on_what, role), set()), now.get((on_what, role), set())
        # Of functions and types everyone has a right until it is taken away by name.
        shut, opened = "nothing" in has - had, "nothing" in had - has
        more, less = sorted(has - had - {"nothing"}), sorted(had - has - {"nothing"})
        if more or opened:
            granted = ", ".join(more) or "what everyone has of them without a grant"
            opens = role in _VISITORS
            yield Finding(
                severity=Severity.WARNING if opens else Severity.NOTE,
                migration="",
                line=None,
                what=f"Default privileges: {role} is granted {granted} on every one of the "
                f"{on_what}, from the moment that it is made.",
                cure="Grant single objects instead, unless each that is ever made is meant for "
                "visitors."
                if opens
                else "",
            )
        if less or shut:
            lost = ", ".join(less) or "what everyone has of them without a grant"
            yield Finding(
                severity=Severity.NOTE,
                migration="",
                line=None,
                what=f"Default privileges: {role} is no longer granted {lost} on {on_what}; those "
                "that are there keep theirs.",
                cure="Grant in each migration what its objects need.",
            )


def _by_default(schema: Snapshot) -> Mapping[tuple[str, str], set[str]]:
    return {
        (one.parent, one.name): {*one.fact("privileges").split(", ")}
        for one in schema.things
        if one.kind == DEFAULT_PRIVILEGE
    }


def _rewrite(one: RehearsedStatement, rewritten: Sequence[str], rows: Mapping[str, int]) -> Finding:
    many = sum(rows[name] for name in rewritten)
    serious = one.duration_ms >= _LONG_MS
    return _finding(
        Severity.SERIOUS
        if serious
        else (Severity.WARNING if many >= _MANY_ROWS else Severity.NOTE),
        one,
        f"writes {', '.join(rewritten)} anew ({count(many, 'row')}) and keeps readers and writers "
        f"out for {one.held_ms:.0f} ms on this machine; {one.wal_bytes / 1e6:.1f} MB of WAL"
        f"{_waiting(one)}",
        "Add a new column, fill it in batches, then switch over in a later migration.",
    )


def _long_lock(one: RehearsedStatement) -> Iterator[Finding]:
    locks = [lock for lock in one.locks if lock.startswith(_KEEPS_OUT_WRITERS)]
    if locks:
        who = "readers and writers" if locks[0].startswith(_KEEPS_OUT_READERS) else "writers"
        yield _finding(
            Severity.SERIOUS,
            one,
            f"takes {', '.join(locks)} and keeps {who} out for {one.held_ms:.0f} ms, until its "
            f"transaction ends; it scanned {count(one.rows_scanned, 'row')}{_waiting(one)}",
            "Put it into a file of its own; for an index: CREATE INDEX CONCURRENTLY; for a "
            "constraint: NOT VALID first, VALIDATE in a later file.",
        )


def _waiting(one: RehearsedStatement) -> str:
    """Say which of the target's queries would wait for it."""
    if not one.queued:
        return ""
    text = " ".join(one.queued[0].text.split())
    shown = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
    return (
        f"; {count(len(one.queued), 'query', 'queries')} of the target would wait, "
        f"{one.queued_per_minute:.0f} a minute, most often: {shown}"
    )


def _finding(severity: Severity, one: RehearsedStatement, what: str, cure: str) -> Finding:
    return Finding(
        severity=severity,
        migration=one.migration,
        line=one.line,
        what=f"{one.text}: {what}.",
        cure=cure,
    )
