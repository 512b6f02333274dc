"""Judges who may do what: by checks/access.toml, what was before and the server's answers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count
from shipway.schema.access_words import (
    ACCESS_FILE,
    NOTHING,
    Right,
    access_result,
    access_sections,
    can,
    listing,
    rights,
    wider,
    words,
)
from shipway.schema.widened import narrowed_rights, widened_rights
from shipway.values.checks import Outcome
from shipway.values.inspection import Reach, Tried

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.schema.access_words import ExpectedRight
    from shipway.schema.widened import Previous
    from shipway.values.checks import CheckResult
    from shipway.values.inspection import Access

__all__ = ["API_ROLES", "access_results"]

API_ROLES: Final = ("anon", "authenticated", "service_role")
"""The roles that Supabase's Data API uses."""


def access_results(
    matrix: Sequence[Access],
    *,
    expected: Sequence[ExpectedRight] | None,
    previous: Previous | None,
) -> Iterator[CheckResult]:
    """Yield one result for each right that is not as it should be, and one for all the others.

    Args:
        matrix: as it is now.
        expected: of access.toml; None when there is no such file, and rules take its place.
        previous: as it was; None when that is not known.
    """
    failed = [*_contradictions(matrix, previous), *_broken(matrix, previous)]
    if expected is not None:
        failed += _against_file(matrix, expected, previous)
    else:
        failed += _open_to_anyone(matrix, previous)
        failed += widened_rights(matrix, previous) if previous else ()
    yield from failed
    yield from _untried(matrix)
    objects = {access.name for access in matrix}
    tried = sum(access.tried is not Tried.NOT_TRIED for access in matrix)
    if not failed:
        measure = (
            f"as {ACCESS_FILE} says" if expected is not None else "no door is open to visitors"
        )
        yield access_result(
            "who may do what",
            Outcome.PASSED,
            f"{count(len(matrix), 'right')} on {count(len(objects), 'object')}, "
            f"{tried} of them tried: {measure}",
        )
    if previous is not None and expected is not None:
        unlisted = {one.name for one in failed}
        yield from _news([one for one in matrix if one.name not in unlisted], previous)
    elif previous is not None:
        yield from narrowed_rights(matrix, previous)


def _contradictions(matrix: Sequence[Access], previous: Previous | None) -> Iterator[CheckResult]:
    """Yield where the server answered otherwise than grants and policies say."""
    before = previous.access if previous and previous.counted else ()
    known = {(one.name, one.role, one.command) for one in before if _is_refused(one)}
    for access in matrix:
        refused = access.tried is Tried.REFUSED
        told = access.reach is not Reach.NOTHING
        if access.tried in {Tried.NOT_TRIED, Tried.BROKEN} or refused != told:
            continue
        if refused and (access.name, access.role, access.command) in known:
            continue
        saying = "allow" if told else "refuse"
        answer = "refused" if refused else "allowed"
        yield access_result(
            access.name,
            Outcome.WARNED if refused else Outcome.FAILED,
            f"grants and policies {saying} {access.role} to {access.command}, "
            f"and the server {answer} it" + (f": {access.error}" if access.error else ""),
            "Look at the rules, triggers and functions that the object uses.",
        )


def _broken(matrix: Sequence[Access], previous: Previous | None) -> Iterator[CheckResult]:
    """Yield the objects of which a policy, or their own SQL, ends what a role may do."""
    before = previous.access if previous and previous.counted else ()
    known = {one[1:4] for one in before if one.tried is Tried.BROKEN}
    found: dict[tuple[str, str, bool], list[Access]] = defaultdict(list)
    for access in matrix:
        if access.tried is Tried.BROKEN and access.reach is not Reach.NOTHING:
            found[access.name, access.error, access[1:4] in known].append(access)
    for (name, error, stood), rights_of_it in found.items():
        yield access_result(
            name,
            Outcome.WARNED if stood else Outcome.FAILED,
            f"{_by_role(rights_of_it)}: the server ends it with: {error}",
            "Correct the policies, and the views and functions that they use. Policies of two "
            "tables that each read the other have to ask through a security definer function.",
        )


def _untried(matrix: Sequence[Access]) -> Iterator[CheckResult]:
    """Yield the rights to rows that nobody has seen at work."""
    found: dict[str, list[Access]] = defaultdict(list)
    for access in matrix:
        if (
            access.tried is Tried.NOT_TRIED
            and access.kind != "function"
            and access.reach is not Reach.NOTHING
        ):
            found[access.name].append(access)
    for name, rights_of_it in found.items():
        yield access_result(
            name,
            Outcome.WARNED,
            f"{_by_role(rights_of_it)}: could not be tried, as by a lock, its time or its server",
            "Run it again: invoke db.verify --only access",
        )


def _by_role(matrix: Sequence[Access]) -> str:
    """Say who may do what: `anon select; authenticated select, update`."""
    commands: dict[str, list[str]] = defaultdict(list)
    for access in matrix:
        commands[access.role].append(access.command)
    return "; ".join(f"{role} {', '.join(told)}" for role, told in commands.items())


def _is_refused(access: Access) -> bool:
    return access.tried is Tried.REFUSED and access.reach is not Reach.NOTHING


def _against_file(
    matrix: Sequence[Access], told: Sequence[ExpectedRight], previous: Previous | None
) -> Iterator[CheckResult]:
    expected = {(one.object, one.role, one.command): one.right for one in told}
    listed = {(one.object, one.role) for one in told}
    names = previous.names if previous else {}
    stood, sections = _stood_before(previous), access_sections(matrix)
    seen = set()
    for access in matrix:
        # What the files rename is listed under its old name until somebody writes the new one.
        was = names.get(access.name, "")
        name = was if was and (access.name, access.role) not in listed else access.name
        key = (name, access.role, access.command)
        seen |= {key, (was, access.role, access.command)}
        wanted, there = expected.get(key, NOTHING), Right(access.reach, access.columns)
        if wanted == there or _gets_no_row(access, wanted):
            continue
        unlisted = "" if (name, access.role) in listed else f" (not in {ACCESS_FILE})"
        more = wider(there, wanted)
        yield access_result(
            access.name,
            Outcome.WARNED if _untold(access) in stood else Outcome.FAILED,
            f"{can(access)}, expected {words(access.command, wanted)}{unlisted}"
            + (f"; it was so {previous.since}" if previous and _untold(access) in stood else ""),
            f"{'Revoke' if more else 'Grant'} it in a migration, or when it is meant, write these "
            f"lines into {ACCESS_FILE}, in the place of those of that name:\n"
            f"{sections[access.name]}",
        )
    views = {(one.name, one.role) for one in matrix if one.kind == "view"}
    for name, role, command in sorted(expected.keys() - seen):
        if (name, role) in views:
            continue  # A view that cannot be written: what the file grants there is nobody's.
        if command and expected[name, role, command] != NOTHING:
            yield access_result(
                name,
                Outcome.FAILED,
                f"{role} is expected to {command}, but there is no such object or role",
                f"Apply the migration that makes it, or take it out of {ACCESS_FILE}.",
            )


def _stood_before(previous: Previous | None) -> frozenset[Access]:
    """Return the rights of just before the files: what stood there then stops no release."""
    if previous is None or not previous.counted:
        return frozenset()
    now = {was: name for name, was in previous.names.items()}
    return frozenset(
        _untold(one._replace(name=now.get(one.name, one.name))) for one in previous.access
    )


def _untold(access: Access) -> Access:
    """Return a right without what its trial came to."""
    return access._replace(tried=Tried.NOT_TRIED, error="")


def _gets_no_row(access: Access, wanted: Right) -> bool:
    """Tell whether a visitor gets less than the file says, and no row was ever theirs to get."""
    by_policy = wanted.reach is Reach.BY_POLICY and wanted.columns == access.columns
    return access.role == "anon" and access.reach is Reach.NO_ROW and by_policy


def _open_to_anyone(matrix: Sequence[Access], previous: Previous | None) -> Iterator[CheckResult]:
    stood, sections = _stood_before(previous), access_sections(matrix)
    for access in matrix:
        if access.role == "anon" and access.reach in {Reach.BY_POLICY, Reach.EVERY_ROW}:
            yield access_result(
                access.name,
                Outcome.WARNED if _untold(access) in stood else Outcome.FAILED,
                f"{can(access)}, and no file says that visitors may",
                f"Revoke it in a migration, or when it is meant: {listing(sections[access.name])}",
            )


def _news(matrix: Sequence[Access], previous: Previous) -> Iterator[CheckResult]:
    before = rights(previous.access)
    changed = [
        f"{can(access)} (was: {words(access.command, was)})"
        for access in matrix
        if (was := before.get((access.name, access.role, access.command), NOTHING))
        != Right(access.reach, access.columns)
    ]
    if changed:
        detail = f"as listed, and not so {previous.since}: " + "; ".join(changed)
        yield access_result("changed access", Outcome.PASSED, detail)
