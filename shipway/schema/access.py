"""Judges who may do what: by checks/access.toml, the last release and the server's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.figures import count
from shipway.inspection import Reach, Tried
from shipway.schema.access_words import Right
from shipway.values import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.inspection import Access
    from shipway.schema.access_words import ExpectedRight

__all__ = ["API_ROLES", "access_results"]

API_ROLES: Final = ("anon", "authenticated", "service_role")
"""The roles that Supabase's Data API uses."""
_FILE: Final = "checks/access.toml"
_NOTHING: Final = Right(Reach.NOTHING, "")


def access_results(
    matrix: Sequence[Access],
    *,
    expected: Sequence[ExpectedRight] | None,
    previous: Sequence[Access] | None,
) -> Iterator[CheckResult]:
    """Yield one result for each right that is not as it should be, and one for all the others.

    Args:
        matrix: as it is now.
        expected: of access.toml; None when there is no such file, and rules take its place.
        previous: as the last release left it; None when that is not known.
    """
    failed = list(_contradictions(matrix))
    if expected is not None:
        failed += _against_file(matrix, expected)
    else:
        failed += _open_to_anyone(matrix)
        failed += _widened(matrix, previous)
    yield from failed
    objects = {access.name for access in matrix}
    tried = sum(access.tried is not Tried.NOT_TRIED for access in matrix)
    if not failed:
        measure = f"as {_FILE} says" if expected is not None else "no door is open to visitors"
        yield _result(
            "who may do what",
            Outcome.PASSED,
            f"{count(len(matrix), 'right')} on {count(len(objects), 'object')}, "
            f"{tried} of them tried: {measure}",
        )
    if previous is not None and expected is not None:
        unlisted = {one.name for one in failed}
        yield from _news([one for one in matrix if one.name not in unlisted], previous)


def _contradictions(matrix: Sequence[Access]) -> Iterator[CheckResult]:
    """Yield where the server answered otherwise than grants and policies say."""
    for access in matrix:
        refused = access.tried is Tried.REFUSED
        told = access.reach is not Reach.NOTHING
        if access.tried is Tried.NOT_TRIED or refused != told:
            continue
        saying = "allow" if told else "refuse"
        answer = "refused" if refused else "allowed"
        yield _result(
            access.name,
            Outcome.WARNED if refused else Outcome.FAILED,
            f"grants and policies {saying} {access.role} to {access.command}, "
            f"and the server {answer} it",
            "Look at the rules, triggers and functions that the object uses.",
        )


def _against_file(matrix: Sequence[Access], told: Sequence[ExpectedRight]) -> Iterator[CheckResult]:
    expected = {(one.object, one.role, one.command): one.right for one in told}
    listed = {(one.object, one.role) for one in told}
    seen = set()
    for access in matrix:
        key = (access.name, access.role, access.command)
        seen.add(key)
        wanted, there = expected.get(key, _NOTHING), Right(access.reach, access.columns)
        if wanted == there:
            continue
        unlisted = "" if (access.name, access.role) in listed else f" (not in {_FILE})"
        wider = _wider(there, wanted)
        yield _result(
            access.name,
            Outcome.FAILED,
            f"{_can(access)}, expected {_words(access.command, wanted)}{unlisted}",
            f"{'Revoke' if wider else 'Grant'} it in a migration, or when it is meant list it: "
            "invoke db.verify --write",
        )
    for name, role, command in sorted(expected.keys() - seen):
        if command and expected[name, role, command] != _NOTHING:
            yield _result(
                name,
                Outcome.FAILED,
                f"{role} is expected to {command}, but there is no such object or role",
                f"Apply the migration that makes it, or take it out of {_FILE}.",
            )


def _open_to_anyone(matrix: Sequence[Access]) -> Iterator[CheckResult]:
    for access in matrix:
        if access.role == "anon" and access.reach in {Reach.BY_POLICY, Reach.EVERY_ROW}:
            yield _result(
                access.name,
                Outcome.FAILED,
                f"{_can(access)}, and no file says that visitors may",
                f"Revoke it in a migration, or when it is meant list it in {_FILE}: "
                "invoke db.verify --write",
            )


def _widened(matrix: Sequence[Access], previous: Sequence[Access] | None) -> Iterator[CheckResult]:
    if previous is None:
        return
    before = {(one.name, one.role, one.command): Right(one.reach, one.columns) for one in previous}
    known = {one.name for one in previous}
    for access in matrix:
        there = Right(access.reach, access.columns)
        was = before.get((access.name, access.role, access.command), _NOTHING)
        # What a new object opens to signed-in people is told by the difference of the schema.
        if access.name in known and access.role != "service_role" and _wider(there, was):
            yield _result(
                access.name,
                Outcome.FAILED,
                f"{_can(access)}; at the last release: {_words(access.command, was)}",
                f"Revoke it in a migration, or when it is meant list it in {_FILE}: "
                "invoke db.verify --write",
            )


def _news(matrix: Sequence[Access], previous: Sequence[Access]) -> Iterator[CheckResult]:
    before = {(one.name, one.role, one.command): Right(one.reach, one.columns) for one in previous}
    changed = [
        f"{_can(access)} (was: {_words(access.command, was)})"
        for access in matrix
        if (was := before.get((access.name, access.role, access.command), _NOTHING))
        != Right(access.reach, access.columns)
    ]
    if changed:
        detail = "since the last release, as listed: " + "; ".join(changed)
        yield _result("changed access", Outcome.PASSED, detail)


def _wider(there: Right, than: Right) -> bool:
    if there.reach.width != than.reach.width:
        return there.reach.width > than.reach.width
    if not than.columns or there.reach is Reach.NOTHING:
        return False
    return not there.columns or not set(there.columns.split(", ")) <= set(than.columns.split(", "))


def _can(access: Access) -> str:
    right = Right(access.reach, access.columns)
    if access.reach is Reach.NOTHING:
        return f"{access.role} cannot {access.command} {access.name}"
    return f"{access.role} can {_words(access.command, right)} of {access.name}"


def _words(command: str, right: Right) -> str:
    if right.reach is Reach.NOTHING:
        return "nothing"
    columns = f" ({right.columns})" if right.columns else ""
    return f"{command}{columns} {right.reach}"


def _result(name: str, outcome: Outcome, detail: str, cure: str = "") -> CheckResult:
    return CheckResult(group="access", name=name, outcome=outcome, detail=detail, cure=cure)
