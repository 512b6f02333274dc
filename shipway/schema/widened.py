"""Who may do more than before, and who may do less."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

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
from shipway.values.checks import Outcome
from shipway.values.inspection import Reach

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from shipway.values.checks import CheckResult
    from shipway.values.inspection import Access, Before

__all__ = ["Previous", "narrowed_rights", "previous_of", "widened_rights"]

_FROM: Final = {"select": " from", "insert": " into", "delete": " from"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """Who could do what before: what is wider now is told against it."""

    access: Sequence[Access]
    since: str
    """When that was, in words: `at the last release`."""
    there: Collection[str] = ()
    """What else was there, where the API could not reach it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What has another name now: that one to its name of before."""
    counted: bool = False
    """What only warned then as well is no news."""
    gained: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Role to what it can now beside its own grants, and could not before."""


def previous_of(
    before: Before, places: Mapping[str, str], powers: Mapping[str, Sequence[str]]
) -> Previous:
    """Return what the rights of now are held against.

    Args:
        before: what the target was like before the files.
        places: what relations, columns and functions of before are called now.
        powers: what the roles can now beside their own grants.
    """
    there = {
        name for kind, names in before.identities.items() if kind != "column" for name in names
    }

    def columns(one: Access) -> str:
        """Return the columns under their names of now, without those that are gone."""
        now = [places.get(f"{one.name}.{name}", "") for name in one.columns.split(", ")]
        return ", ".join(place.rpartition(".")[2] for place in now if place)

    return Previous(
        access=tuple(
            one._replace(columns=columns(one)) if one.columns and places else one
            for one in before.access
        ),
        since="before these migrations",
        counted=True,
        there=there,
        names={now: was for was, now in places.items() if was in there and now not in there},
        gained={
            role: gained
            for role, now in powers.items()
            if role != "service_role"
            and (gained := [one for one in now if one not in before.powers.get(role, ())])
        },
    )


def widened_rights(matrix: Sequence[Access], previous: Previous) -> Iterator[CheckResult]:
    """Yield what somebody may do now and could not do before."""
    return _Compared(matrix, previous).widened()


def narrowed_rights(matrix: Sequence[Access], previous: Previous) -> Iterator[CheckResult]:
    """Yield what somebody could do before and is refused now."""
    return _Compared(matrix, previous).narrowed()


class _Compared:
    """A matrix beside the one of before, object by object."""

    def __init__(self, matrix: Sequence[Access], previous: Previous) -> None:
        self._matrix = matrix
        self._since = previous.since
        self._names, self._gained = previous.names, previous.gained
        self._known = {one.name for one in previous.access} | {*previous.there}
        self._was = rights(previous.access)
        now = {one.name for one in matrix} | {*previous.names.values()}
        self._replaced: dict[str, list[Access]] = defaultdict(list)
        for one in previous.access:
            if one.kind == "function" and one.name not in now:
                self._replaced[_bare(one.name)].append(one)

    def widened(self) -> Iterator[CheckResult]:
        """Yield what somebody may do now and could not do before."""
        sections = access_sections(self._matrix)
        for role, powers in self._gained.items():
            for power in powers:
                yield access_result(
                    f"role {role}",
                    Outcome.FAILED,
                    f"{role} can {power}; {self._since} it could not",
                    _role_cure(role, power),
                )
        for access in self._matrix:
            was = self._right_before(access)
            # What a new object opens to signed-in people is told by the difference of the schema.
            if was is None or access.role == "service_role":
                continue
            if wider(Right(access.reach, access.columns), was):
                yield access_result(
                    access.name,
                    Outcome.FAILED,
                    f"{can(access)}; {self._since}: {words(access.command, was)}",
                    _role_cure(access.role, self._gained[access.role][0], sections[access.name])
                    if access.role in self._gained
                    else _right_cure(access, was, sections[access.name]),
                )

    def narrowed(self) -> Iterator[CheckResult]:
        """Yield what somebody could do before and is refused now."""
        for access in self._matrix:
            was = self._right_before(access)
            there = Right(access.reach, access.columns)
            if was is None or there == was or not wider(was, there):
                continue
            if there.reach is Reach.NOTHING or there.columns:
                columns = f" ({was.columns})" if was.columns else ""
                what = f"{access.command}{columns}"
                on = f"{'function ' if access.kind == 'function' else ''}{access.name}"
                kept = f" but {there.columns}" if there.columns else ""
                yield access_result(
                    access.name,
                    Outcome.WARNED,
                    f"{access.role} may no longer {what}{_FROM.get(access.command, '')} "
                    f"{access.name}{kept}: error 42501",
                    f"Where it is still needed: grant {what} on {on} to {access.role};",
                )

    def _right_before(self, access: Access) -> Right | None:
        """Return the right of before; None for an object that is new."""
        name = self._names.get(access.name, access.name)
        if name in self._known:
            return self._was.get((name, access.role, access.command), NOTHING)
        # A function with other arguments that stands in for one that is gone.
        before = self._replaced.get(_bare(access.name)) if access.kind == "function" else None
        if not before:
            return None
        mine = [Right(one.reach, "") for one in before if one.role == access.role]
        return max(mine, key=lambda right: right.reach.width, default=NOTHING)


def _bare(function: str) -> str:
    return function.partition("(")[0]


def _role_cure(role: str, power: str, section: str = "") -> str:
    """Return how a role is made what it was."""
    group = power.removeprefix("all that ").removesuffix(" may")
    attribute = {
        "do everything": "NOSUPERUSER",
        "pass by row level security": "NOBYPASSRLS",
    }.get(power)
    how = f"alter role {role} {attribute};" if attribute else f"revoke {group} from {role};"
    meant = listing(section) if section else f"list what it opens in {ACCESS_FILE}."
    return f"In the file that gives it: {how} When that is meant: {meant}"


def _right_cure(access: Access, was: Right, section: str) -> str:
    """Return how a right is made as narrow as it was, or said to be meant."""
    if access.kind == "function":
        how = f"revoke execute on function {access.name} from public, {access.role};"
    elif was.reach is Reach.NOTHING or was.columns:
        how = f"revoke {access.command} on {access.name} from public, {access.role};"
    else:
        how = (
            f"keep its rows behind policies: row level security on, no BYPASSRLS for "
            f"{access.role}, security_invoker for a view."
        )
    return f"In the file that opens it: {how} When it is meant: {listing(section)}"
