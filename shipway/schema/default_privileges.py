"""Default privileges: what they were before each file ran, and what makes another's the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from shipway.values.inspection import DefaultPrivilege

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shipway.values.migrations import Migration

__all__ = ["Defaults", "alterations", "assumptions"]

Defaults: TypeAlias = Mapping[int, tuple[DefaultPrivilege, ...]]
"""A version, and the default privileges that were in force before its file ran."""

_API_ROLES: Final = ("anon", "authenticated", "service_role")
_NEW_PROJECT: Final = ()
_OLDER_PROJECT: Final = tuple(
    DefaultPrivilege(maker="", schema="public", objects=objects, grantee=role, privileges=rights)
    for objects, rights in (
        ("functions", "execute"),
        ("sequences", "select, update, usage"),
        ("tables", "delete, insert, references, select, trigger, truncate, update"),
    )
    for role in _API_ROLES
)
"""As Supabase made projects before 30 October 2026."""

_BUILT_IN: Final = {"functions": "execute", "types": "usage"}
"""What everyone has of new objects without a grant."""
_SPEAKS_OF_THEM: Final = re.compile(r"default\s+privileges", re.IGNORECASE)


def assumptions(
    files: Sequence[Migration],
    recorded: Defaults,
    now: tuple[DefaultPrivilege, ...],
) -> Iterator[Defaults]:
    """Yield what the default privileges may have been when the files ran, the likeliest first.

    Where the ledger has recorded them from the first file on, there is one answer. Before that
    they are not known: those of today are tried, those that were recorded first, those of a new
    project, and those that Supabase gave to projects until October 2026.

    Args:
        files: the applied ones, in order.
        recorded: by the ledger, also for versions that are no longer there.
        now: those of the target.
    """
    known = {file.version: recorded[file.version] for file in files if file.version in recorded}
    first = files[0].version
    if first in known:
        yield _drop_defaults(files, known)
        return
    tried = dict.fromkeys([now, *recorded.values(), _NEW_PROJECT, _OLDER_PROJECT])
    for base in tried:
        yield _drop_defaults(files, {first: base, **known})


def _drop_defaults(files: Sequence[Migration], known: Defaults) -> Defaults:
    """Leave out what says again what is so anyway: each costs a round trip."""
    needed: dict[int, tuple[DefaultPrivilege, ...]] = {}
    before: tuple[DefaultPrivilege, ...] | None = None
    for file in files:
        at = known.get(file.version)
        if at is not None and at != before:
            needed[file.version] = before = at
        if before is not None and _SPEAKS_OF_THEM.search(_text(file)):
            before = None
    return needed


def _text(file: Migration) -> str:
    return file.path.read_text(encoding="utf-8", errors="replace")


def alterations(
    now: Iterable[DefaultPrivilege], wanted: Iterable[DefaultPrivilege], *, maker: str
) -> Iterator[str]:
    """Yield the statements that make one database's default privileges another's.

    Args:
        now: as they are.
        wanted: as they are to be.
        maker: the role that migrates there.
    """
    here, there = _by_place(now), _by_place(wanted)
    for place in sorted({*here, *there}):
        was, becomes = here.get(place, {}), there.get(place, {})
        by, schema, objects = place
        head = f"alter default privileges for role {_quote(by or maker)}"
        head += f" in schema {_quote(schema)}" if schema else ""
        for grantee in sorted({*was, *becomes}):
            before, after = was.get(grantee, ""), becomes.get(grantee, "")
            if before == after:
                continue
            role = "public" if grantee == "public" else _quote(grantee)
            yield f"{head} revoke all on {objects} from {role}"
            if not after and grantee == "public" and not schema:
                after = _BUILT_IN.get(objects, "")
            yield from (
                f"{head} grant {granted} on {objects} to {role}{option}"
                for granted, option in _split_options(after)
            )


def _by_place(
    defaults: Iterable[DefaultPrivilege],
) -> Mapping[tuple[str, str, str], Mapping[str, str]]:
    found: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for one in defaults:
        found[one.maker, one.schema, one.objects][one.grantee] = one.privileges
    return found


def _split_options(privileges: str) -> Iterator[tuple[str, str]]:
    """Yield what may be handed on and what may not, each with the words for it."""
    if privileges in {"", "nothing"}:
        return
    option = " with grant option"
    words = privileges.split(", ")
    plain = [word for word in words if not word.endswith(option)]
    wide = [word.removesuffix(option) for word in words if word.endswith(option)]
    if plain:
        yield ", ".join(plain), ""
    if wide:
        yield ", ".join(wide), option


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
