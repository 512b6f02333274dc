"""Holds the schema that was found against the one that the project's migrations make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count
from shipway.schema.differences import HowItDiffers
from shipway.schema.fingerprint import fingerprint
from shipway.values.checks import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.schema.differences import Difference
    from shipway.values.inspection import Snapshot
    from shipway.values.migrations import AppliedMigration, Migration

__all__ = ["applied_files", "promised_results", "unknown_history"]

_NAME = "schema as the migrations make it"
_CURES = {
    HowItDiffers.MISSING: "It was dropped or changed by hand: make it again in a new migration "
    "(invoke db.new), or take it back by hand.",
    HowItDiffers.UNEXPECTED: "It was made by hand, in the dashboard perhaps: write it into a "
    "migration (invoke db.new), or drop it.",
    HowItDiffers.CHANGED: "It was changed by hand: write the change into a migration "
    "(invoke db.new), or take it back.",
}

_OPENS: Final = {"policy", "grant"}
_OPENED: Final = (
    "It was made by hand, in the dashboard perhaps, and can open what nobody has reviewed: take it "
    "back (drop policy, revoke), or, where it is meant, write it into a migration (invoke db.new)."
)
_OF_DEFAULTS = (
    "It was changed outside of the migrations, by hand or by Supabase, and holds for objects that "
    "are made from now on: grant in each migration what its objects need (grant … on … to …), or "
    "write the default into one (alter default privileges …)."
)


def applied_files(
    applied: Sequence[AppliedMigration], files: Sequence[Migration]
) -> tuple[Migration, ...] | str:
    """Return the files that the ledger says were applied, in the order of the folder.

    A text instead says why they cannot tell what to expect.
    """
    if not applied:
        return "the ledger is empty: no migration tells what the schema should be"
    by_version = {file.version: file for file in files}
    for row in applied:
        file = by_version.get(row.version)
        if file is None:
            return f"{row.label} was applied and its file is not here"
        if file.sha256 != row.sha256:
            return f"{file.path.name} was edited after it was applied"
    ran = {row.version for row in applied}
    return tuple(file for file in files if file.version in ran)


def promised_results(
    told: Sequence[Difference], found: Snapshot, *, made: str, accepts: str = ""
) -> Iterator[CheckResult]:
    """Yield one failed result for each difference, or one that passed.

    Args:
        told: how what is there differs from what should be.
        found: what is there.
        made: how it is known what should be there, to end the sentence "the objects are …".
        accepts: the command that takes what is there for what should be there, where no file
            that can be run on an empty database can say so.
    """
    for one in told:
        yield CheckResult(
            group="schema",
            name=one.name,
            outcome=Outcome.FAILED,
            detail=one.said.removeprefix(f"{one.name}: "),
            cure=_cure_of(one, accepts),
        )
    if not told:
        yield CheckResult(
            group="schema",
            name=_NAME,
            outcome=Outcome.PASSED,
            detail=f"{count(len(found.things), 'object')}, the same as {made}; "
            f"fingerprint {fingerprint(found)[:12]}",
        )


def _cure_of(one: Difference, accepts: str) -> str:
    opens = one.how is HowItDiffers.UNEXPECTED and one.kind in _OPENS
    cure = _OPENED if opens else _CURES[one.how]
    return f"{cure} What stays as it is now is accepted by: {accepts}" if accepts else cure


def default_results(told: Sequence[Difference]) -> Iterator[CheckResult]:
    """Yield one warning for each default privilege that is not as the last files met or left it.

    The platform changes them too, and no object that is there is another one for it.
    """
    for one in told:
        yield CheckResult(
            group="schema",
            name=one.name,
            outcome=Outcome.WARNED,
            detail=one.said.removeprefix(f"{one.name}: "),
            cure=_OF_DEFAULTS,
        )


def unknown_history(reason: str) -> CheckResult:
    """Return the result that says why the schema could not be held against the migrations."""
    return CheckResult(
        group="schema",
        name=_NAME,
        outcome=Outcome.NOT_CHECKED,
        detail=reason,
        cure="Declare what must be there in checks/schema.toml.",
    )
